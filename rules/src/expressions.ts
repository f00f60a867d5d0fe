import type { FuncCall, Node } from "libpg-query";
import { parseSync } from "./parser";

/** A call of a function, as written. */
export interface Call {
  /** Undefined when the name is not qualified. */
  schema: string | undefined;
  name: string;
  args: readonly Node[];
}

/** Every function call below a syntax tree. */
export function functionCalls(tree: unknown): Call[] {
  if (Array.isArray(tree)) return tree.flatMap(functionCalls);
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree).flatMap(([key, value]: [string, unknown]) => [
    ...((key === "FuncCall" || key === "funccall") && isCall(value) ? [readCall(value)] : []),
    ...functionCalls(value),
  ]);
}

/** The function that a statement calls and does nothing else with: `call f()` or `select f()`. */
export function soleCall(statement: Node): Call | undefined {
  if ("CallStmt" in statement) {
    return statement.CallStmt.funccall && readCall(statement.CallStmt.funccall);
  }
  if (!("SelectStmt" in statement)) return undefined;
  const { targetList = [], fromClause, whereClause, limitCount, op } = statement.SelectStmt;
  const target = targetList[0];
  if (fromClause ?? whereClause ?? limitCount) return undefined;
  if (op !== "SETOP_NONE" || targetList.length !== 1) return undefined;
  if (!target || !("ResTarget" in target)) return undefined;
  const value = target.ResTarget.val;
  return value && "FuncCall" in value ? readCall(value.FuncCall) : undefined;
}

/** The text of a constant, of constants joined by `||`, or of `format` without placeholders. */
export function constantText(node: Node | undefined): string | undefined {
  if (!node) return undefined;
  if ("A_Const" in node) {
    const { isnull, sval } = node.A_Const;
    return isnull || !sval ? undefined : (sval.sval ?? "");
  }
  if ("TypeCast" in node) return constantText(node.TypeCast.arg);
  if ("FuncCall" in node) {
    const { name, args } = readCall(node.FuncCall);
    const text = name === "format" && args.length === 1 ? constantText(args[0]) : undefined;
    return text?.includes("%") ? undefined : text;
  }
  if (!("A_Expr" in node)) return undefined;
  const { name = [], lexpr, rexpr } = node.A_Expr;
  if (identifiers(name).join(".") !== "||") return undefined;
  const left = constantText(lexpr);
  const right = constantText(rexpr);
  return left === undefined || right === undefined ? undefined : left + right;
}

/**
 * Reads a PL/pgSQL expression or assignment.
 * @returns undefined where it is not SQL by itself.
 */
export function parseExpression(text: string): Node | undefined {
  const assigned = /^[^'"(]*?:?=(?![>=])(.*)$/s.exec(text)?.[1];
  for (const expression of [text, assigned]) {
    if (expression === undefined) continue;
    try {
      const statement = parseSync(`select (${expression}\n)`).stmts?.[0]?.stmt;
      const target =
        statement && "SelectStmt" in statement ? statement.SelectStmt.targetList?.[0] : undefined;
      if (target && "ResTarget" in target) return target.ResTarget.val;
    } catch {
      // An assignment does not parse as an expression; its right side is tried next.
    }
  }
  return undefined;
}

/** The parts of a qualified name. */
export function identifiers(names: readonly Node[]): string[] {
  return names.flatMap((name) => ("String" in name ? [name.String.sval ?? ""] : []));
}

function isCall(value: unknown): value is FuncCall {
  return typeof value === "object" && value !== null && "funcname" in value;
}

/** Name and arguments of a call. */
export function readCall({ funcname = [], args = [] }: FuncCall): Call {
  const parts = identifiers(funcname);
  return { schema: parts.at(-2), name: parts.at(-1) ?? "", args };
}
