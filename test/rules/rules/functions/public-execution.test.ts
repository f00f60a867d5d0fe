import { testRule } from "../../rule-cases";

const made =
  "create function public.f() returns int language sql set search_path = '' as 'select 1';";

testRule(
  "public-execution",
  {
    "leave a function to PUBLIC": {
      sql: made,
      objects: ["function public.f()"],
      says: "PUBLIC may execute function public.f()",
    },
  },
  { "take it away": { sql: `${made} revoke all on function public.f() from public;` } },
);
