import { contractPresets } from "../../../../rules/src";
import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const supabase = contractPresets.get("supabase");

testRule(
  "row-level-security",
  {
    "leave a table without row level security": {
      sql: "create table public.notes (id int);",
      objects: ["public.notes"],
      says: "neither enabled nor forced",
    },
    "leave it unforced": {
      sql: "create table public.notes (id int); alter table public.notes enable row level security;",
      objects: ["public.notes"],
      says: "enabled but not forced",
    },
    "leave a partition out": {
      sql:
        "create table public.logs (id int) partition by range (id);" +
        "create table public.logs_1 partition of public.logs for values from (1) to (2);" +
        "alter table public.logs enable row level security, force row level security;",
      objects: ["public.logs_1"],
      says: "partition public.logs_1",
    },
    "leave it out on a platform that does not force it": {
      sql: "create table public.notes (id int);",
      contract: supabase,
      objects: ["public.notes"],
      says: "no row level security",
    },
  },
  {
    "enable and force it": { sql: ownNotes },
    "make a temporary table": { sql: "create temporary table scratch (id int);" },
    "leave it unforced on a platform": {
      sql: "create table public.notes (id int); alter table public.notes enable row level security;",
      contract: supabase,
    },
  },
);
