import type { Node, SelectStmt } from "libpg-query";
import { arrayOf, equals } from "./condition-nodes";
import type { Alternative } from "./conditions";
import { identifiers, readCall } from "./expressions";
import { selectOf } from "./identity-expressions";
import type { Frame, Side } from "./names-in-scope";

/** A FROM clause while it is read. */
export interface From {
  select: SelectStmt;
  frame: Frame;
  /** What its sub-queries demand. */
  read: Alternative[][];
  depth: number;
}

/** The sub-query that an item of FROM is, in place or by its name in WITH. */
export function subQueryOf(item: Node, { withClause }: SelectStmt): SelectStmt | undefined {
  if ("RangeSubselect" in item) return selectOf(item.RangeSubselect.subquery);
  if (!("RangeVar" in item) || item.RangeVar.schemaname !== undefined) return undefined;
  for (const cte of withClause?.ctes ?? []) {
    if (!("CommonTableExpr" in cte) || withClause?.recursive) continue;
    const { ctename, ctequery } = cte.CommonTableExpr;
    if (ctename === item.RangeVar.relname) return selectOf(ctequery);
  }
  return undefined;
}

/** What WITH names anywhere in an expression. */
export function namesOfWith(node: Node): ReadonlySet<string> {
  const found = JSON.stringify(node).matchAll(/"ctename":"((?:[^"\\\\]|\\\\.)*)"/g);
  return new Set([...found].map(([, name = ""]) => name));
}

/** Whether a value is `*`. */
export function isStar(node: Node): boolean {
  const [only, another] = "ColumnRef" in node ? (node.ColumnRef.fields ?? []) : [];
  return only !== undefined && "A_Star" in only && !another;
}

/** What `*` stands for: every column that is known. */
export function allColumns(frame: Frame): [string, Side][] {
  return frame.sources.flatMap(({ alias, table, derived }) =>
    (derived ? [...derived.keys()] : (table?.columns ?? []).map(({ name }) => name)).map(
      (name): [string, Side] => [
        name,
        { node: { ColumnRef: { fields: [alias, name].map(identifier) } }, frame },
      ],
    ),
  );
}

function identifier(sval: string): Node {
  return { String: { sval } };
}

/** The column that a reference names. */
export function lastField(node: Node): string | undefined {
  return "ColumnRef" in node ? identifiers(node.ColumnRef.fields ?? []).at(-1) : undefined;
}

/** The name by which an item of FROM is meant. */
export function aliasOf(item: Node): string {
  if ("RangeVar" in item) return item.RangeVar.alias?.aliasname ?? item.RangeVar.relname ?? "";
  if ("RangeSubselect" in item) return item.RangeSubselect.alias?.aliasname ?? "";
  return "RangeFunction" in item ? (item.RangeFunction.alias?.aliasname ?? "") : "";
}

/** The equation of the columns of `join … using`. */
export function sameColumn(one: string, other: string, column: string): Node {
  const reference = (alias: string): Node => ({
    ColumnRef: { fields: [{ String: { sval: alias } }, { String: { sval: column } }] },
  });
  return equals(reference(one), reference(other));
}

/** What a query selects; undefined where it is not all values. */
export function targetsOf({ targetList = [] }: SelectStmt): Node[] | undefined {
  const values = targetList.flatMap((target) =>
    "ResTarget" in target && target.ResTarget.val ? [target.ResTarget.val] : [],
  );
  return values.length === targetList.length ? values : undefined;
}

/** The element of `unnest(array[element])` and the column that it is; undefined for any other function. */
export function unnestedElement(item: Node): { column: string; node: Node } | undefined {
  if (!("RangeFunction" in item)) return undefined;
  const { functions: [only, another] = [], alias, ordinality } = item.RangeFunction;
  const [called] = only && "List" in only ? (only.List.items ?? []) : [];
  if (!called || !("FuncCall" in called) || another || ordinality) return undefined;
  const { schema = "pg_catalog", name, args } = readCall(called.FuncCall);
  const [array, second] = args;
  if (schema !== "pg_catalog" || name !== "unnest" || !array || second) return undefined;
  const [node, more] = arrayOf(array) ?? [];
  const column = identifiers(alias?.colnames ?? [])[0] ?? alias?.aliasname ?? name;
  return node && !more ? { column, node } : undefined;
}
