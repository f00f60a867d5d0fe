import type { Node } from "libpg-query";
import { listOf } from "./condition-nodes";
import { columnName, constantText, identifiers, parseExpression } from "./expressions";
import { type Fields, OPERATION, fields, list, sqlOf } from "./plpgsql-tree";

const UPDATE = "UPDATE";

/** The tree of a trigger's function without what an update does not run, by its conditions on `tg_op`. */
export function firedByUpdate(code: Fields): Fields {
  const names = list(code["datums"]).map(
    (datum) => fields(Object.values(fields(datum))[0])["refname"],
  );
  const at = names.indexOf(OPERATION);
  // Another variable of the name may be meant, or it may have been given another value.
  const isClear =
    at >= 0 &&
    names.lastIndexOf(OPERATION) === at &&
    !new RegExp(`"(varno|target)":${at}\\b|"(ref)?name":"${OPERATION}"`).test(
      JSON.stringify(code["action"]),
    );
  return isClear ? { ...code, action: pruned(code["action"]) } : code;
}

function pruned(node: unknown): unknown {
  if (Array.isArray(node)) return upToReturn(node.flatMap(statementsLeft));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]: [string, unknown]) => [key, pruned(value)]),
  );
}

/** What stands in the place of a statement. */
function statementsLeft(node: unknown): unknown[] {
  const branch = fields(node)["PLpgSQL_stmt_if"];
  if (branch === undefined) return [pruned(node)];
  const { cond, then_body, elsif_list, else_body, ...rest } = fields(branch);
  const others = list(elsif_list).map((item) => fields(fields(item)["PLpgSQL_if_elsif"]));
  const arms = [{ cond, stmts: then_body }, ...others].filter((arm) => verdict(arm.cond) !== false);
  const certain = arms.findIndex((arm) => verdict(arm.cond) === true);
  const open = certain < 0 ? arms : arms.slice(0, certain);
  const last = list(pruned(certain < 0 ? else_body : arms[certain]?.stmts));
  const [first, ...further] = open;
  if (!first) return [...last];
  return [
    {
      PLpgSQL_stmt_if: {
        ...rest,
        cond: first.cond,
        then_body: pruned(first.stmts),
        ...(further.length > 0 && {
          elsif_list: further.map((arm) => ({
            PLpgSQL_if_elsif: { cond: arm.cond, stmts: pruned(arm.stmts) },
          })),
        }),
        ...(last.length > 0 && { else_body: last }),
      },
    },
  ];
}

function upToReturn(statements: unknown[]): unknown[] {
  const end = statements.findIndex((node) => "PLpgSQL_stmt_return" in fields(node));
  return end < 0 ? statements : statements.slice(0, end + 1);
}

/** What a condition is when an update fires the trigger; undefined where it is not only about that. */
function verdict(condition: unknown): boolean | undefined {
  const query = sqlOf(condition);
  const tree = query === undefined ? undefined : parseExpression(query);
  return tree && verdictOf(tree);
}

function verdictOf(node: Node): boolean | undefined {
  if ("BoolExpr" in node) {
    const { boolop, args = [] } = node.BoolExpr;
    const each = args.map(verdictOf);
    if (boolop === "NOT_EXPR") return each[0] === undefined ? undefined : !each[0];
    const decisive = boolop === "OR_EXPR";
    if (each.includes(decisive)) return decisive;
    return each.includes(undefined) ? undefined : !decisive;
  }
  if (!("A_Expr" in node)) return undefined;
  const { kind, name = [], lexpr, rexpr } = node.A_Expr;
  const operator = identifiers(name).join(".");
  if (!lexpr || !rexpr || (operator !== "=" && operator !== "<>")) return undefined;
  const values = kind === "AEXPR_IN" ? listOf(rexpr) : kind === "AEXPR_OP" ? [rexpr] : undefined;
  const texts = values?.map((value) => constantText(value));
  const isOperation = columnName(lexpr) === OPERATION;
  if (!isOperation || !texts || texts.includes(undefined)) return undefined;
  return texts.includes(UPDATE) === (operator === "=");
}
