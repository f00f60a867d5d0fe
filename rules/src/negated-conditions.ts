import type { Node } from "libpg-query";
import { identifiers } from "./expressions";

/**
 * A condition that is true exactly when the given one is false.
 * @returns undefined where only its negation says it.
 */
export function negatedCondition(node: Node): Node | undefined {
  if ("BoolExpr" in node) {
    const { boolop, args = [] } = node.BoolExpr;
    if (boolop === "NOT_EXPR") return args[0];
    const negated = args.map((arg): Node => ({ BoolExpr: { boolop: "NOT_EXPR", args: [arg] } }));
    return { BoolExpr: { boolop: boolop === "AND_EXPR" ? "OR_EXPR" : "AND_EXPR", args: negated } };
  }
  if ("A_Const" in node && node.A_Const.boolval) {
    return { A_Const: { boolval: { boolval: !(node.A_Const.boolval.boolval ?? false) } } };
  }
  if (!("A_Expr" in node)) return undefined;
  const { kind, name = [] } = node.A_Expr;
  const operator = identifiers(name).join(".");
  if (kind === "AEXPR_OP" && operator === "<>") {
    return { A_Expr: { ...node.A_Expr, name: [{ String: { sval: "=" } }] } };
  }
  return kind === "AEXPR_DISTINCT"
    ? { A_Expr: { ...node.A_Expr, kind: "AEXPR_NOT_DISTINCT" } }
    : undefined;
}
