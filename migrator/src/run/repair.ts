import { loadParser } from "@app-data/rules";
import { changeOf } from "./apply";
import { catalogChanges, catalogDigest, readCatalog } from "../catalog";
import { type Work, commitChange, runVerify } from "./change";
import type { ConnectionSettings } from "../database/settings";
import { compareCatalogs } from "../judge/drift/compare";
import { CODES, MigratorError } from "../errors";
import { expectedCatalog } from "../log/expected-catalog";
import { passGate } from "../judge/gate";
import { readMakings } from "../log/making";
import { isPresent, refuseOutOfOrder } from "../log/history";
import { type LogEntry, appendLog, appliedEntry, readLog, readStoredSql } from "../log/log";
import { type SessionOptions, withSession } from "./session";
import { inReadOnlyTransaction, inTransaction } from "../database/transaction";
import { type Trio, inspectTrio } from "../files/trio";

/** How the record is to be corrected; the database itself stays as it is. */
export type Repair =
  /** The files are right: their digests and SQL replace those that were recorded. */
  | { kind: "accept-file"; trio: Trio }
  /** The migration is not in the database any more, or what is left of it was cleaned up by hand. */
  | { kind: "mark-rolled-back"; version: string };

/** Why a record is corrected, or made. */
export interface RepairOptions extends SessionOptions {
  /** Kept in the log for whoever asks later. */
  reason: string;
}

const nothing: Work = async () => {};

/**
 * Records migrations of an existing database as applied, without running them: each whose verify file
 * passes there. The first one that fails ends it, and nothing is recorded.
 * @returns the entries made; none for migrations that are recorded already.
 * @throws MigratorError MIG005 with the check that does not hold, MIG006 when a table lacks row level
 * security.
 */
export async function baseline(
  settings: ConnectionSettings,
  trios: readonly Trio[],
  { reason, ...options }: RepairOptions,
): Promise<LogEntry[]> {
  return withSession(settings, options, async (session) => {
    const { client } = session;
    const log = await readLog(client);
    const unknown = trios.filter(({ version }) => !appliedEntry(log, version));
    for (const trio of unknown) refuseOutOfOrder(log, trio);
    await inReadOnlyTransaction(client, async () => {
      for (const { verify } of unknown) await runVerify(session, verify);
    });
    const entries: LogEntry[] = [];
    for (const trio of unknown) {
      const change = { ...changeOf("baseline", trio, await inspectTrio(trio)), note: reason };
      entries.push(await commitChange(session, change, nothing, { verify: trio.verify }));
    }
    return entries;
  });
}

/**
 * Corrects what the log says of one migration; a new entry says so, with the reason.
 * @throws MigratorError MIG018 when there is nothing of the kind to correct, MIG005 when the verify file
 * of an accepted migration does not pass.
 */
export async function repair(
  settings: ConnectionSettings,
  correction: Repair,
  { reason, ...options }: RepairOptions,
): Promise<LogEntry> {
  return withSession(settings, options, async (session) => {
    const log = await readLog(session.client);
    if (correction.kind === "accept-file") {
      const { trio } = correction;
      if (!appliedEntry(log, trio.version)) throw nothingToRepair(trio.version, "applied");
      const change = { ...changeOf("repair", trio, await inspectTrio(trio)), note: reason };
      return commitChange(session, change, nothing, { verify: trio.verify });
    }
    const { version } = correction;
    const known = log.find((entry) => entry.version === version);
    if (!known || !isPresent(known)) {
      throw nothingToRepair(version, "applied or half applied");
    }
    refuseOutOfOrder(log, known);
    const sql = await readStoredSql(session.client, version);
    if (!sql) throw new Error(`The log holds no SQL of ${known.name}.`);
    const { name, digests } = known;
    const change = { event: "repair", applied: false, version, name, digests, sql } as const;
    const undoes = (await readMakings(session.client))(known);
    return commitChange(session, { ...change, note: reason }, nothing, { undoes });
  });
}

/**
 * Takes the catalog as it is for the one that is expected: what was drift is none any more.
 * @returns what was accepted, a sentence each.
 * @throws MigratorError MIG018 without drift, MIG006 when the gate refuses the catalog: every later migration
 * would be blamed for it.
 */
export async function acceptDrift(
  settings: ConnectionSettings,
  { reason, ...options }: RepairOptions,
): Promise<string[]> {
  return withSession(settings, options, ({ client, transaction, demandLock, gate }) =>
    inTransaction(
      client,
      async () => {
        const newest = (await readLog(client)).filter(({ applied }) => applied).at(-1);
        if (!newest) throw nothingToAccept("The log has no migration as applied");
        const expected = await expectedCatalog(client);
        const actual = await readCatalog(client, expected);
        const drifts = compareCatalogs(expected, actual).map(({ what }) => what);
        if (drifts.length === 0) throw nothingToAccept("The catalog is as the migrations made it");
        await loadParser();
        const findings = gate.judge(actual);
        passGate(findings, "The drift was not accepted: it leaves rows unprotected.");
        await demandLock();
        const { version, name } = newest;
        await appendLog(client, {
          event: "repair",
          version,
          name,
          durationMs: 0,
          catalogDigest: catalogDigest(actual),
          catalogChanges: catalogChanges(expected, actual),
          note: [reason, ...drifts].join("\n"),
        });
        return drifts;
      },
      transaction,
    ),
  );
}

function nothingToAccept(reason: string): MigratorError {
  return new MigratorError(CODES.nothingToRepair, `${reason}, so there is no drift to accept.`);
}

function nothingToRepair(version: string, required: string): MigratorError {
  return new MigratorError(
    CODES.nothingToRepair,
    `The log does not have migration ${version} as ${required}, so there is nothing to correct. ` +
      "`npx migrator status` shows what it has.",
  );
}
