/** A value that JSON can hold. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** What the catalog says of one object. A field without a value is absent. */
export type Fact = { [name: string]: Json };

/**
 * What the catalog of a database holds: one fact an object. Keys are the object's kind and its name as
 * SQL writes it with its schema, `table public.users`, `policy public.users.users_select_own`,
 * `function auth.uid()`, `role app`. Columns are part of their table, grants part of what they are on.
 */
export type Catalog = ReadonlyMap<string, Fact>;

/** What differs between two catalogs: the new fact of each object, null when it is gone. */
export type CatalogChanges = { [key: string]: Fact | null };

// Kinds of more than one word; every other kind is the key's first word.
const LONG_KINDS = ["materialized view", "default privileges", "event trigger", "foreign server"];

/** The kind and the name that a key is made of; the database itself has no name. */
export function splitKey(key: string): { kind: string; name: string } {
  const long = LONG_KINDS.find((kind) => key.startsWith(`${kind} `));
  const kind = long ?? key.split(" ", 1)[0] ?? key;
  return { kind, name: key.slice(kind.length + 1) };
}

/** What turned the first catalog into the second; empty when they are equal. */
export function catalogChanges(before: Catalog, after: Catalog): CatalogChanges {
  const changes: CatalogChanges = {};
  for (const key of before.keys()) if (!after.has(key)) changes[key] = null;
  for (const [key, fact] of after) {
    const known = before.get(key);
    if (known === undefined || !equalJson(known, fact)) changes[key] = fact;
  }
  return changes;
}

/** A catalog after changes; the one that is given stays as it is. */
export function applyChanges(catalog: Catalog, changes: CatalogChanges): Map<string, Fact> {
  const result = new Map(catalog);
  for (const [key, fact] of Object.entries(changes)) {
    if (fact === null) result.delete(key);
    else result.set(key, fact);
  }
  return result;
}

/** Whether two values are the same, whatever the order of their keys. */
export function equalJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((value, index) => equalJson(value, b[index] ?? null));
  }
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const [value, other] = [a[name], b[name]];
    return value !== undefined && other !== undefined && equalJson(value, other);
  });
}

/** JSON with the names of every object in order, so that equal values give equal texts. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] ?? null)}`);
  return `{${fields.join(",")}}`;
}
