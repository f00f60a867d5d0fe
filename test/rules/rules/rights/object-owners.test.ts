import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "object-owners",
  {
    "own a table, a view, a function and a schema": {
      sql: `create table public.a (id int); alter table public.a owner to service_role;
        create materialized view public.b as select 1; alter materialized view public.b owner to app;
        create function public.c(a integer) returns int language sql as 'select 1';
        alter function public.c owner to service_role;
        create schema d authorization authenticated;`,
      runBy: "postgres",
      objects: ["public.a", "public.b", "function public.c(a integer)", "schema d"],
      says: "table public.a belongs to service_role",
    },
    "create in a schema": {
      sql: "grant create on schema public to service_role;",
      objects: ["schema public"],
      says: "service_role may create objects in schema public",
    },
  },
  { "leave it to who migrates": { sql: ownNotes } },
);
