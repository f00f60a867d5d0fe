import { parseContract } from "../../../../rules/src";
import { notes, ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const platform = parseContract({
  extends: "supabase",
  usersTables: [{ schema: "public", name: "users", key: "id" }],
});
const read = (condition: string) =>
  `${notes} create policy "All notes" on public.notes for select to authenticated using (${condition});
   grant select on public.notes to authenticated;`;
const countries = `create table public.countries (code text primary key, name text);
  alter table public.countries enable row level security, force row level security;
  create policy countries_read on public.countries for select to authenticated using (true);
  grant select on public.countries to authenticated;`;

testRule(
  "policy-confinement",
  {
    "ask for another column than the user with whom a row goes": {
      sql: `${notes} alter table public.notes add editor uuid;
        create policy own on public.notes for select to authenticated using (auth.uid() = editor);
        grant select on public.notes to authenticated;`,
      objects: ["policy own on public.notes"],
      says: "it asks for editor, and not for user_id, which says whose the row is",
    },
    "read rows of others": {
      sql: read("true"),
      objects: ['policy "All notes" on public.notes'],
      says: "lets authenticated reach rows of other users: in `using (true)` it is always true",
    },
    "trust a setting": {
      sql: read("user_id = current_setting('app.user_id')::uuid"),
      objects: ['policy "All notes" on public.notes'],
      says: "trusts the setting app.user_id, which any session can set",
    },
    "restrict it by what is open, too": {
      sql: `${read("true")} create policy floor on public.notes as restrictive to authenticated using (body <> '');`,
      objects: ['policy "All notes" on public.notes'],
      says: "it is always true",
    },
    "restrict another role": {
      sql: `${read("true")} create policy floor on public.notes as restrictive to anon using (user_id = auth.uid());`,
      objects: ['policy "All notes" on public.notes'],
      says: "it is always true",
    },
    "change rows of others": {
      sql: `${ownNotes} create policy edit on public.notes for update to authenticated using (true) with check (user_id = auth.uid());`,
      objects: ["policy edit on public.notes"],
      says: "it is always true",
    },
    "read nobody's rows where the same users write them": {
      sql: `${countries} create policy add on public.countries for insert to authenticated with check (true);
        grant insert on public.countries to authenticated;`,
      objects: ["policy countries_read on public.countries"],
      says: "it is always true",
    },
    "read a parent whose children are somebody's": {
      sql: `${ownNotes} create table public.entries (body text not null default '');
        alter table public.entries enable row level security, force row level security;
        create policy entries_read on public.entries for select to authenticated using (true);
        grant select on public.entries to authenticated; alter table public.notes inherit public.entries;`,
      objects: ["policy entries_read on public.entries"],
      says: "it is always true",
    },
    "show a sealed table to the back office": {
      sql: `create table public.user_api_keys (user_id uuid not null references public.users (id));
        create policy keys_jobs on public.user_api_keys for select to service_role using (true);`,
      objects: ["policy keys_jobs on public.user_api_keys"],
      says: "lets service_role reach rows of other users",
    },
    "be read in a form that is not known": {
      sql: read("case when user_id = auth.uid() then true end"),
      objects: ['policy "All notes" on public.notes'],
      says: "may let authenticated",
      unknown: true,
    },
    "open a platform's table": {
      sql: `create schema storage; create table storage.objects (id uuid, name text, owner uuid references public.users (id));
        create policy objects_read on storage.objects for select using (true);
        grant select on storage.objects to authenticated;`,
      contract: platform,
      objects: ["policy objects_read on storage.objects"],
      says: "lets PUBLIC",
    },
  },
  {
    "read one's own": { sql: ownNotes },
    "read all rows of nobody's table": { sql: countries },
    "read them after a test of the row or the user": {
      sql: countries.replace("using (true)", "using (code <> '' and auth.uid() is not null)"),
    },
    "be restricted to one's own": {
      sql: `${read("true")} create policy floor on public.notes as restrictive to authenticated using (user_id = auth.uid());`,
    },
    "be open to the back office": {
      sql: `${ownNotes} create policy jobs on public.notes to service_role using (true) with check (true);`,
    },
    "be open to a command that nobody is granted": {
      sql: `${notes} create policy all_notes on public.notes for delete to authenticated using (true);`,
    },
    "share what the contract says is shared": {
      sql: read("true"),
      contract: parseContract({ sharedTables: [{ schema: "public", name: "notes" }] }),
    },
    "have a profile whose key is the user": {
      sql: `create table public.profiles (id uuid primary key, bio text);
        alter table public.profiles enable row level security, force row level security;
        create policy own on public.profiles for select to authenticated using (auth.uid() = id);
        grant select on public.profiles to authenticated;`,
    },
    "have a user_id without a foreign key beside other references": {
      sql: `create table public.claims (user_id uuid not null, approved_by uuid not null references public.users (id));
        alter table public.claims enable row level security, force row level security;
        create policy own on public.claims for select to authenticated using (auth.uid() = user_id);
        grant select on public.claims to authenticated;`,
    },
    "stand on a platform by its preset": {
      sql: ownNotes,
      contract: platform,
    },
  },
);
