import type { ObjectName } from "./contract";
import type {
  Column,
  DatabaseFunction,
  DefaultPrivilege,
  ForeignKey,
  Grant,
  Membership,
  Namespace,
  Role,
  RowPolicy,
  Schema,
  Sequence,
  SessionSetting,
  Table,
  Trigger,
  View,
} from "./schema";

/** A value is not a schema as {@link Schema} describes it. */
export class SchemaShapeError extends Error {
  public override readonly name = "SchemaShapeError";
  public readonly code = "POL002";

  constructor(
    /** Where in the value, as `tables[3].name`. */
    public readonly path: string,
    /** What had to stand there. */
    public readonly required: string,
  ) {
    super(
      `POL002 The schema's ${path} is not ${required}. ` +
        "Take the attestation and the rules from the same version of this project.",
    );
  }
}

type Decoder<T> = (value: unknown, path: string) => T;
type Decoders<T> = { [K in keyof T]-?: Decoder<T[K]> };

const tableName = object<ObjectName>({ schema: string, name: string });

const grant = object<Grant>({
  grantee: string,
  privilege: string,
  columns: nullable(list(string)),
  grantable: optional(boolean),
});

const rowPolicy = object<RowPolicy>({
  name: string,
  command: oneOf("select", "insert", "update", "delete", "all"),
  permissive: boolean,
  roles: list(string),
  using: nullable(string),
  check: nullable(string),
});

const column = object<Column>({
  name: string,
  type: string,
  notNull: boolean,
  largeObject: optional(string),
  copyOf: optional(string),
  generated: optional(literalTrue),
});

const foreignKey = object<ForeignKey>({
  columns: list(string),
  table: tableName,
  references: list(string),
  onDelete: optional(oneOf("cascade", "set null", "set default")),
  onUpdate: optional(oneOf("cascade", "set null", "set default")),
});

const table = object<Table>({
  schema: string,
  name: string,
  kind: oneOf("table", "partitioned table", "partition", "inheritance child", "foreign table"),
  owner: optional(string),
  rowSecurity: boolean,
  forced: boolean,
  policies: optional(list(rowPolicy)),
  grants: optional(list(grant)),
  columns: optional(list(column)),
  keys: optional(list(list(string))),
  foreignKeys: optional(list(foreignKey)),
  indexes: optional(list(list(string))),
  parents: optional(list(tableName)),
  rewriteRules: optional(list(string)),
});

const membership = object<Membership>({
  role: string,
  admin: boolean,
  inherit: boolean,
  set: boolean,
});

const role = object<Role>({
  name: string,
  superuser: boolean,
  bypassRowSecurity: boolean,
  createRole: boolean,
  createDatabase: boolean,
  login: boolean,
  inherit: boolean,
  replication: optional(boolean),
  memberOf: list(membership),
});

const databaseFunction = object<DatabaseFunction>({
  schema: string,
  name: string,
  arguments: string,
  owner: string,
  language: string,
  securityDefiner: boolean,
  volatility: optional(string),
  searchPath: nullable(string),
  executableBy: list(string),
  returns: optional(string),
  source: optional(nullable(string)),
  settings: optional(list(string)),
  calls: optional(list(tableName)),
});

const view = object<View>({
  schema: string,
  name: string,
  kind: oneOf("view", "materialized view"),
  owner: string,
  securityInvoker: boolean,
  grants: list(grant),
  rewriteRules: optional(list(string)),
  largeObject: optional(string),
  definition: optional(string),
});

const namespace = object<Namespace>({ name: string, owner: string, grants: list(grant) });

const defaultPrivilege = object<DefaultPrivilege>({
  owner: string,
  schema: nullable(string),
  objects: oneOf("tables", "sequences", "functions", "types", "schemas"),
  grants: list(grant),
});

const setting = object<SessionSetting>({ role: nullable(string), name: string });

const trigger = object<Trigger>({
  name: string,
  relation: tableName,
  function: tableName,
});

const sequence = object<Sequence>({
  schema: string,
  name: string,
  grants: list(grant),
});

const schema = object<Schema>({
  tables: list(table),
  roles: optional(list(role)),
  functions: optional(list(databaseFunction)),
  views: optional(list(view)),
  schemas: optional(list(namespace)),
  defaultPrivileges: optional(list(defaultPrivilege)),
  settings: optional(list(setting)),
  triggers: optional(list(trigger)),
  sequences: optional(list(sequence)),
});

/**
 * Reads a schema from a value that came from elsewhere (a resource's property).
 * @throws SchemaShapeError where a field is missing or of another type.
 */
export function parseSchema(value: unknown): Schema {
  return schema(value, "");
}

function string(value: unknown, path: string): string {
  if (typeof value !== "string") throw new SchemaShapeError(path, "a string");
  return value;
}

function boolean(value: unknown, path: string): boolean {
  if (typeof value !== "boolean") throw new SchemaShapeError(path, "true or false");
  return value;
}

function literalTrue(value: unknown, path: string): true {
  if (value !== true) throw new SchemaShapeError(path, "true");
  return true;
}

function oneOf<T extends string>(...allowed: T[]): Decoder<T> {
  return (value, path) => {
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw new SchemaShapeError(path, `one of ${allowed.join(", ")}`);
    return found;
  };
}

/** Null, which some encodings leave out. */
function nullable<T>(decode: Decoder<T>): Decoder<T | null> {
  return (value, path) => (value === undefined || value === null ? null : decode(value, path));
}

function optional<T>(decode: Decoder<T>): Decoder<T | undefined> {
  return (value, path) => (value === undefined ? undefined : decode(value, path));
}

function list<T>(decode: Decoder<T>): Decoder<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new SchemaShapeError(path, "a list");
    return value.map((item, index) => decode(item, `${path}[${index}]`));
  };
}

function object<T extends object>(decoders: Decoders<T>): Decoder<T> {
  return (value, path) => {
    if (typeof value !== "object" || value === null) {
      throw new SchemaShapeError(path || "value", "an object");
    }
    const given: Readonly<Record<string, unknown>> = { ...value };
    const read: Partial<T> = {};
    for (const key in decoders) {
      const decoded = decoders[key](given[key], path === "" ? key : `${path}.${key}`);
      if (decoded !== undefined) read[key] = decoded;
    }
    // Every field that T requires was decoded by a decoder that throws without it.
    return read as T;
  };
}
