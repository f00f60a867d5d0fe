import type { ObjectName } from "./contract";

/**
 * What the rules judge of a database's catalog. Expressions and names are the server's own deparsed form.
 * Absent means "not known", an empty list means "there are none".
 */
export interface Schema {
  /** Every table of every application schema; temporary tables are not among them. */
  tables: Table[];
  /**
   * The roles that matter to the database, PostgreSQL's own `pg_…` left out: holders of anything in it,
   * what they may become, who may become one of them, and who can read rows past every policy.
   */
  roles?: Role[];
  /** Functions and procedures of the application schemas. */
  functions?: DatabaseFunction[];
  views?: View[];
  schemas?: Namespace[];
  defaultPrivileges?: DefaultPrivilege[];
  /** Settings that a role or the whole database starts every session with. */
  settings?: SessionSetting[];
  sequences?: Sequence[];
  /** Triggers that run a function. */
  triggers?: Trigger[];
}

/** What kind of table it is; a partitioned partition is a "partitioned table". */
export type TableKind =
  "table" | "partitioned table" | "partition" | "inheritance child" | "foreign table";

/** A table, partitioned table, partition, inheritance child or foreign table. */
export interface Table {
  schema: string;
  name: string;
  kind: TableKind;
  owner?: string;
  /** Row level security is enabled. */
  rowSecurity: boolean;
  /** Row level security binds the table's owner too. */
  forced: boolean;
  policies?: RowPolicy[];
  grants?: Grant[];
  /** In the table's order. */
  columns?: Column[];
  /** The columns of the primary key and of each unique constraint or index. */
  keys?: string[][];
  foreignKeys?: ForeignKey[];
  /** The columns of each index from its first on, up to the first that is an expression. */
  indexes?: string[][];
  /** The tables that it is a partition or an inheritance child of. */
  parents?: ObjectName[];
  /** Names of its rewrite rules that do something. */
  rewriteRules?: string[];
}

/** A column of a table. */
export interface Column {
  name: string;
  /** As `format_type` writes it: "uuid", "character varying(40)". */
  type: string;
  notNull: boolean;
  /** The function by which its default makes or reads a large object. */
  largeObject?: string;
  /** The column whose value it is always generated from, unchanged, so that nobody writes it. */
  copyOf?: string;
  /** It is always generated from other columns. */
  generated?: true;
}

/** That columns of a table hold a key of another. */
export interface ForeignKey {
  columns: string[];
  table: ObjectName;
  references: string[];
  /** What happens to the row that names another which is deleted; absent where that is refused. */
  onDelete?: ForeignKeyAction;
  /** The same where the key of the other is changed. */
  onUpdate?: ForeignKeyAction;
}

/** What a foreign key does with a row, in place of refusing what would leave it without the other. */
export type ForeignKeyAction = "cascade" | "set null" | "set default";

/** A setting that sessions start with. */
export interface SessionSetting {
  /** Null when it holds for every role. */
  role: string | null;
  /** Lower case. */
  name: string;
}

/** A sequence. */
export interface Sequence {
  schema: string;
  name: string;
  grants: Grant[];
}

/** That writing a table or view runs a function. */
export interface Trigger {
  name: string;
  relation: ObjectName;
  function: ObjectName;
}

/** A place in a migration; lines count from 1. */
export interface Origin {
  file: string;
  line: number;
}

/** The statements that a policy judges; "all" stands for the four. */
export type RowPolicyCommand = "select" | "insert" | "update" | "delete" | "all";

/** A row level security policy. */
export interface RowPolicy {
  name: string;
  command: RowPolicyCommand;
  /** False for `as restrictive`. */
  permissive: boolean;
  /** Names of the roles that it binds; PUBLIC is "public". */
  roles: string[];
  /** The deparsed `using` expression (`pg_get_expr`); null when there is none. */
  using: string | null;
  /** The deparsed `with check` expression; null when there is none. */
  check: string | null;
}

/** One privilege of one role on one object. */
export interface Grant {
  /** The role's name; PUBLIC is "public". */
  grantee: string;
  /** Lower case, as SQL spells it: "select", "usage", "execute". */
  privilege: string;
  /** The columns that it is limited to; null when it holds for the whole object. */
  columns: string[] | null;
  /** Its holder may pass it on (`with grant option`); absent when not. */
  grantable?: boolean;
}

/** A role and what it may do or become. */
export interface Role {
  name: string;
  superuser: boolean;
  bypassRowSecurity: boolean;
  createRole: boolean;
  createDatabase: boolean;
  login: boolean;
  inherit: boolean;
  replication?: boolean;
  /** Direct memberships only; rules follow the chain. */
  memberOf: Membership[];
}

/** That a role is a member of another, and how. */
export interface Membership {
  /** The role that it is a member of. */
  role: string;
  /** It may grant the membership to others. */
  admin: boolean;
  /** It has that role's rights without `set role`. */
  inherit: boolean;
  /** It may `set role` to it. */
  set: boolean;
}

/** A function or procedure. */
export interface DatabaseFunction {
  schema: string;
  name: string;
  /** As `pg_get_function_identity_arguments` writes them; empty when there are none. */
  arguments: string;
  owner: string;
  language: string;
  securityDefiner: boolean;
  /** "immutable", "stable" or "volatile". */
  volatility?: string;
  /** The value of its own `set search_path`; null when it has none, "" when it is pinned to nothing. */
  searchPath: string | null;
  /** Names of the roles that have EXECUTE, the owner left out; PUBLIC is "public". */
  executableBy: string[];
  /** What it returns: "uuid", "trigger", "setof public.users". */
  returns?: string;
  /** Its body, where a rule may have to read it. */
  source?: string | null;
  /** Names of the settings that it runs with, the search path left out. */
  settings?: string[];
  /** The functions that an aggregate is made of. */
  calls?: ObjectName[];
}

/** A view or materialized view. */
export interface View {
  schema: string;
  name: string;
  kind: "view" | "materialized view";
  owner: string;
  /** Reads with the rights of who queries it; always false for a materialized view. */
  securityInvoker: boolean;
  grants: Grant[];
  /** Names of its rewrite rules, the one that is the view left out. */
  rewriteRules?: string[];
  /** The function or catalog by which it reads large objects. */
  largeObject?: string;
  /** Its query. */
  definition?: string;
}

/** A schema of the database. */
export interface Namespace {
  name: string;
  owner: string;
  grants: Grant[];
}

/** What objects to come will grant (`alter default privileges`). */
export interface DefaultPrivilege {
  /** The role whose objects they are. */
  owner: string;
  /** The schema that it holds in; null when in every schema. */
  schema: string | null;
  objects: "tables" | "sequences" | "functions" | "types" | "schemas";
  /** `columns` is always null here. */
  grants: Grant[];
}

/** Whether a finding refuses what was judged or is advice. */
export type Level = "mandatory" | "advisory";

/** What kind of object a finding is about. */
export type ObjectKind =
  | "table"
  | "view"
  | "sequence"
  | "function"
  | "policy"
  | "trigger"
  | "rule"
  | "role"
  | "schema"
  | "database"
  | "default privileges";

/** One thing that a rule found wrong. */
export interface Finding {
  /** The rule's name, kebab-case. */
  rule: string;
  /** The rule's code, `POL…`, which `docs/policies` explains. */
  code: string;
  level: Level;
  /** Absent where no object of a database is wrong. */
  kind?: ObjectKind;
  /** The object that is wrong, as PostgreSQL names it: "public.notes", "policy own on public.notes". */
  object: string;
  /** True where the rule cannot tell: the trial decides. */
  unknown?: true;
  /** What was found and what was required. */
  message: string;
  /** What to write instead. */
  remediation: string;
  file?: string;
  line?: number;
}
