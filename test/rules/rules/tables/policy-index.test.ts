import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "policy-index",
  {
    "test a column without an index": {
      sql: ownNotes.replace("create index on public.notes (user_id);", ""),
      objects: ["public.notes"],
      says: "test user_id, which leads no index",
    },
  },
  {
    "test the first column of an index": { sql: ownNotes },
    "test the first column of a key": {
      sql: ownNotes.replace(
        "create index on public.notes (user_id);",
        "alter table public.notes add unique (user_id, id);",
      ),
    },
  },
);
