import type { ClientBase } from "pg";
import type { BatchCheckpoint } from "../sql/batch/checkpoint";
import type { Catalog, CatalogChanges, Fact } from "../catalog";
import { type Script, literal } from "../database/script";
import { CODES, MigratorError } from "../errors";
import { versionBefore } from "../files/version";
import type { DigestedStep } from "../sql/split";

/** One run of a migration's steps, over as many interruptions as it takes. */
export interface RunKey {
  /** The log entry with which it began. */
  run: number;
  version: string;
  name: string;
}

/** How far one step got. */
export interface StepProgress {
  digest: string;
  state: "started" | "checkpoint" | "done";
  /** Of a batch: the last one that was written. */
  checkpoint: BatchCheckpoint | null;
}

/** Reads how far a run got: the newest row of each step, by its number from 1. */
export async function readJournal(
  client: ClientBase,
  { run }: RunKey,
): Promise<Map<number, StepProgress>> {
  const { rows } = await client.query<StepProgress & { step: number }>(
    `select distinct on (step) step, digest, state, checkpoint from migrations.journal
      where run = $1 and step > 0 order by step, id desc`,
    [run],
  );
  return new Map(rows.map(({ step, ...progress }) => [step, progress]));
}

/** What a step changed in the catalog. */
export interface StepChanges {
  /** Id of the newest log entry that was there then. */
  after: number;
  changes: CatalogChanges;
}

/** What the steps of migrations that are half done have changed in the catalog, oldest first. */
export async function readStepChanges(client: ClientBase): Promise<StepChanges[]> {
  const { rows } = await client.query<StepChanges>(
    `select (select max(l.id) from migrations.log l where l.recorded_at <= j.recorded_at)::float8 as after,
            j.catalog_changes as changes
       from migrations.journal j join migrations.log b on b.id = j.run
      where j.catalog_changes is not null and j.step > 0
        and not exists (
          select from migrations.log f
           where f.version = b.version and f.id > b.id and f.applied is not null
             and f.event not in ('begin apply', 'begin rollback'))
      order by j.id`,
  );
  return rows;
}

/**
 * Adds to a script what the catalog held before the first migration: step 0 of the run that the log's first
 * entry, which is there by then, began. That entry has it among its own changes.
 */
export function addFoundCatalog(script: Script, catalog: Catalog, digest: string): void {
  const changes = literal(JSON.stringify(Object.fromEntries(catalog)));
  script.add(
    `insert into migrations.journal (run, step, digest, state, catalog_changes)
     select min(id), 0, ${literal(digest)}, 'done', ${changes} from migrations.log`,
  );
}

/** What the catalog held before the first migration; undefined in a journal of an old version. */
export async function readFoundCatalog(client: ClientBase): Promise<Catalog | undefined> {
  const { rows } = await client.query<{ found: Record<string, Fact> }>(
    "select catalog_changes as found from migrations.journal where step = 0",
  );
  return rows[0] && new Map(Object.entries(rows[0].found));
}

/** Writes how far a step got, in the transaction that the connection is in, if any. */
export async function appendJournal(
  client: ClientBase,
  { run }: RunKey,
  step: number,
  {
    digest,
    state,
    checkpoint,
    changes,
  }: Omit<StepProgress, "checkpoint"> & {
    checkpoint?: BatchCheckpoint;
    changes?: CatalogChanges | undefined;
  },
): Promise<void> {
  const values = [checkpoint, changes].map((value) => value && JSON.stringify(value));
  await client.query(
    `insert into migrations.journal (run, step, digest, state, checkpoint, catalog_changes)
     values ($1, $2, $3, $4, $5, $6)`,
    [run, step, digest, state, ...values],
  );
}

/**
 * Refuses a file whose steps are not those that the interrupted run has done; steps that it did not
 * reach may have been corrected.
 * @throws MigratorError MIG014 that names the first such step.
 */
export function refuseEditedSteps(
  { name, version }: RunKey,
  steps: readonly DigestedStep[],
  journal: ReadonlyMap<number, StepProgress>,
): void {
  for (const [number, { digest, state }] of journal) {
    // A batch that was changed is refused where its checkpoint is read.
    if (state !== "done" || steps[number - 1]?.digest === digest) continue;
    throw new MigratorError(
      CODES.editedHalfApplied,
      `${name} is half applied, and its step ${number}, which is done, was edited since. Restore the ` +
        "statements that have run, or undo what it has done with " +
        `\`npx migrator rollback --to ${versionBefore(version)}\` and apply the new file.`,
    );
  }
}
