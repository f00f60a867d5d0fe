import type { Node } from "libpg-query";
import { isIdentityFunction } from "../model/contract";
import type { JudgedSchema } from "../model/judged-schema";
import { perTable } from "../model/per-table";
import type { Table } from "../model/schema";
import { functionCalls, nodesIn, parseExpression, readsTables } from "../sql/expressions";

/**
 * Whether a table's rows are nobody's, so that signed-in users may read them: neither it nor what it refers
 * to leads to users, its policies do not tell users apart, and end users cannot write it.
 */
export const isShared = perTable(readsNobody);

function readsNobody(table: Table, judged: JudgedSchema): boolean {
  if (judged.isDeclaredShared(table)) return true;
  return (
    !judged.leadsToUsers(table) &&
    !judged.canWrite(table) &&
    !(table.policies ?? [])
      .filter((policy) => judged.bindsEndUsers(policy))
      .flatMap(({ using, check }) => [using, check])
      .some((expression) => {
        const tree = expression === null ? undefined : parseExpression(expression);
        return expression !== null && (!tree || tellsApart(tree, judged));
      })
  );
}

/** Whether it asks for the user beside the row, or looks into tables. */
function tellsApart(node: Node, judged: JudgedSchema): boolean {
  if ("BoolExpr" in node) {
    return (node.BoolExpr.args ?? []).some((arg) => tellsApart(arg, judged));
  }
  if (readsTables(node)) return true;
  const calls = functionCalls(node);
  const asks = calls.filter(
    (call) =>
      (call.schema === undefined && call.name === "current_setting") ||
      isIdentityFunction(call, judged.contract),
  );
  const others = calls.filter((call) => call.schema !== undefined && !asks.includes(call));
  const isAsked = asks.length > 0 || nodesIn(node, "SQLValueFunction").length > 0;
  return others.length > 0 || (isAsked && nodesIn(node, "ColumnRef").length > 0);
}
