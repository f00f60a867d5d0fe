import type { Table } from "./schema";

/** Makes a function that works something out of a table and what it stands in, once for both. */
export function perTable<C extends object, T>(
  find: (table: Table, context: C) => T,
): (table: Table, context: C) => T {
  const known = new WeakMap<Table, { context: C; found: T }>();
  return (table, context) => {
    const before = known.get(table);
    if (before?.context === context) return before.found;
    const found = find(table, context);
    known.set(table, { context, found });
    return found;
  };
}
