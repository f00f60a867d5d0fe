import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

testRule(
  "role-powers",
  {
    "let an application role past row level security": {
      sql: "alter role service_role bypassrls;",
      runBy: "postgres",
      objects: ["role service_role"],
      says: "role service_role has BYPASSRLS",
    },
    "let a role of requests log in": {
      sql: "alter role authenticated login;",
      runBy: "postgres",
      objects: ["role authenticated"],
      says: "role authenticated can log in",
    },
    "become who owns the tables": {
      sql: 'create role "Team-Lead"; grant migrator to "Team-Lead"; grant "Team-Lead" to authenticated;',
      runBy: "postgres",
      objects: ["role app", "role authenticated", 'role "Team-Lead"'],
      says: "can become migrator (app → authenticated → Team-Lead → migrator)",
    },
    "become the back office": {
      sql: "grant service_role to authenticated;",
      runBy: "postgres",
      objects: ["role authenticated"],
      says: "can become service_role",
    },
    "grant tables to a role past row level security": {
      sql: `${ownNotes} create role "Report-Reader" bypassrls; grant select on public.notes to "Report-Reader";`,
      runBy: "postgres",
      objects: ['role "Report-Reader"'],
      says: "role Report-Reader has BYPASSRLS and rights on public.notes",
    },
  },
  { "leave roles alone": { sql: ownNotes } },
);
