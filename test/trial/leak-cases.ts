/** A schema that leaks in one way, and its twin that does not. */
export interface LeakCase {
  /** What gets through. */
  way: string;
  leaking: string;
  safe: string;
  code: string;
  object: string;
  /** What the finding of the leaking schema says. */
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
      "table public.notes: authenticated as user A read 18 rows of user B and user C and user D; 0 are allowed; so could authenticated as user B, authenticated as a user in no world, authenticated without claims and 4 more",
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
      "table public.notes: authenticated as user A read 9 rows of user B and user C and user D, those whose is_public is true; 0 are allowed; so could authenticated as user B, authenticated as a user in no world, authenticated without claims and 4 more",
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
      "table public.notes: authenticated as user A read 18 rows of user B and user C and user D; 0 are allowed; so could authenticated as user B, authenticated as a user in no world, authenticated without claims and 4 more",
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
      "table public.notes: authenticated as user A updated 18 rows of other users; 0 are allowed; so could authenticated as user B, authenticated as a user in no world, authenticated without claims",
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
      "table public.notes: authenticated as user A deleted 15 rows of other users; 0 are allowed; so could authenticated as user B, authenticated as a user in no world, authenticated without claims",
  },
  {
    way: "an insert for somebody else",
    leaking: notes(
      `${READ} create policy i on public.notes for insert to authenticated with check (body is not null); grant insert on public.notes to authenticated;`,
    ),
    safe: notes(
      `${READ} create policy i on public.notes for insert to authenticated with check ${OWN}; grant insert on public.notes to authenticated;`,
    ),
    code: "POL153",
    object: "public.notes",
    message:
      "table public.notes: authenticated as user A inserted 1 row for user B; 0 are allowed; so could authenticated as user B, authenticated as a user in no world, authenticated without claims",
  },
  {
    way: "a gift",
    leaking: notes(
      `${READ} create policy u on public.notes for update to authenticated using ${OWN} with check (true); grant update on public.notes to authenticated;`,
    ),
    safe: notes(
      `${READ} create policy u on public.notes for update to authenticated using ${OWN}; grant update on public.notes to authenticated;`,
    ),
    code: "POL154",
    object: "public.notes",
    message:
      "table public.notes: authenticated as user A gave 6 rows away to user B; 0 are allowed; so could authenticated as user B",
  },
  {
    way: "a theft",
    leaking: notes(
      `${READ} create policy u on public.notes for update to authenticated using (body <> 'x') with check ${OWN}; grant update (user_id) on public.notes to authenticated;`,
    ),
    safe: notes(
      `${READ} create policy u on public.notes for update to authenticated using ${OWN} with check ${OWN}; grant update (user_id) on public.notes to authenticated;`,
    ),
    code: "POL154",
    object: "public.notes",
    message:
      "table public.notes: authenticated as user A took over 12 rows of other users; 0 are allowed; so could authenticated as user B",
  },
  {
    way: "truncate",
    leaking: notes(`${READ} grant truncate on public.notes to service_role;`),
    safe: notes(`${READ} grant select on public.notes to service_role;`),
    code: "POL155",
    object: "public.notes",
    message: "table public.notes: service_role truncated the table; nobody but the owner may",
  },
  {
    way: "a trigger of the attacker's",
    leaking: notes(`${READ} grant trigger on public.notes to authenticated;`),
    safe: notes(READ),
    code: "POL155",
    object: "public.notes",
    message:
      "table public.notes: authenticated as user A put a trigger on the table; nobody but the owner may; so could authenticated as user B, authenticated as a user in no world, authenticated without claims",
  },
  {
    way: "a foreign key of the attacker's",
    leaking: notes(
      `${READ} create schema open; grant usage, create on schema open to authenticated; grant references on public.notes to authenticated;`,
    ),
    safe: notes(`${READ} create schema open; grant usage, create on schema open to authenticated;`),
    code: "POL155",
    object: "public.notes",
    message:
      "table public.notes: authenticated as user A made a foreign key to the table, which tells what keys exist; nobody but the owner may; so could authenticated as user B, authenticated as a user in no world, authenticated without claims",
  },
  {
    way: "a partition by its own name",
    leaking: partitioned(""),
    safe: partitioned(
      `alter table public.events_2024 enable row level security, force row level security;
       create policy r on public.events_2024 for select to authenticated using ${OWN};`,
    ),
    code: "POL151",
    object: "public.events_2024",
    message:
      "table public.events_2024: authenticated as user A read 18 rows of user B and user C and user D; 0 are allowed; so could authenticated as user B, authenticated as a user in no world, authenticated without claims and 4 more",
  },
  {
    way: "an inheritance child by its own name",
    leaking: notes(
      `${READ} create table public.old_notes () inherits (public.notes); grant select on public.old_notes to authenticated;`,
    ),
    safe: notes(`${READ} create table public.old_notes () inherits (public.notes);`),
    code: "POL151",
    object: "public.old_notes",
    message:
      "table public.old_notes: authenticated as user A read 18 rows of user B and user C and user D; 0 are allowed; so could authenticated as user B, authenticated as a user in no world, authenticated without claims and 4 more",
  },
  {
    way: "rows of a child that its parent protects",
    leaking: notes(`${READ} ${lines("true")}`),
    safe: notes(
      `${READ} ${lines(`exists (select from public.notes n where n.id = note_id and n.user_id = (select auth.uid()))`)}`,
    ),
    code: "POL151",
    object: "public.lines",
    message:
      "table public.lines: authenticated as user A read 18 rows of user B and user C and user D; 0 are allowed; so could authenticated as user B, authenticated as a user in no world, authenticated without claims and 4 more",
  },
  {
    way: "a view with its owner's rights",
    leaking: unforced("create view public.all_notes as select body from public.notes;"),
    safe: unforced(
      "create view public.all_notes with (security_invoker = true) as select body from public.notes;",
    ),
    code: "POL156",
    object: "public.all_notes",
    message:
      "authenticated as user A: view public.all_notes gave 24 rows, and 6 without the rows of other users; both must be the same",
  },
  {
    way: "a count through a materialized view",
    leaking: unforced(
      "create materialized view public.all_notes as select count(*) from public.notes;",
    ),
    safe: unforced(
      "create view public.all_notes with (security_invoker = true) as select count(*) from public.notes;",
    ),
    code: "POL156",
    object: "public.all_notes",
    message:
      'authenticated as user A: materialized view public.all_notes gave 1 row that came of rows of other users ({"count":24}); 0 are allowed',
  },
  {
    way: "a function with its owner's rights",
    leaking: unforced(reader("security definer")),
    safe: unforced(reader("security invoker")),
    code: "POL156",
    object: "function public.notes_of(p_user_id uuid)",
    message:
      'authenticated as user A: function public.notes_of(p_user_id uuid) gave 6 rows that came of rows of other users ("00100003"); 0 are allowed',
  },
  {
    way: "a function that changes rows with its owner's rights",
    leaking: unforced(eraser("security definer")),
    safe: unforced(eraser("security invoker")),
    code: "POL156",
    object: "function public.erase(note uuid)",
    message:
      "authenticated as user A: function public.erase(note uuid) changed 1 row of other users; 0 are allowed",
  },
  {
    way: "a setting that users choose",
    leaking: notes(
      `create policy r on public.notes for select to authenticated using (${OWN} or user_id::text = current_setting('app.user_id', true)); ${GRANT_READ}`,
    ),
    safe: notes(
      `create policy r on public.notes for select to authenticated using (user_id::text = current_setting('request.jwt.claims', true)::jsonb ->> 'sub'); ${GRANT_READ}`,
    ),
    ...readsNotes,
    message:
      "table public.notes: authenticated as user A who sets app.user_id read 6 rows of user B; 0 are allowed",
  },
  {
    way: "a claim that users choose",
    leaking: notes(
      `create policy r on public.notes for select to authenticated using (${OWN} or current_setting('request.jwt.claims', true)::jsonb -> 'user_metadata' ->> 'plan' = 'staff'); ${GRANT_READ}`,
    ),
    safe: notes(READ),
    ...readsNotes,
    message:
      "table public.notes: authenticated as user A with user_metadata of their own (staff) read 18 rows of user B and user C and user D; 0 are allowed",
  },
  {
    way: "membership that users give themselves",
    leaking: teams("user_id = (select auth.uid())"),
    safe: teams("false"),
    code: "POL160",
    object: "public.members",
    message: "and then reads 1 row of public.documents of user B, which nobody gave them",
  },
  {
    way: "writing a table that belongs to nobody",
    leaking: settings("grant select, update on public.settings to authenticated;"),
    safe: settings(""),
    code: "POL158",
    object: "public.settings",
    message:
      "table public.settings: authenticated as user A updated 24 rows of a table whose rows belong to no user; so could authenticated as user B, authenticated as a user in no world, authenticated without claims",
  },
];

/** Lines of notes, which have no user of their own. */
function lines(condition: string): string {
  return `
    create table public.lines (
      id bigint generated always as identity primary key,
      note_id uuid not null references public.notes (id) on delete cascade,
      position integer not null check (position between 1 and 500),
      unique (note_id, position)
    );
    alter table public.lines enable row level security, force row level security;
    create policy r on public.lines for select to authenticated using (${condition});
    grant select on public.lines to authenticated;`;
}

function partitioned(partition: string): string {
  return `
    create table public.events (
      user_id uuid not null references public.users (id), happened_on date not null
    ) partition by range (happened_on);
    create table public.events_2024 partition of public.events
      for values from ('2024-01-01') to ('2025-01-01');
    alter table public.events enable row level security, force row level security;
    create policy r on public.events for select to authenticated using ${OWN};
    grant select on public.events, public.events_2024 to authenticated;
    ${partition}`;
}

/** Notes that their owner may read past row level security, as every table's owner without FORCE. */
function unforced(passage: string): string {
  return `${notes(`${READ} grant delete on public.notes to authenticated;
    create policy d on public.notes for delete to authenticated using ${OWN};
    alter table public.notes no force row level security;`)}
    ${passage}
    do $$ begin
      if to_regclass('public.all_notes') is not null then
        grant select on public.all_notes to authenticated;
      end if;
    end $$;`;
}

function reader(rights: string): string {
  return `
    create function public.notes_of(p_user_id uuid) returns setof text
      language sql stable ${rights} set search_path = ''
      as 'select body from public.notes where user_id = p_user_id';
    revoke execute on function public.notes_of(uuid) from public;
    grant execute on function public.notes_of(uuid) to authenticated;`;
}

function eraser(rights: string): string {
  return `
    create function public.erase(note uuid) returns void
      language plpgsql ${rights} set search_path = ''
      as 'begin delete from public.notes where id = note; end';
    revoke execute on function public.erase(uuid) from public;
    grant execute on function public.erase(uuid) to authenticated;`;
}

/** Helpers may read all notes; who helps is looked up by a function. */
/** Documents of teams, which their members read; who may enter a team is what differs. */
function teams(mayEnter: string): string {
  return `
    create table public.teams (id uuid primary key, name text not null);
    create table public.members (
      team_id uuid references public.teams (id), user_id uuid references public.users (id),
      primary key (team_id, user_id)
    );
    create table public.documents (
      id bigint primary key, team_id uuid not null references public.teams (id), title text
    );
    alter table public.teams enable row level security, force row level security;
    alter table public.members enable row level security, force row level security;
    alter table public.documents enable row level security, force row level security;
    create policy r on public.members for select to authenticated using ${OWN};
    create policy i on public.members for insert to authenticated with check (${mayEnter});
    create policy r on public.documents for select to authenticated using (
      exists (select from public.members m where m.team_id = documents.team_id and m.user_id = (select auth.uid()))
    );
    grant select, insert on public.members to authenticated;
    grant select on public.documents to authenticated;`;
}

function settings(grants: string): string {
  return `
    create table public.settings (key text primary key, value text not null);
    alter table public.settings enable row level security, force row level security;
    create policy a on public.settings for all to authenticated using (true);
    ${grants}`;
}
