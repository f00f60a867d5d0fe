import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "unconfined-rights",
  {
    "grant all on a table": {
      sql: `${ownNotes} grant all on public.notes to authenticated, service_role;`,
      objects: ["public.notes", "public.notes"],
      says: "authenticated has maintain, references, trigger, truncate on table public.notes",
    },
    "let a right be passed on": {
      sql: `${ownNotes} grant select on public.notes to service_role with grant option;`,
      objects: ["public.notes"],
      says: "service_role may grant select on table public.notes to others",
    },
  },
  { "grant commands by name": { sql: ownNotes } },
);
