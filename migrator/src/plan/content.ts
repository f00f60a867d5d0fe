import { type Statement, splitStatements } from "@app-data/rules";
import { type Step, isOneTransaction, splitSteps } from "../sql/split";
import { type Trio, type TrioDigests, inspectTrio } from "../files/trio";
import type { Effect } from "../sql/effects/effect";
import { readEffect } from "../sql/effects/effects";
import type { PlannedStatement } from "./types";

/** A statement and what its text says that it does. */
export interface StatementContent {
  statement: Statement;
  effect: Effect;
  runs: PlannedStatement["runs"];
}

/** What the files of a migration say. */
export interface Content {
  trio: Trio;
  digests: TrioDigests;
  transactional: boolean;
  forward: StatementContent[];
  rollback: Effect[];
}

/**
 * Reads the files of a migration.
 * @throws what {@link inspectTrio} and {@link splitSteps} throw of SQL that cannot run.
 */
export async function readContent(trio: Trio): Promise<Content> {
  const digests = await inspectTrio(trio);
  const steps = await splitSteps(trio.forward);
  const rollback = await splitStatements(trio.rollback.sql, trio.rollback.file);
  return {
    trio,
    digests,
    transactional: isOneTransaction(steps),
    forward: steps.flatMap(contentOf),
    rollback: rollback.map(({ tree, text }) => readEffect(tree, text)),
  };
}

function contentOf(step: Step): StatementContent[] {
  const read = (statement: Statement, runs: StatementContent["runs"]) => ({
    statement,
    effect: readEffect(statement.tree, statement.text),
    runs,
  });
  if (step.kind === "transaction") {
    return step.statements.map((statement) => read(statement, "in a transaction"));
  }
  return [read(step.statement, step.kind === "batch" ? "in batches" : "alone")];
}
