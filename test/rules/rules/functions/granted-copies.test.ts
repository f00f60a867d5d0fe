import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const copy = (to: string) =>
  `${ownNotes} create materialized view public.totals as select user_id, count(*) from public.notes group by 1;
  ${to === "" ? "" : `grant select on public.totals to ${to};`}`;

testRule(
  "granted-copies",
  {
    "show a materialized view to end users": {
      sql: copy("authenticated, anon"),
      objects: ["public.totals"],
      says: "anon, authenticated has select on materialized view public.totals",
    },
  },
  {
    "show it to the back office": { sql: copy("service_role") },
    "be read by a function for the caller alone": {
      sql: `${copy("")} create function public.mine() returns bigint language sql stable security definer
        set search_path = '' as 'select t.count from public.totals t where t.user_id = auth.uid()';
        revoke execute on function public.mine() from public; grant execute on function public.mine() to authenticated;`,
    },
  },
);
