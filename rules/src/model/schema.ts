import {
  type Decoded,
  ShapeError,
  boolean,
  list,
  nullable,
  object,
  objectName,
  oneOf,
  optional,
  string,
} from "./shape";

// What the rules judge of a database's catalog. Expressions and names are the server's own deparsed form.
// Absent means "not known", an empty list means "there are none".

/** What a foreign key does with a row, in place of refusing what would leave it without the other. */
export type ForeignKeyAction = Decoded<typeof foreignKeyAction>;
const foreignKeyAction = oneOf("cascade", "set null", "set default");

/** The statements that a policy judges; "all" stands for the four. */
export type RowPolicyCommand = Decoded<typeof command>;
const command = oneOf("select", "insert", "update", "delete", "all");

/** What kind of table it is; a partitioned partition is a "partitioned table". */
const tableKind = oneOf(
  "table",
  "partitioned table",
  "partition",
  "inheritance child",
  "foreign table",
);

/** One privilege of one role on one object. */
export type Grant = Decoded<typeof grant>;
const grant = object({
  /** The role's name; PUBLIC is "public". */
  grantee: string,
  /** Lower case, as SQL spells it: "select", "usage", "execute". */
  privilege: string,
  /** The columns that it is limited to; null when it holds for the whole object. */
  columns: nullable(list(string)),
  /** Its holder may pass it on (`with grant option`); absent when not. */
  grantable: optional(boolean),
});

/** A row level security policy. */
export type RowPolicy = Decoded<typeof rowPolicy>;
const rowPolicy = object({
  name: string,
  command: command,
  /** False for `as restrictive`. */
  permissive: boolean,
  /** Names of the roles that it binds; PUBLIC is "public". */
  roles: list(string),
  /** The deparsed `using` expression (`pg_get_expr`); null when there is none. */
  using: nullable(string),
  /** The deparsed `with check` expression; null when there is none. */
  check: nullable(string),
});

/** A column of a table. */
export type Column = Decoded<typeof column>;
const column = object({
  name: string,
  /** As `format_type` writes it: "uuid", "character varying(40)". */
  type: string,
  notNull: boolean,
  /** The function by which its default makes or reads a large object. */
  largeObject: optional(string),
  /** The column whose value it is always generated from, unchanged, so that nobody writes it. */
  copyOf: optional(string),
  /** It is always generated from other columns. */
  generated: optional(oneOf(true)),
});

/** That columns of a table hold a key of another. */
export type ForeignKey = Decoded<typeof foreignKey>;
const foreignKey = object({
  columns: list(string),
  table: objectName,
  references: list(string),
  /** What happens to the row that names another which is deleted; absent where that is refused. */
  onDelete: optional(foreignKeyAction),
  /** The same where the key of the other is changed. */
  onUpdate: optional(foreignKeyAction),
});

/** A table, partitioned table, partition, inheritance child or foreign table. */
export type Table = Decoded<typeof table>;
const table = object({
  schema: string,
  name: string,
  kind: tableKind,
  owner: optional(string),
  /** Row level security is enabled. */
  rowSecurity: boolean,
  /** Row level security binds the table's owner too. */
  forced: boolean,
  policies: optional(list(rowPolicy)),
  grants: optional(list(grant)),
  /** In the table's order. */
  columns: optional(list(column)),
  /** The columns of the primary key and of each unique constraint or index. */
  keys: optional(list(list(string))),
  foreignKeys: optional(list(foreignKey)),
  /** The columns of each index from its first on, up to the first that is an expression. */
  indexes: optional(list(list(string))),
  /** The tables that it is a partition or an inheritance child of. */
  parents: optional(list(objectName)),
  /** Names of its rewrite rules that do something. */
  rewriteRules: optional(list(string)),
});

/** That a role is a member of another, and how. */
const membership = object({
  /** The role that it is a member of. */
  role: string,
  /** It may grant the membership to others. */
  admin: boolean,
  /** It has that role's rights without `set role`. */
  inherit: boolean,
  /** It may `set role` to it. */
  set: boolean,
});

/** A role and what it may do or become. */
export type Role = Decoded<typeof role>;
const role = object({
  name: string,
  superuser: boolean,
  bypassRowSecurity: boolean,
  createRole: boolean,
  createDatabase: boolean,
  login: boolean,
  inherit: boolean,
  replication: optional(boolean),
  /** Direct memberships only; rules follow the chain. */
  memberOf: list(membership),
});

/** A function or procedure. */
export type DatabaseFunction = Decoded<typeof databaseFunction>;
const databaseFunction = object({
  schema: string,
  name: string,
  /** As `pg_get_function_identity_arguments` writes them; empty when there are none. */
  arguments: string,
  owner: string,
  language: string,
  securityDefiner: boolean,
  /** "immutable", "stable" or "volatile". */
  volatility: optional(string),
  /** The value of its own `set search_path`; null when it has none, "" when it is pinned to nothing. */
  searchPath: nullable(string),
  /** Names of the roles that have EXECUTE, the owner left out; PUBLIC is "public". */
  executableBy: list(string),
  /** What it returns: "uuid", "trigger", "setof public.users". */
  returns: optional(string),
  /** Its body, where a rule may have to read it. */
  source: optional(nullable(string)),
  /** Names of the settings that it runs with, the search path left out. */
  settings: optional(list(string)),
  /** The functions that an aggregate is made of. */
  calls: optional(list(objectName)),
});

/** A view or materialized view. */
export type View = Decoded<typeof view>;
const view = object({
  schema: string,
  name: string,
  kind: oneOf("view", "materialized view"),
  owner: string,
  /** Reads with the rights of who queries it; always false for a materialized view. */
  securityInvoker: boolean,
  grants: list(grant),
  /** Names of its rewrite rules, the one that is the view left out. */
  rewriteRules: optional(list(string)),
  /** The function or catalog by which it reads large objects. */
  largeObject: optional(string),
  /** Its query. */
  definition: optional(string),
});

/** A schema of the database. */
const namespace = object({
  name: string,
  owner: string,
  grants: list(grant),
});

/** What objects to come will grant (`alter default privileges`). */
const defaultPrivilege = object({
  /** The role whose objects they are. */
  owner: string,
  /** The schema that it holds in; null when in every schema. */
  schema: nullable(string),
  objects: oneOf("tables", "sequences", "functions", "types", "schemas"),
  /** `columns` is always null here. */
  grants: list(grant),
});

/** A setting that sessions start with. */
export type SessionSetting = Decoded<typeof setting>;
const setting = object({
  /** Null when it holds for every role. */
  role: nullable(string),
  /** Lower case. */
  name: string,
});

/** That writing a table or view runs a function. */
export type Trigger = Decoded<typeof trigger>;
const trigger = object({
  name: string,
  relation: objectName,
  function: objectName,
});

/** A sequence. */
const sequence = object({
  schema: string,
  name: string,
  grants: list(grant),
});

/** A table of which the foreign keys alone matter. */
export type ReferencedTable = Decoded<typeof referencedTable>;
const referencedTable = object({
  schema: string,
  name: string,
  foreignKeys: list(foreignKey),
});

/** What the rules judge. */
export type Schema = Decoded<typeof schema>;
const schema = object({
  /** Every table of every application schema; temporary tables are not among them. */
  tables: list(table),
  /**
   * The roles that matter to the database, PostgreSQL's own `pg_…` left out: holders of anything in it,
   * what they may become, who may become one of them, and who can read rows past every policy.
   */
  roles: optional(list(role)),
  /** Functions and procedures of the application schemas. */
  functions: optional(list(databaseFunction)),
  views: optional(list(view)),
  schemas: optional(list(namespace)),
  defaultPrivileges: optional(list(defaultPrivilege)),
  /** Settings that a role or the whole database starts every session with. */
  settings: optional(list(setting)),
  sequences: optional(list(sequence)),
  /** Triggers that run a function. */
  triggers: optional(list(trigger)),
  /** Tables that are not judged, and that those above lead to by foreign keys. */
  referenced: optional(list(referencedTable)),
});

/** A schema is not as {@link Schema} describes it. */
export class SchemaShapeError extends Error {
  public override readonly name = "SchemaShapeError";
  public readonly code = "POL002";

  constructor(options: { cause: ShapeError }) {
    super(
      `POL002 The schema's ${options.cause.message}. ` +
        "Take the attestation and the rules from the same version of this project.",
      options,
    );
  }
}

/**
 * Reads a schema from a value that came from elsewhere (a resource's property).
 * @throws SchemaShapeError where a field is missing or of another type.
 */
export function parseSchema(value: unknown): Schema {
  try {
    return schema(value, "");
  } catch (cause) {
    throw cause instanceof ShapeError ? new SchemaShapeError({ cause }) : cause;
  }
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
