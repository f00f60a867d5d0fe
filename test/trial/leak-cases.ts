/** A schema that leaks in one way, and its twin that does not. */
export interface LeakCase {
  /** What gets through. */
  way: string;
  leaking: string;
  safe: string;
  code: string;
  object: string;
  /** The finding of the leaking schema, in full. */
  message: string;
}

const OWN = "((select auth.uid()) = user_id)";

/** A table of notes with the policies given, beside the users of 000. */
function notes(policies: string, columns = ""): string {
  return `
    create table public.notes (
      id uuid primary key default gen_random_uuid(),
      user_id uuid not null references public.users (id) on delete cascade,
      body text not null${columns}
    );
    alter table public.notes enable row level security, force row level security;
    ${policies}`;
}

const GRANT_READ = "grant select on public.notes to authenticated;";
const READ = `create policy r on public.notes for select to authenticated using ${OWN}; ${GRANT_READ}`;

const readsNotes = { code: "POL151", object: "public.notes" };

/** One case for each way of attack. */
export const leakCases: readonly LeakCase[] = [
  {
    way: "a tautology in disguise",
    leaking: notes(
      `create policy r on public.notes for select to authenticated using (${OWN} or length(body) >= 0); ${GRANT_READ}`,
    ),
    safe: notes(READ),
    ...readsNotes,
    message:
      "table public.notes: authenticated as user A read 18 rows of user B and user C and user D; 0 are allowed; " +
      "so could authenticated as user B, authenticated as a user who does not exist, authenticated without claims and 4 more",
  },
  {
    way: "rows that one column makes public",
    leaking: notes(
      `create policy r on public.notes for select to authenticated using (${OWN} or is_public); ${GRANT_READ}`,
      ", is_public boolean not null default false",
    ),
    safe: notes(READ, ", is_public boolean not null default false"),
    ...readsNotes,
    message:
      "table public.notes: authenticated as user A read 9 rows of user B and user C and user D; 0 are allowed; " +
      "so could authenticated as user B, authenticated as a user who does not exist, authenticated without claims and 4 more",
  },
  {
    way: "a request without claims",
    leaking: notes(
      `create policy r on public.notes for select to authenticated using (${OWN} or (select auth.uid()) is null); ${GRANT_READ}`,
    ),
    safe: notes(
      `create policy r on public.notes for select to authenticated using (${OWN} and (select auth.uid()) is not null); ${GRANT_READ}`,
    ),
    ...readsNotes,
    message:
      "table public.notes: authenticated without claims read 24 rows of user A and user B and user C and user D; 0 are allowed; " +
      "so could authenticated with empty claims, authenticated with claims that are not JSON, authenticated with claims without sub and 1 more",
  },
  {
    way: "a column grant",
    leaking: notes(
      "create policy r on public.notes for select to authenticated using (true); grant select (body) on public.notes to authenticated;",
    ),
    safe: notes(
      `create policy r on public.notes for select to authenticated using ${OWN}; grant select (body) on public.notes to authenticated;`,
    ),
    ...readsNotes,
    message:
      "table public.notes: authenticated as user A read 18 rows of user B and user C and user D; 0 are allowed; " +
      "so could authenticated as user B, authenticated as a user who does not exist, authenticated without claims and 4 more",
  },
  {
    way: "a change of others' rows",
    leaking: notes(
      `${READ} create policy u on public.notes for update to authenticated using (true); grant update (body) on public.notes to authenticated;`,
    ),
    safe: notes(
      `${READ} create policy u on public.notes for update to authenticated using ${OWN}; grant update (body) on public.notes to authenticated;`,
    ),
    code: "POL152",
    object: "public.notes",
    message:
      "table public.notes: authenticated as user A updated 18 rows of other users; 0 are allowed; " +
      "so could authenticated as user B, authenticated as a user who does not exist, authenticated without claims and 4 more",
  },
  {
    way: "a deletion of others' rows",
    leaking: notes(
      `${READ} create policy d on public.notes for delete to authenticated using (body <> ''); grant delete on public.notes to authenticated;`,
    ),
    safe: notes(
      `${READ} create policy d on public.notes for delete to authenticated using ${OWN}; grant delete on public.notes to authenticated;`,
    ),
    code: "POL152",
    object: "public.notes",
    message:
      "table public.notes: authenticated as user A deleted 15 rows of other users; 0 are allowed; " +
      "so could authenticated as user B, authenticated as a user who does not exist, authenticated without claims and 4 more",
  },
];
