import { testRule } from "../../rule-cases";

const made = (options: string) =>
  `create function public.f(a int4, "b c" varchar) returns int language sql ${options} as 'select 1';`;

testRule(
  "function-search-path",
  {
    "leave it to the caller": {
      sql: made(""),
      objects: ['function public.f(a integer, "b c" character varying)'],
      says: "has no search_path of its own",
    },
    "look among temporary objects first": {
      sql: made("set search_path = pg_temp, public"),
      objects: ['function public.f(a integer, "b c" character varying)'],
      says: "looks for names among temporary objects first",
    },
    "look in the caller's own schema": {
      sql: made('set search_path = "$user", public'),
      objects: ['function public.f(a integer, "b c" character varying)'],
      says: 'has "$user" in its search_path',
    },
  },
  {
    "pin it": { sql: made("set search_path = ''") },
    "have a standard body": {
      sql: "create function public.f() returns int language sql return 1;",
    },
    "come with an extension": {
      sql: "create schema extensions; create extension citext schema extensions;",
      runBy: "postgres",
    },
  },
);
