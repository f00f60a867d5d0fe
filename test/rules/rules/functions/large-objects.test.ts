import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const get = (to: string) =>
  `create function public.load(o oid) returns bytea language sql set search_path = '' as 'select lo_get(o)';
  revoke execute on function public.load from public; grant execute on function public.load to ${to};`;

testRule(
  "large-objects",
  {
    "read one in a function": {
      sql: get("authenticated"),
      objects: ["function public.load(o oid)"],
      says: "uses large objects (lo_get)",
    },
    "make one by a default": {
      sql: `${ownNotes} alter table public.notes add picture oid default lo_from_bytea(0, '');`,
      objects: ["public.notes"],
      says: "the default of public.notes.picture uses large objects (lo_from_bytea)",
    },
    "read one in a view": {
      sql: `${ownNotes} create view public.v as select lo_get(1) from public.notes; grant select on public.v to authenticated;`,
      objects: ["public.v"],
      says: "view public.v uses large objects",
    },
  },
  {
    "read one in the back office": { sql: get("service_role") },
    "have such a name": {
      sql: "create function public.lo_get() returns int language sql set search_path = '' as 'select 1';",
    },
  },
);
