import { contractPresets } from "../../../../rules/src";
import { notes, ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "policy-coverage",
  {
    "grant what no policy covers": {
      sql: `${notes} create policy own on public.notes for select to authenticated using (user_id = auth.uid());
        grant select, insert, delete on public.notes to authenticated;`,
      objects: ["public.notes"],
      says: "authenticated is granted insert, delete on public.notes",
    },
    "cover another role": {
      sql: `${ownNotes} grant select on public.notes to service_role;`,
      objects: ["public.notes"],
      says: "service_role is granted select",
    },
    "cover it by a restrictive policy alone": {
      sql: `${notes} create policy floor on public.notes as restrictive to authenticated using (true);
        grant select on public.notes to authenticated;`,
      objects: ["public.notes"],
      says: "authenticated is granted select",
    },
  },
  {
    "cover every command": { sql: ownNotes },
    "leave it to a platform that grants all": {
      sql: `${notes} grant all on public.notes to authenticated;`,
      contract: contractPresets.get("supabase"),
    },
  },
);
