import { parsePlPgSQLSync } from "libpg-query";

/** One thing that a PL/pgSQL body does, in the order in which it is written. */
export interface Step {
  /**
   * "sql": a static statement. "dynamic": the expression of an EXECUTE. "expression": an expression, which
   * matters for the functions that it calls. "rollback": the end of a transaction that is undone.
   */
  kind: "sql" | "dynamic" | "expression" | "rollback";
  text: string;
  /** It need not run: it stands in a branch, in a loop, or behind what may leave the body. */
  conditional: boolean;
}

const branches = /^(then_body|elsif_list|else_body|case_when_list|else_stmts|exceptions)$/;
const loops = /^PLpgSQL_stmt_(loop|while|fori|fors|forc|dynfors|foreach_a)$/;
const leaves = /"PLpgSQL_stmt_(return|exit)":/;

/**
 * Reads what a PL/pgSQL body does.
 * @param statement the `do` or `create function` that the body stands in.
 * @throws where PL/pgSQL's own parser refuses the body.
 */
export function readPlPgSql(statement: string): Step[] {
  const steps: Step[] = [];
  collect(parsePlPgSQLSync(statement), "", "", false, steps);
  return steps;
}

/** @param kind the statement that the node is part of, and the field of it that leads there. */
function collect(
  node: unknown,
  kind: string,
  field: string,
  conditional: boolean,
  steps: Step[],
): void {
  if (Array.isArray(node)) {
    let mayBeLeft = conditional;
    for (const item of node) {
      collect(item, kind, field, mayBeLeft, steps);
      mayBeLeft ||= field === "body" && leaves.test(JSON.stringify(item));
    }
    return;
  }
  if (!isRecord(node)) return;
  for (const [key, value] of Object.entries(node)) {
    if (key === "PLpgSQL_stmt_rollback") {
      steps.push({ kind: "rollback", text: "rollback", conditional });
    } else if (key === "PLpgSQL_expr" && isRecord(value)) {
      const { query, parseMode } = value;
      if (typeof query !== "string") continue;
      steps.push({ kind: stepKind(kind, field, parseMode === 0), text: query, conditional });
    } else if (key.startsWith("PLpgSQL_stmt")) {
      collect(value, key, "", conditional, steps);
    } else {
      const isBranch = branches.test(key) || (key === "body" && loops.test(kind));
      const isHandled = key === "body" && node["exceptions"] !== undefined;
      collect(value, kind, key, conditional || isBranch || isHandled, steps);
    }
  }
}

function stepKind(statement: string, field: string, isStatement: boolean): Step["kind"] {
  if (field === "dynquery" || (/_dyn(execute|fors)$/.test(statement) && field === "query"))
    return "dynamic";
  return isStatement ? "sql" : "expression";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
