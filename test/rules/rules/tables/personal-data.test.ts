import { parseContract } from "../../../../rules/src";
import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const open = (table: string, columns: string) => `
create table public.${table} (${columns});
alter table public.${table} enable row level security, force row level security;
create policy all_rows on public.${table} for select to authenticated using (true);
grant select on public.${table} to authenticated;`;

testRule(
  "personal-data",
  {
    "show a table of people to everybody": {
      sql: open("patients", "id int primary key, ward text"),
      objects: ["public.patients"],
      says: "its name says that it is about people or groups",
    },
    "show a column about people to everybody": {
      sql: open("addresses_book", "id int primary key, email text"),
      objects: ["public.addresses_book"],
      says: "email says that it is about people or groups",
    },
    "show groups to everybody": {
      sql: open("teams", "id int primary key, name text"),
      objects: ["public.teams"],
      says: "its name",
    },
  },
  {
    "show reference data": { sql: open("countries", "code text, phone_code text, name text") },
    "name the author of a book": { sql: open("books", "id int, author text") },
    "show what the contract shares": {
      sql: open("teams", "id int primary key, name text"),
      contract: parseContract({ sharedTables: [{ schema: "public", name: "teams" }] }),
    },
    "show each user their own": { sql: ownNotes },
  },
);
