import { notes, ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "policy-initplan",
  {
    "ask for the user once a row": {
      sql: `${notes} create policy own on public.notes for select to authenticated using (user_id = auth.uid());`,
      objects: ["policy own on public.notes"],
      says: "for every row; once for each query is enough",
    },
  },
  { "ask once a query": { sql: ownNotes } },
);
