import { type Statement, digestTokens, splitStatements } from "@app-data/rules";
import { type BatchDirective, readBatch } from "./batch/directive";
import { isTransactional } from "./transactional";
import type { SqlFile } from "../files/trio";

/** What is committed at once: statements in a transaction, one that runs in none, or batches. */
export type Step =
  | { kind: "transaction"; statements: [Statement, ...Statement[]] }
  | { kind: "single"; statement: Statement }
  | { kind: "batch"; statement: Statement; directive: BatchDirective };

/** A step, told from what it is edited to. */
export type DigestedStep = Step & {
  /** SHA-256 of its SQL without comments and layout, hexadecimal. */
  digest: string;
};

/**
 * Cuts a file into steps. Most files are one: all of their statements in a transaction. What
 * PostgreSQL does not run in a transaction, and what is to be done in batches, stands alone.
 * @throws SqlSyntaxError, and MigratorError MIG060 or MIG061 for a malformed batch.
 */
export async function splitSteps(file: SqlFile): Promise<Step[]> {
  const works: Step[] = [];
  const statements = await splitStatements(file.sql, file.file);
  for (const [index, statement] of statements.entries()) {
    const directive = readBatch(statement, file, statements[index - 1]);
    const last = works.at(-1);
    if (directive) works.push({ kind: "batch", statement, directive });
    else if (!isTransactional(statement.tree)) works.push({ kind: "single", statement });
    else if (last?.kind === "transaction") last.statements.push(statement);
    else works.push({ kind: "transaction", statements: [statement] });
  }
  return works;
}

/** The statements of all steps. */
export function statementsOf(steps: readonly Step[]): Statement[] {
  return steps.flatMap((step) =>
    step.kind === "transaction" ? step.statements : [step.statement],
  );
}

/** Whether the file is no more than one transaction, so that nothing of it can be half done. */
export function isOneTransaction(steps: readonly Step[]): boolean {
  return steps.every(({ kind }) => kind === "transaction");
}

/** Digests steps. */
export function digestSteps(steps: readonly Step[]): DigestedStep[] {
  return steps.map((step) => {
    const statements = step.kind === "transaction" ? step.statements : [step.statement];
    return { ...step, digest: digestTokens(statements.map(({ text }) => text).join(";\n")) };
  });
}
