import type { Grant, Table } from "./schema";

/**
 * Whether one of these roles has a right to a command on a table.
 * @param columns demands it on one of these; without them, on any.
 */
export function isGranted(
  { grants = [] }: Pick<Table, "grants">,
  command: Grant["privilege"],
  roles: ReadonlySet<string>,
  columns?: readonly string[],
): boolean {
  return grants.some(
    (grant) =>
      roles.has(grant.grantee) &&
      grant.privilege === command &&
      (!columns || columns.some((name) => !grant.columns || grant.columns.includes(name))),
  );
}
