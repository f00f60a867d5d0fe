import type { Node } from "libpg-query";
import type { Body } from "./body-statements";
import { constantKey } from "./conditions";
import { columnName, identifiers } from "./expressions";
import { aliasOf } from "./from-clause";
import type { Ownership } from "./ownership";
import { OPERATION } from "./plpgsql-tree";
import type { Table } from "./schema";
import { withWrites, writtenRelation } from "./statement-writes";

/** Variables that are given each other's values are followed this far. */
const MAXIMUM_DEPTH = 5;
/** As SQL and as the catalog write it. */
const numbers =
  /^(smallint|integer|bigint|int[248]?|real|double precision|float[48]?|numeric(\(.*\))?|decimal|money)$/;

/** A row as a statement changes it. */
interface Changed {
  target: Table;
  /** The name by which the statement means the row. */
  alias: string;
  ownership: Ownership;
  /** What the variables of the body are ever given. */
  variables: Body["variables"];
}

/**
 * Whether assignments only count: each sets a number, which names nothing, to itself plus or minus a
 * constant. Whoever makes a statement do that neither reads the row nor chooses what it says.
 */
export function onlyCounts(assignments: readonly Node[], changed: Changed): boolean {
  return (
    assignments.length > 0 &&
    assignments.every((item) => {
      const { name = "", val, indirection } = "ResTarget" in item ? item.ResTarget : {};
      return (
        val !== undefined && !indirection && isNumeric(name, changed) && counts(val, name, changed)
      );
    })
  );
}

/** Whether all that a body writes to a table only counts in it; false where that can not be told. */
export function onlyCountsIn(body: Body, table: Table, ownership: Ownership): boolean {
  const rows = [table, ...ownership.descendantsOf(table)];
  return body.statements.flatMap(withWrites).every((node) => {
    if ("SelectStmt" in node) return !node.SelectStmt.intoClause;
    // What is deleted is nobody's any more.
    if ("DeleteStmt" in node) return true;
    const relation = writtenRelation(node);
    const target = relation && ownership.named(relation.relname ?? "", relation.schemaname);
    if (!target || !rows.includes(target)) return target !== undefined;
    if (!("UpdateStmt" in node)) return false;
    const alias = aliasOf({ RangeVar: relation });
    const { targetList = [] } = node.UpdateStmt;
    return onlyCounts(targetList, { target, alias, ownership, variables: body.variables });
  });
}

function isNumeric(name: string, { target, ownership }: Changed): boolean {
  const { columns = [] } = target;
  if (ownership.ownersOf(target).includes(name) || ownership.isReference(target, name))
    return false;
  return columns.some((column) => column.name === name && numbers.test(column.type));
}

/** Whether a value is the column's own, some steps up or down. */
function counts(value: Node, column: string, changed: Changed): boolean {
  const again = (node: Node | undefined) => node !== undefined && counts(node, column, changed);
  if ("CaseExpr" in value) {
    const results = resultsOf(value);
    return results !== undefined && isChosenByOperation(value) && results.every(again);
  }
  // Zero is as low as a counter goes.
  if ("MinMaxExpr" in value) {
    const { op, args: [one, other, another] = [] } = value.MinMaxExpr;
    if (op !== "IS_GREATEST" || !one || !other || another) return false;
    return (again(one) && isZero(other)) || (isZero(one) && again(other));
  }
  if (!("A_Expr" in value)) return false;
  const { kind, name = [], lexpr, rexpr } = value.A_Expr;
  const operator = identifiers(name).join(".");
  if (kind !== "AEXPR_OP" || !lexpr || !rexpr || !/^[+-]$/.test(operator)) return false;
  const isOwn = (node: Node) => isColumn(node, column, changed);
  if (isOwn(lexpr)) return isStep(rexpr, changed);
  return operator === "+" && isOwn(rexpr) && isStep(lexpr, changed);
}

/** Whether a value is what the row has in a column; what is not there yet counts from zero. */
function isColumn(node: Node, column: string, changed: Changed): boolean {
  if ("CoalesceExpr" in node) {
    const { args: [first, second, another] = [] } = node.CoalesceExpr;
    return !!first && !!second && !another && isColumn(first, column, changed) && isZero(second);
  }
  if (!("ColumnRef" in node)) return false;
  const names = identifiers(node.ColumnRef.fields ?? []);
  const [name, qualifier, further] = [...names].reverse();
  return name === column && further === undefined && (qualifier ?? changed.alias) === changed.alias;
}

/** Whether a value is a number that the function's author wrote. */
function isStep(node: Node, changed: Changed, depth = 0): boolean {
  if (depth > MAXIMUM_DEPTH) return false;
  const again = (inner: Node) => isStep(inner, changed, depth + 1);
  if ("A_Const" in node) return /^#[-\d.]/.test(constantKey(node) ?? "");
  if ("A_Expr" in node) {
    const { kind, name = [], lexpr, rexpr } = node.A_Expr;
    return (
      kind === "AEXPR_OP" && !lexpr && !!rexpr && identifiers(name).join() === "-" && again(rexpr)
    );
  }
  if ("CaseExpr" in node) {
    return isChosenByOperation(node) && (resultsOf(node)?.every(again) ?? false);
  }
  if (!("ColumnRef" in node)) return false;
  const name = columnName(node);
  const given = changed.variables.get(name) ?? [];
  return !name.includes(".") && given.length > 0 && given.every(again);
}

function isZero(node: Node): boolean {
  return constantKey(node) === "#0";
}

type Case = Extract<Node, { CaseExpr: unknown }>;

/** What a CASE may come to; undefined where that may be nothing. */
function resultsOf({ CaseExpr: { args = [], defresult } }: Case): Node[] | undefined {
  const results = args.map((when) => ("CaseWhen" in when ? when.CaseWhen.result : undefined));
  const known = [...results, defresult].filter((result) => result !== undefined);
  return known.length === results.length + 1 ? known : undefined;
}

/** Whether a CASE asks for nothing but what kind of statement it was. */
function isChosenByOperation({ CaseExpr: { arg, args = [] } }: Case): boolean {
  const conditions = args.map((when) => ("CaseWhen" in when ? when.CaseWhen.expr : undefined));
  const text = JSON.stringify([arg, conditions]);
  const names = [...text.matchAll(/"ColumnRef":\{"fields":(\[.*?\])/g)].map(([, fields]) => fields);
  const own = JSON.stringify([{ String: { sval: OPERATION } }]);
  return !/"(FuncCall|SubLink)"/.test(text) && names.every((fields) => fields === own);
}
