import { type Grant, type Schema, parseSchema } from "@app-data/rules";
import type { Catalog, Fact, Json } from "./objects";

/** What the rules judge of a catalog: the same facts, in the shape that is also read off SQL. */
export function schemaOf(catalog: Catalog): Schema {
  const policies = new Map<Json | undefined, Fact[]>();
  for (const policy of factsOf(catalog, "policy")) {
    const table = policy["table"];
    policies.set(table, [...(policies.get(table) ?? []), policy]);
  }
  return parseSchema({
    tables: entriesOf(catalog, "table").map(([key, fact]) => ({
      ...withGrants(fact),
      policies: policies.get(key.slice("table ".length)) ?? [],
    })),
    views: [...factsOf(catalog, "view"), ...factsOf(catalog, "materialized view")].map(withGrants),
    functions: factsOf(catalog, "function").map((fact) => ({
      ...fact,
      arguments: fact["identityArguments"],
      searchPath: searchPathOf(fact["settings"]),
      executableBy: grantList(fact["grants"]).map(({ grantee }) => grantee),
    })),
    schemas: factsOf(catalog, "schema").map(withGrants),
    roles: factsOf(catalog, "role"),
    defaultPrivileges: factsOf(catalog, "default privileges").map(withGrants),
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
  const byColumn = new Map<string, string[]>();
  for (const text of privileges) {
    const [, privilege = text, column] =
      /^(\w+)(?: \((.*)\))?(?: with grant option)?$/.exec(text) ?? [];
    if (column === undefined) whole.push({ grantee, privilege, columns: null });
    else byColumn.set(privilege, [...(byColumn.get(privilege) ?? []), column]);
  }
  return [
    ...whole,
    ...[...byColumn].map(([privilege, columns]) => ({ grantee, privilege, columns })),
  ];
}

function withGrants(fact: Fact): Record<string, unknown> {
  return { ...fact, grants: grantList(fact["grants"]) };
}

/** The value of a function's own `set search_path`: null when it has none, "" when it is empty. */
function searchPathOf(settings: Json | undefined): string | null {
  const prefix = "search_path=";
  const found = Array.isArray(settings) ? settings.map(String) : [];
  const path = found.find((setting) => setting.startsWith(prefix))?.slice(prefix.length);
  return path === '""' ? "" : (path ?? null);
}

function factsOf(catalog: Catalog, kind: string): Fact[] {
  return entriesOf(catalog, kind).map(([, fact]) => fact);
}

/** The objects of a kind in the order of their names. */
function entriesOf(catalog: Catalog, kind: string): [string, Fact][] {
  return [...catalog]
    .filter(([key]) => key.startsWith(`${kind} `))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
