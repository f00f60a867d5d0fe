import { notes, ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "table-policies",
  {
    "leave a table that nobody reaches": {
      sql: notes,
      objects: ["public.notes"],
      says: "has no policy",
    },
  },
  { "have policies": { sql: ownNotes } },
);
