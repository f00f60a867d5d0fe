import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "policy-duplicates",
  {
    "have two for a command": {
      sql: `${ownNotes} create policy more on public.notes for select to authenticated using (false);`,
      objects: ["public.notes"],
      says: "more and notes_own of public.notes are permissive policies for select to authenticated",
    },
  },
  {
    "have one for each role": {
      sql: `${ownNotes} create policy jobs on public.notes to service_role using (true);`,
    },
    "be narrowed by a restrictive one": {
      sql: `${ownNotes} create policy floor on public.notes as restrictive to authenticated using (true);`,
    },
  },
);
