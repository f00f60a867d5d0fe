import { type Node, parseSync } from "libpg-query";
import { constantText, parseExpression } from "@app-data/rules";
import { type Step, readPlPgSql } from "@app-data/rules";
import { type Effect, effect, hidden, together } from "./effect";
import { queryEffect } from "./queries";

/**
 * What a `do` block does: everything that its statements do, whether or not they run.
 * @param text the whole statement.
 * @param effectOf gives the effect of one statement in it.
 */
export function blockEffect(text: string, effectOf: (tree: Node) => Effect): Effect {
  let steps: Step[];
  try {
    steps = readPlPgSql(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return hidden(`what the block does cannot be told from the text (${reason})`);
  }
  const effects = steps.map((step) => {
    const { creates, ...found } = stepEffect(step, effectOf);
    return step.conditional ? effect({ ...found, mayCreate: creates }) : { ...found, creates };
  });
  const onCondition = steps.filter(({ kind, conditional }) => kind !== "expression" && conditional);
  const notes = onCondition.length > 0 ? ["some of its statements run only on a condition"] : [];
  return together([...effects, effect({ notes })]);
}

function stepEffect({ kind, text }: Step, effectOf: (tree: Node) => Effect): Effect {
  if (kind === "sql") return nested(text, effectOf);
  if (kind === "rollback") return effect({ unclear: ["it rolls back a part of its own work"] });
  const expression = parseExpression(text);
  if (kind === "expression") return queryEffect(expression);
  const constant = constantText(expression);
  if (constant !== undefined) return nested(constant, effectOf);
  return hidden(`what \`execute\` runs is put together only when it runs (${excerpt(text)})`);
}

function nested(sql: string, effectOf: (tree: Node) => Effect): Effect {
  try {
    const trees = (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => (stmt ? [stmt] : []));
    return together(trees.map((tree) => statementIn(tree, effectOf)));
  } catch {
    return hidden(`a statement in it cannot be read (${excerpt(sql)})`);
  }
}

/** In PL/pgSQL `select … into` fills a variable and makes no table. */
function statementIn(tree: Node, effectOf: (tree: Node) => Effect): Effect {
  const found = effectOf(tree);
  return "SelectStmt" in tree ? { ...found, creates: [] } : found;
}

function excerpt(text: string): string {
  const line = text
    .replace(/'(?:[^']|'')*'/g, "'…'")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
