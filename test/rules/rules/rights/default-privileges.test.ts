import { testRule } from "../../rule-cases";

testRule(
  "default-privileges",
  {
    "open tables to come, and name every role": {
      sql: "alter default privileges in schema public grant select on tables to anon, authenticated, service_role;",
      objects: ["default privileges of migrator in schema public on tables"],
      says: "give anon, authenticated, service_role select",
    },
    "open functions to come": {
      sql: "alter default privileges grant execute on functions to authenticated;",
      objects: ["default privileges of migrator on functions"],
      says: "give authenticated execute",
    },
  },
  {
    "take PUBLIC's right to functions to come away": {
      sql: "alter default privileges revoke execute on functions from public;",
    },
    "open sequences to come": {
      sql: "alter default privileges grant usage on sequences to authenticated;",
    },
  },
);
