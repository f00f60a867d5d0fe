import type { Node, RangeVar, WithClause } from "libpg-query";
import type { Table } from "./schema";

// What a statement writes, by its form alone.

/** A statement, and those in its WITH that write, which see what WITH names. */
export function withWrites(node: Node): Node[] {
  const withClause = withOf(node);
  const written = (withClause?.ctes ?? []).flatMap((cte): Node[] => {
    const query = "CommonTableExpr" in cte ? cte.CommonTableExpr.ctequery : undefined;
    if (!query || !withClause) return [];
    if ("UpdateStmt" in query) return [{ UpdateStmt: { withClause, ...query.UpdateStmt } }];
    return "DeleteStmt" in query || "InsertStmt" in query ? [query] : [];
  });
  return [node, ...written];
}

function withOf(node: Node): WithClause | undefined {
  if ("SelectStmt" in node) return node.SelectStmt.withClause;
  if ("InsertStmt" in node) return node.InsertStmt.withClause;
  if ("UpdateStmt" in node) return node.UpdateStmt.withClause;
  return "DeleteStmt" in node ? node.DeleteStmt.withClause : undefined;
}

/** What a statement writes to the columns that say whose row it is, in rows that it inserts. */
export function insertedOwners(node: Node, target: Table, owners: readonly string[]): Node[] {
  if (!("InsertStmt" in node)) return [];
  const { cols, selectStmt } = node.InsertStmt;
  const named = (cols ?? []).map((column) => ("ResTarget" in column ? column.ResTarget.name : ""));
  const columns = cols ? named : (target.columns ?? []).map(({ name }) => name);
  const select = selectStmt && "SelectStmt" in selectStmt ? selectStmt.SelectStmt : {};
  const rows = select.valuesLists?.map((row) => ("List" in row ? (row.List.items ?? []) : [])) ?? [
    valuesOf(select.targetList),
  ];
  return rows.flatMap((row) => row.filter((_, at) => owners.includes(columns[at] ?? "")));
}

/** What it writes to them in rows that are there. */
export function givenOwners(node: Node, owners: readonly string[]): Node[] {
  const update = "UpdateStmt" in node ? node.UpdateStmt : undefined;
  const conflict = "InsertStmt" in node ? node.InsertStmt.onConflictClause : undefined;
  const { targetList = [] } = update ?? conflict ?? {};
  return valuesOf(
    targetList.filter((item) => "ResTarget" in item && owners.includes(item.ResTarget.name ?? "")),
  );
}

function valuesOf(targets: readonly Node[] = []): Node[] {
  return targets.flatMap((node) =>
    "ResTarget" in node && node.ResTarget.val ? [node.ResTarget.val] : [],
  );
}

/** The table whose rows a statement makes or changes. */
export function writtenRelation(node: Node): RangeVar | undefined {
  if ("InsertStmt" in node) return node.InsertStmt.relation;
  return "UpdateStmt" in node ? node.UpdateStmt.relation : undefined;
}
