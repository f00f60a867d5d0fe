import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const view = (options: string, to: string) =>
  `${ownNotes} create view public.all_notes ${options} as select * from public.notes;
  grant select on public.all_notes to ${to};`;

testRule(
  "view-invoker",
  {
    "show what its owner may read": {
      sql: view("", "authenticated"),
      objects: ["public.all_notes"],
      says: "view public.all_notes is without security_invoker, and authenticated has select",
    },
  },
  {
    "read with the rights of who asks": {
      sql: view("with (security_invoker = true)", "authenticated"),
    },
    "be for the back office": { sql: view("", "service_role") },
    "stand on another such view": {
      sql: `${view("with (security_invoker = true)", "authenticated")}
        create view public.few with (security_invoker = true) as select * from public.all_notes limit 3;
        grant select on public.few to authenticated;`,
    },
  },
);
