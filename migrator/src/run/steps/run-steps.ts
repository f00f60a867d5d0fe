import { type Statement, quoteName } from "@app-data/rules";
import type { ClientBase } from "pg";
import {
  type BatchProgress,
  describeProgress,
  needsRows,
  refuseSilentWrites,
  runBatches,
} from "../batch";
import {
  type Catalog,
  type CatalogChanges,
  applyChanges,
  catalogChanges,
  readCatalog,
} from "../../catalog";
import { isOptionOn } from "../../sql/options";
import { maySet } from "../../sql/settings";
import type { Script } from "../../database/script";
import { statementError } from "../../database/statement-error";
import {
  RUN_DEFERRED,
  type TransactionOptions,
  inScript,
  inTransaction,
  outsideTransaction,
} from "../../database/transaction";
import { type SqlFile, inspectFile } from "../../files/trio";
import {
  type RunKey,
  type StepProgress,
  appendJournal,
  readJournal,
  refuseEditedSteps,
} from "../../log/journal";
import { refuseOwnTables } from "../own-tables";
import { lockAhead } from "./lock-ahead";
import { clearRemains, demandValid, refuseUnnamed } from "./single-statement";
import { type DigestedStep, type Step, digestSteps, splitSteps } from "../../sql/split";
import { changesOfStep, changesOfTransaction } from "./step-changes";

/** What the steps of one file need to run. */
export interface StepRun {
  client: ClientBase;
  file: SqlFile;
  steps: readonly Step[];
  run: RunKey;
  transaction: TransactionOptions;
  /** The catalog that the migrations made, with what this run has done so far. */
  expected: Catalog;
  /** Runs the statements of a transaction, or adds them to the script. */
  runStatements: typeof addStatements;
  /** Refuses to commit; called at the end of each transaction, and gives the catalog as it is then. */
  gate: () => Promise<Catalog>;
  /** Refuses to go on without the migration lock; called before each commit. */
  demandLock: () => Promise<void>;
  /** Is given a line when a step starts, and as batches go on. */
  report?: (line: string) => void;
}

/**
 * Runs the steps of a file that is not one transaction, each committed by itself and entered into the
 * journal. A run that was cut off, also by `kill -9`, goes on with the step that it was in.
 * @throws MigratorError MIG005 when a statement fails, MIG014 when a step that is done was edited, MIG076
 * when one changes what is not as the migrations made it.
 */
export async function runSteps(work: StepRun): Promise<void> {
  const journal = await readJournal(work.client, work.run);
  const steps = digestSteps(work.steps);
  refuseEditedSteps(work.run, steps, journal);
  let { expected } = work;
  for (const [index, step] of steps.entries()) {
    const known = journal.get(index + 1);
    if (known?.state === "done") continue;
    const changes = await runStep({ ...work, expected }, step, index + 1, known);
    expected = applyChanges(expected, changes);
  }
}

/**
 * Runs one file as a migration in a database that nobody else is connected to and that keeps no log: the
 * same steps, settings and refusals, and no waits.
 * @param searchPath where it is another than that of migrations.
 * @throws SqlSyntaxError; MigratorError MIG002 for a statement that no migration may hold, MIG005 for one
 * that PostgreSQL refuses.
 */
export async function runFile(
  client: ClientBase,
  file: SqlFile,
  searchPath: readonly string[] = [],
): Promise<void> {
  await inspectFile(file, searchPath);
  const transaction = { attempts: 1, searchPath };
  for (const step of digestSteps(await splitSteps(file))) {
    switch (step.kind) {
      case "transaction":
        await inScript(
          client,
          (script) => addStatements(script, step.statements, file),
          transaction,
        );
        break;
      case "batch":
        await runBatches(client, step.directive, step.statement, {
          file,
          transaction,
          saveCheckpoint: () => Promise.resolve(),
        });
        break;
      case "single":
        await runSingle({ client, file, transaction }, step, undefined, () => Promise.resolve());
    }
  }
}

/**
 * Adds statements of a transaction to a script, whose settings hold whatever they set. What comes before one that row level security might keep
 * from its rows is sent at once: the answer lies in the catalog.
 * @throws MigratorError MIG063 for a write that row level security would make touch nothing. When the
 * script runs: MIG005 with the place of the statement that fails.
 */
export async function addStatements(
  script: Script,
  statements: readonly Statement[],
  file: SqlFile,
  outcome?: string,
): Promise<void> {
  for (const statement of statements) {
    const explain = (error: unknown) => statementError(error, statement, file, outcome);
    if (needsRows(statement)) {
      await script.run();
      await refuseSilentWrites(script.client, statement, file).catch((error: unknown) => {
        throw explain(error);
      });
    }
    script.add(statement.text, explain);
    if (maySet(statement.tree)) script.addSettings();
  }
}

const STEPS_KEPT =
  "The steps before this one are committed, and entered into the journal. Correct the statement and run " +
  "the migrator again: it goes on here.";

async function runStep(
  work: StepRun,
  step: DigestedStep,
  number: number,
  known: StepProgress | undefined,
): Promise<CatalogChanges> {
  const { client, file, run, transaction, expected } = work;
  const { digest } = step;
  const enter = async (state: "started" | "done", changes?: CatalogChanges) => {
    await work.demandLock();
    await appendJournal(client, run, number, { digest, state, changes });
  };
  work.report?.(`${run.name}: step ${number} of ${work.steps.length}, ${describeStep(step)}`);

  if (step.kind === "transaction") {
    return inScript(
      client,
      async (script) => {
        await script.run();
        // Before the locks: others wait as long as these are held.
        const before = await readCatalog(client, expected);
        await lockAhead(script, step.statements, file, STEPS_KEPT);
        await work.runStatements(script, step.statements, file, STEPS_KEPT);
        script.add(RUN_DEFERRED);
        await script.run();
        const after = await work.gate();
        refuseOwnTables(catalogChanges(before, after), run.name);
        const changes = changesOfTransaction(expected, before, after, run.name);
        await enter("done", changes);
        return changes;
      },
      transaction,
    );
  }
  if (step.kind === "batch") {
    const { statement, directive } = step;
    await runBatches(client, directive, statement, {
      file,
      transaction,
      ...(known?.checkpoint ? { checkpoint: known.checkpoint } : {}),
      saveCheckpoint: async (_client, checkpoint) => {
        await work.demandLock();
        await appendJournal(client, run, number, { digest, state: "checkpoint", checkpoint });
      },
      report: (progress: BatchProgress) => work.report?.(describeProgress(progress)),
    });
  } else {
    await runSingle(work, step, known, enter);
  }
  return inTransaction(
    client,
    async () => {
      const changes = changesOfStep(step, expected, await readCatalog(client, expected));
      await enter("done", changes);
      return changes;
    },
    transaction,
  );
}

async function runSingle(
  { client, file, transaction }: Pick<StepRun, "client" | "file" | "transaction">,
  { statement, digest }: Extract<DigestedStep, { kind: "single" }>,
  known: StepProgress | undefined,
  enter: (state: "started") => Promise<void>,
): Promise<void> {
  refuseUnnamed(statement, file);
  // What was started may have been another statement, which was corrected since.
  let interrupted = known?.state === "started" && known.digest === digest;
  try {
    await outsideTransaction(
      client,
      async () => {
        const { done } = await clearRemains(client, statement, interrupted);
        if (done) return;
        if (!interrupted) await enter("started");
        interrupted = true;
        await client.query(statement.text);
        await demandValid(client, statement);
      },
      { ...transaction, patient: blocksNobody(statement) },
    );
  } catch (error) {
    // What it left half-way must not lie there until somebody comes back.
    await clearRemains(client, statement, false).catch(() => undefined);
    throw statementError(error, statement, file, STEPS_KEPT);
  }
}

/** Whether others go on while the statement waits for its lock, so that it may wait longer. */
function blocksNobody({ tree }: Statement): boolean {
  if ("AlterEnumStmt" in tree || "AlterTableStmt" in tree) return true;
  if ("IndexStmt" in tree || "DropStmt" in tree) return true;
  return "ReindexStmt" in tree && isOptionOn(tree.ReindexStmt.params, "concurrently");
}

function describeStep(step: Step): string {
  if (step.kind === "transaction") {
    return `a transaction of ${step.statements.length} statement(s)`;
  }
  const [firstLine = ""] = step.statement.text.split("\n");
  return step.kind === "batch" ? `batches of ${quoteName(step.directive.table)}` : firstLine;
}
