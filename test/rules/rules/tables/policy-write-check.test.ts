import { notes, ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const teams = `create table public.teams (id uuid primary key default gen_random_uuid(), name text);
  alter table public.teams enable row level security, force row level security;`;

testRule(
  "policy-write-check",
  {
    "write rows for others": {
      sql: `${notes} create policy add on public.notes for insert to authenticated with check (auth.uid() is not null);
        grant insert (user_id, body) on public.notes to authenticated;`,
      objects: ["policy add on public.notes"],
      says: "write rows for other users: in `with check ((auth.uid() IS NOT NULL))` it is true for every signed-in user",
    },
    "give one's own away": {
      sql: `${notes} create policy edit on public.notes for update to authenticated using (user_id = auth.uid()) with check (true);
        grant update on public.notes to authenticated;`,
      objects: ["policy edit on public.notes"],
      says: "it is always true",
    },
    "add rows that name nobody, as far as rules can tell": {
      sql: `${teams} create policy add on public.teams for insert to authenticated with check (true);
        grant insert (name) on public.teams to authenticated;`,
      objects: ["policy add on public.teams"],
      says: "a new row names nobody",
      unknown: true,
    },
  },
  {
    "write one's own": { sql: ownNotes },
    "leave with check out where using holds": {
      sql: `${notes} create policy edit on public.notes for update to authenticated using (user_id = auth.uid());
        grant update on public.notes to authenticated;`,
    },
    "leave it open where a row says of nobody whose it is": {
      sql: `${teams} create policy edit on public.teams for update to authenticated using (name = 'x') with check (true);
        grant update (name) on public.teams to authenticated;`,
    },
  },
);
