import type { ClientBase } from "pg";
import { CODES, MigratorError } from "../errors";
import type { ConnectionSettings } from "../database/settings";
import { withConnection } from "../database/connection";
import { type LogEntry, appliedEntry, isHalfDone, readLog, readStoredSql } from "./log";
import { inReadOnlyTransaction } from "../database/transaction";
import { type Trio, type TrioDigests, sha256, inspectTrio } from "../files/trio";
import { isAbove, isWanted } from "../files/version";

/** What is to be done so that the database is where the files, or the target, want it. */
export interface Work {
  /** To be applied, oldest first. */
  pending: Trio[];
  /** To be rolled back, newest first; half applied ones, too. */
  toRollBack: LogEntry[];
}

/** What the log says of each migration that it knows, by version. Writes nothing, takes no lock. */
export function readHistory(settings: ConnectionSettings): Promise<LogEntry[]> {
  return withConnection(settings, (client) => inReadOnlyTransaction(client, () => readLog(client)));
}

/** The SQL of an applied migration: digests, and the forward SQL where it is known. */
export interface AppliedSql {
  digests: TrioDigests;
  forwardSql?: string | undefined;
}

/** What the log holds of a migration that is applied; undefined when it is not. */
export function readAppliedSql(
  settings: ConnectionSettings,
  version: string,
): Promise<AppliedSql | undefined> {
  return withConnection(settings, (client) =>
    inReadOnlyTransaction(client, async () => {
      const entry = appliedEntry(await readLog(client), version);
      if (!entry) return undefined;
      const stored = await readStoredSql(client, version);
      return { digests: entry.digests, forwardSql: stored?.forward };
    }),
  );
}

/**
 * Compares the files with what the log says is applied.
 * @param target version of the newest migration to have, undefined for all that there are files of.
 * @throws MigratorError MIG008 when an applied file was edited, MIG009 when one is due below an applied
 * or half applied one, MIG011 when the file of an applied one is missing or renamed, MIG012 when the database is newer
 * than the files, MIG015 when a rollback was cut off.
 */
export async function compareHistory(
  client: ClientBase,
  log: readonly LogEntry[],
  trios: readonly Trio[],
  target?: string,
): Promise<Work> {
  const wanted = (version: string) => isWanted(version, target);
  // One that is not wanted is about to be undone to its end.
  refuseHalfUndone(log.filter(({ version }) => wanted(version)));
  const present = log.filter(isPresent);
  refuseUnknown(present, trios);
  const applied = log.filter((entry) => entry.applied);
  const files = new Map(trios.map((trio) => [trio.version, trio]));
  for (const entry of applied) {
    const trio = files.get(entry.version);
    if (trio) await refuseEditedTrio(client, entry, trio);
  }
  const known = new Set(applied.map(({ version }) => version));
  const pending = trios.filter(({ version }) => wanted(version) && !known.has(version));
  const isLater = (than: { version: string }) => (entry: LogEntry) =>
    isAbove(entry.version, than.version);
  const late = pending.filter((trio) => present.some(isLater(trio)));
  if (late.length > 0) {
    throw outOfOrder(
      late.map(({ name }) => name).join(", "),
      present.filter((entry) => late.some((trio) => isLater(trio)(entry))),
    );
  }
  return { pending, toRollBack: present.filter(({ version }) => !wanted(version)).reverse() };
}

/**
 * Refuses to go up where something has to go down first.
 * @throws MigratorError MIG075 that names what is above the target.
 */
export function refuseAboveTarget(
  toRollBack: readonly LogEntry[],
  target: string | undefined,
): void {
  if (toRollBack.length === 0) return;
  const list = toRollBack.map((entry) => `${entry.name} is ${stateOf(entry)}`).join(", ");
  throw new MigratorError(
    CODES.appliedAboveTarget,
    `Above the target ${target}: ${list}. \`up\` undoes nothing. Undo it with \`npx migrator rollback ` +
      `--to ${target}\`, or leave the target out.`,
  );
}

/** Whether a migration left something in the database: all of it, or a part. */
export function isPresent(entry: LogEntry): boolean {
  return entry.applied || isHalfDone(entry);
}

function stateOf({ event }: LogEntry): string {
  if (event === "begin apply") return "half applied";
  return event === "begin rollback" ? "half undone" : "applied";
}

/**
 * Refuses to work below an applied migration.
 * @throws MigratorError MIG009 that names the later ones.
 */
export function refuseOutOfOrder(
  log: readonly LogEntry[],
  { version, name }: { version: string; name: string },
): void {
  const later = log.filter((entry) => isAbove(entry.version, version) && isPresent(entry));
  if (later.length > 0) throw outOfOrder(name, later);
}

/**
 * Refuses a forward file whose SQL differs from what was applied; comments and layout may.
 * @throws MigratorError MIG008 that names both digests and shows what differs.
 */
export async function refuseEdited(
  applied: AppliedSql,
  trio: Trio,
  digests: TrioDigests,
): Promise<void> {
  const [before, now] = [applied.digests.forward, digests.forward];
  if (before.content === now.content) return;
  // Most runs find nothing edited, and are over before this is loaded.
  const { createTwoFilesPatch } = await import("diff");
  const { file, sql } = trio.forward;
  const difference =
    applied.forwardSql === undefined
      ? ""
      : `\n${createTwoFilesPatch(`${file} (as applied)`, `${file} (now)`, applied.forwardSql, sql).trimEnd()}\n`;
  throw new MigratorError(
    CODES.editedAfterApply,
    `${trio.name} was edited after it was applied (applied SHA-256 ${before.text}, file ${now.text}).` +
      `${difference || " "}Restore the file, and write the change as a new migration. ` +
      `While it is still being written, on a database of your own: \`npx migrator redo ${trio.version}\`. ` +
      "Where the database is right and the file is, too: " +
      `\`npx migrator repair ${trio.version} --accept-file --reason TEXT\`.`,
  );
}

/**
 * As {@link refuseEdited}, with what the log holds of the migration.
 * @throws MigratorError MIG008.
 */
export async function refuseEditedTrio(
  client: ClientBase,
  entry: LogEntry,
  trio: Trio,
): Promise<void> {
  // Equal texts need no parser.
  if (entry.digests.forward.text === sha256(trio.forward.sql)) return;
  const stored = await readStoredSql(client, entry.version);
  const applied = { digests: entry.digests, forwardSql: stored?.forward };
  await refuseEdited(applied, trio, await inspectTrio(trio));
}

/** @throws MigratorError MIG015 when a rollback of several steps was cut off. */
function refuseHalfUndone(log: readonly LogEntry[]): void {
  const half = log.find(({ event }) => event === "begin rollback");
  if (!half) return;
  throw new MigratorError(
    CODES.rollbackCutOff,
    `${half.name} is half undone: its rollback was cut off. Finish that first: ` +
      "`npx migrator rollback`; then apply it again if it is wanted.",
  );
}

function refuseUnknown(applied: readonly LogEntry[], trios: readonly Trio[]): void {
  const files = new Map(trios.map(({ version, name }) => [version, name]));
  const newestFile = trios.at(-1)?.version;
  const newer = applied.filter(
    ({ version }) => newestFile === undefined || isAbove(version, newestFile),
  );
  if (newer.length > 0) {
    throw new MigratorError(
      CODES.databaseNewer,
      `The database is newer than the files: it has ${names(newer)}, and the newest file is ` +
        `${trios.at(-1)?.name ?? "none"}. Take over the newer files, or undo those migrations with the ` +
        "SQL that the database keeps: `npx migrator rollback --to " +
        `${newestFile ?? "none"}\`. Where one migration took their place: ${SQUASH}.`,
    );
  }
  const lost = applied.filter(({ version, name }) => files.get(version) !== name);
  if (lost.length === 0) return;
  throw new MigratorError(
    CODES.fileMissing,
    `Applied to this database: ${names(lost)}; and there is no file of that name. Restore the ` +
      `files: \`npx migrator status --sql VERSION\` prints the SQL that was applied. Where they were renamed, or ` +
      `one took the place of several: ${SQUASH}.`,
  );
}

const SQUASH = '`npx migrator squash FROM..TO --reason "…"`';

function names(entries: readonly { name: string }[]): string {
  return entries.map(({ name }) => name).join(", ");
}

function outOfOrder(what: string, later: readonly LogEntry[]): MigratorError {
  return new MigratorError(
    CODES.laterMigrationApplied,
    `${what} can be neither applied nor rolled back while later migrations are applied ` +
      `(${names(later)}). Give a new migration the next number, or roll those back first, newest first: ` +
      "`npx migrator rollback`.",
  );
}
