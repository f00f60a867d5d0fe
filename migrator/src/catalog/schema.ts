import {
  type Column,
  type ForeignKey,
  type Grant,
  type Schema,
  type SessionSetting,
  type Trigger,
  copiedColumnOf,
  largeObjectIn,
  parseSchema,
} from "@app-data/rules";
import { foreignKeyOf, keyOf, leadingColumns, relationName } from "./definitions";
import { type Catalog, type Fact, type Json, splitKey } from "./objects";

/** What a table's parts say of it, by the kind of the part. */
type Parts = Map<string, Fact[]>;

type ByKind = Map<string, [string, Fact][]>;

/** What the rules judge of a catalog. */
export function schemaOf(catalog: Catalog): Schema {
  const kinds = byKind(catalog);
  // Members of an extension are not the application's.
  const entriesOf = (kind: string) =>
    (kinds.get(kind) ?? []).filter(([, { extension }]) => extension === undefined);
  const factsOf = (kind: string) => entriesOf(kind).map(([, fact]) => fact);
  const parts = partsByTable(kinds);
  const partsOf = (key: string) => parts.get(splitKey(key).name) ?? new Map<string, Fact[]>();
  return parseSchema({
    tables: entriesOf("table").map(([key, fact]) => ({
      ...withGrants(fact),
      ...tableFacts(fact, partsOf(key)),
    })),
    views: [...entriesOf("view"), ...entriesOf("materialized view")].map(([key, fact]) => ({
      ...withGrants(fact),
      rewriteRules: ruleNames(partsOf(key)),
      ...largeObjectOf(fact["definition"]),
    })),
    functions: factsOf("function").map((fact) => ({
      ...fact,
      arguments: fact["identityArguments"],
      searchPath: searchPathOf(fact["settings"]),
      settings: settingNames(fact["settings"]).filter((name) => name !== "search_path"),
      executableBy: grantList(fact["grants"]).map(({ grantee }) => grantee),
      calls: namesIn(fact["calls"]),
    })),
    sequences: entriesOf("sequence").map(([key, fact]) => ({
      ...relationName(splitKey(key).name),
      grants: grantList(fact["grants"]),
    })),
    triggers: factsOf("trigger").map(triggerOf),
    schemas: factsOf("schema").map(withGrants),
    roles: factsOf("role"),
    defaultPrivileges: factsOf("default privileges")
      .filter(({ objects }) => objects !== "large objects")
      .map(withGrants),
    settings: sessionSettings(factsOf("role"), catalog.get("database")),
  });
}

/** The grants of a fact, by grantee, privilege and columns. */
export function grantList(grants: Json | undefined): Grant[] {
  if (typeof grants !== "object" || grants === null || Array.isArray(grants)) return [];
  return Object.entries(grants)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([grantee, privileges]) =>
      Array.isArray(privileges) ? merged(grantee, privileges.map(String)) : [],
    );
}

/** One grant for each privilege; what is granted on single columns is brought together. */
function merged(grantee: string, privileges: string[]): Grant[] {
  const whole: Grant[] = [];
  const byColumn = new Map<string, { columns: string[]; grantable?: boolean }>();
  for (const text of privileges) {
    const [, privilege = text, column, option] =
      /^(\w+)(?: \((.*)\))?( with grant option)?$/.exec(text) ?? [];
    const grantable = option !== undefined && { grantable: true };
    if (column === undefined) whole.push({ grantee, privilege, columns: null, ...grantable });
    else {
      const { columns = [], ...before } = byColumn.get(privilege) ?? {};
      byColumn.set(privilege, { ...before, columns: [...columns, column], ...grantable });
    }
  }
  return [...whole, ...[...byColumn].map(([privilege, held]) => ({ grantee, privilege, ...held }))];
}

function withGrants(fact: Fact): Record<string, unknown> {
  return { ...fact, grants: grantList(fact["grants"]) };
}

function partsByTable(kinds: ByKind): Map<string, Parts> {
  const tables = new Map<string, Parts>();
  for (const kind of ["constraint", "index", "policy", "rule"]) {
    for (const [key, fact] of kinds.get(kind) ?? []) {
      const table = String(fact["table"]);
      const parts: Parts = tables.get(table) ?? new Map<string, Fact[]>();
      const found = parts.get(kind) ?? [];
      found.push(kind === "rule" ? { ...fact, name: ruleName(key, table) } : fact);
      parts.set(kind, found);
      tables.set(table, parts);
    }
  }
  return tables;
}

/** A rule is known by its key alone. */
function ruleName(key: string, table: string): string {
  return relationName(splitKey(key).name.slice(table.length + 1)).name;
}

function tableFacts(fact: Fact, parts: Parts) {
  const keys: string[][] = [];
  const foreignKeys: ForeignKey[] = [];
  for (const definition of definitionsOf(parts, "constraint")) {
    const key = keyOf(definition);
    const foreignKey = foreignKeyOf(definition);
    // The first one is taken for the primary key.
    if (key && definition.startsWith("PRIMARY")) keys.unshift(key);
    else if (key) keys.push(key);
    if (foreignKey) foreignKeys.push(foreignKey);
  }
  const indexes: string[][] = [];
  for (const { definition, constraint } of parts.get("index") ?? []) {
    const { columns, isKey } = leadingColumns(String(definition));
    indexes.push(columns);
    if (isKey && constraint === undefined) keys.push(columns);
  }
  const columns = Array.isArray(fact["columns"]) ? fact["columns"] : [];
  const inherits = Array.isArray(fact["inherits"]) ? fact["inherits"] : [];
  return {
    policies: parts.get("policy") ?? [],
    columns: columns.flatMap((column): Column[] =>
      typeof column === "object" && column !== null && !Array.isArray(column)
        ? [
            {
              name: String(column["name"]),
              type: String(column["type"]),
              notNull: column["notNull"] === true,
              ...largeObjectOf(column["default"] ?? column["generated"]),
              ...copyOf(column),
              ...(typeof column["generated"] === "string" && { generated: true as const }),
            },
          ]
        : [],
    ),
    keys,
    foreignKeys,
    indexes,
    parents: inherits.map((parent) => relationName(String(parent))),
    rewriteRules: ruleNames(parts),
  };
}

/** What a text uses of large objects, where it does. */
function largeObjectOf(sql: Json | undefined): { largeObject?: string } {
  const largeObject = typeof sql === "string" ? largeObjectIn(sql) : undefined;
  return largeObject === undefined ? {} : { largeObject };
}

/** The column that a stored one is generated from, unchanged. */
function copyOf({ generated, virtual, type }: Fact): { copyOf?: string } {
  if (typeof generated !== "string" || virtual === true) return {};
  const column = copiedColumnOf(generated, String(type));
  return column === undefined ? {} : { copyOf: column };
}

/** Names of the rules that do something. */
function ruleNames(parts: Parts): string[] {
  return (parts.get("rule") ?? [])
    .filter(({ definition }) => !/ DO INSTEAD NOTHING;?$/.test(String(definition)))
    .map(({ name }) => String(name));
}

function definitionsOf(parts: Parts, kind: string): string[] {
  return (parts.get(kind) ?? []).map(({ definition }) => String(definition));
}

function triggerOf({ name, table, definition }: Fact): Trigger {
  const text = String(definition);
  const called = / EXECUTE FUNCTION (.*)\(.*\)$/s.exec(text)?.[1] ?? "";
  return {
    name: String(name),
    relation: relationName(String(table)),
    function: relationName(called),
  };
}

function namesIn(names: Json | undefined) {
  return Array.isArray(names) ? names.map((name) => relationName(String(name))) : undefined;
}

function sessionSettings(roles: Fact[], database: Fact | undefined): SessionSetting[] {
  const ofRoles = roles.flatMap(({ name, settings }) =>
    settingNames(settings).map((setting) => ({ role: String(name), name: setting })),
  );
  const ofDatabase = settingNames(database?.["settings"]);
  return [...ofRoles, ...ofDatabase.map((name) => ({ role: null, name }))];
}

function settingNames(settings: Json | undefined): string[] {
  return Array.isArray(settings)
    ? settings.map((setting) => String(setting).split("=", 1)[0] ?? "")
    : [];
}

/** The value of a function's own `set search_path`: null when it has none, "" when it is empty. */
function searchPathOf(settings: Json | undefined): string | null {
  const prefix = "search_path=";
  const found = Array.isArray(settings) ? settings.map(String) : [];
  const path = found.find((setting) => setting.startsWith(prefix))?.slice(prefix.length);
  return path === '""' ? "" : (path ?? null);
}

/** The objects of each kind in the order of their names. */
function byKind(catalog: Catalog): ByKind {
  const kinds: ByKind = new Map();
  for (const entry of catalog) {
    const { kind } = splitKey(entry[0]);
    const found = kinds.get(kind);
    if (found) found.push(entry);
    else kinds.set(kind, [entry]);
  }
  for (const entries of kinds.values()) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return kinds;
}
