import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "rewrite-rules",
  {
    "run statements of its own": {
      sql: `${ownNotes} create rule "Keep" as on delete to public.notes do also select 1;`,
      objects: ['rule "Keep" on public.notes'],
      says: "runs statements with the rights of the table's owner",
    },
  },
  {
    "do nothing": {
      sql: `${ownNotes} create rule never as on delete to public.notes do instead nothing;`,
    },
  },
);
