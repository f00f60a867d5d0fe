import { contractPresets } from "../../../../rules/src";
import { notes, ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const policy = (roles: string, condition = "user_id = auth.uid()") =>
  `${notes} create policy own on public.notes for select ${roles} using (${condition});`;

testRule(
  "policy-roles",
  {
    "be for PUBLIC": {
      sql: policy(""),
      objects: ["policy own on public.notes"],
      says: "is for PUBLIC, which is every role",
    },
    "be for requests without a user": {
      sql: policy("to authenticated, anon"),
      objects: ["policy own on public.notes"],
      says: "is for anon, whom nobody signed in",
    },
  },
  {
    "name the role": { sql: ownNotes },
    "be false for everybody": { sql: policy("", "false") },
    "be restrictive": {
      sql: `${notes} create policy floor on public.notes as restrictive using (user_id = auth.uid());`,
    },
    "be for PUBLIC on a platform": { sql: policy(""), contract: contractPresets.get("supabase") },
  },
);
