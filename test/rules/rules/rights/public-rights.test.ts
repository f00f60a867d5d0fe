import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "public-rights",
  {
    "grant a table to PUBLIC": {
      sql: `${ownNotes} grant select (body), delete on public.notes to public;`,
      objects: ["public.notes"],
      says: "PUBLIC has delete, select (body) on table public.notes",
    },
    "grant a view to PUBLIC": {
      sql: 'create view public."My view" as select 1; grant select on public."My view" to public;',
      objects: ['public."My view"'],
      says: 'on view public."My view"',
    },
    "grant a sequence to PUBLIC": {
      sql: "create sequence public.numbers; grant usage on sequence public.numbers to public;",
      objects: ["sequence public.numbers"],
      says: "PUBLIC has usage",
    },
    "grant a schema to PUBLIC": {
      sql: "create schema extra; grant usage on schema extra to public;",
      objects: ["schema extra"],
      says: "PUBLIC has usage on schema extra",
    },
  },
  { "grant to roles by name": { sql: ownNotes } },
);
