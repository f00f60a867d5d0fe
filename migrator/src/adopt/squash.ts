import type { ClientBase } from "pg";
import { type Catalog, catalogChanges, readCatalog } from "../catalog";
import type { ConnectionSettings } from "../database/settings";
import { inTransaction } from "../database/transaction";
import { reasonOf } from "../database/server-error";
import { CODES, MigratorError } from "../errors";
import { type Trio, inspectTrio, noRollbackOf } from "../files/trio";
import { isAbove, isWanted } from "../files/version";
import { isHalfDone } from "../log/log";
import { type LogEntry, type StoredSql, appendLog, readLog, readStoredSql } from "../log/log";
import { runVerify } from "../run/change";
import type { RepairOptions } from "../run/repair";
import { withSession } from "../run/session";

/** Versions of the first and the last migration that one takes the place of. */
export interface Range {
  from: string;
  to: string;
}

type Stored = LogEntry & StoredSql;

/**
 * Records that one migration of the files takes the place of several that are applied, or of one under
 * another name. Nothing changes but the log: in a transaction that is undone, those and all later ones are
 * rolled back, the one and the later ones are applied, and the catalog has to be what it was.
 * @param trios the one in place of the others, beside all that are not squashed.
 * @returns the names of those whose place it takes.
 * @throws MigratorError MIG023 where it is not so, MIG005 when its verify file fails.
 */
export async function squash(
  settings: ConnectionSettings,
  trios: readonly Trio[],
  { from, to }: Range,
  { reason, ...options }: RepairOptions,
): Promise<string[]> {
  const inRange = ({ version }: { version: string }) =>
    !isAbove(from, version) && isWanted(version, to);
  const [trio, ...others] = trios.filter(inRange);
  if (!trio || others.length > 0 || trio.version !== from) {
    throw refused(
      `The files have ${[trio, ...others].flatMap((each) => each?.name ?? []).join(", ") || "none"} of ` +
        `${from} to ${to}: one trio, ${from}_…, has to take the place of all of them, with ` +
        `"-- squashes: ${from}..${to}" in its header where there are later ones.`,
    );
  }
  const digests = await inspectTrio(trio);
  return withSession(settings, options, async (session) => {
    const { client, transaction, demandLock } = session;
    const log = await readLog(client);
    const half = log.find(isHalfDone);
    const squashed = log.filter((entry) => entry.applied && inRange(entry));
    const missing = [from, to].find((end) => squashed.every(({ version }) => version !== end));
    if (half) throw refused(`${half.name} is half done: finish it first.`);
    if (missing !== undefined) {
      throw refused(
        `Migration ${missing} is not applied to this database, so there is nothing to squash. ` +
          "Where none of them is, `npx migrator up` applies the one.",
      );
    }
    const later = log.filter((entry) => entry.applied && isAbove(entry.version, to));
    await inTransaction(
      client,
      async () => {
        const stored = (entries: LogEntry[]) => Promise.all(entries.map(readStored(client)));
        const before = await stored(squashed);
        await demandEqual(client, trio, before, await stored(later));
        await runVerify(session, trio.verify);
        await demandLock();
        for (const { forward, rollback, verify, ...entry } of before.slice(1).reverse()) {
          const { version, name, digests: known } = entry;
          const gone = { event: "repair", applied: false, version, name, durationMs: 0 } as const;
          await appendLog(client, {
            ...gone,
            digests: known,
            sql: { forward, rollback, verify },
            note: reason,
          });
        }
        await appendLog(client, {
          event: "repair",
          applied: true,
          version: trio.version,
          name: trio.name,
          durationMs: 0,
          digests,
          sql: { forward: trio.forward.sql, rollback: trio.rollback.sql, verify: trio.verify.sql },
          note: `${reason}\nIn place of ${squashed.map(({ name }) => name).join(", ")}.`,
        });
      },
      transaction,
    );
    return squashed.map(({ name }) => name);
  });
}

function readStored(client: ClientBase): (entry: LogEntry) => Promise<Stored> {
  return async (entry) => {
    const sql = await readStoredSql(client, entry.version);
    if (!sql) throw refused(`The log holds no SQL of ${entry.name}.`);
    return { ...entry, ...sql };
  };
}

/** Tries it, and undoes what was tried. */
async function demandEqual(
  client: ClientBase,
  trio: Trio,
  squashed: readonly Stored[],
  later: readonly Stored[],
): Promise<void> {
  const before = await readCatalog(client);
  const undone = [...squashed, ...later].reverse();
  const irreversible = undone.find(({ forward }) => noRollbackOf(forward) !== undefined);
  if (irreversible) {
    const { version, name, forward } = irreversible;
    throw refused(
      `${name} cannot be undone (${noRollbackOf(forward)}), so it cannot be tried whether the catalog stays ` +
        `equal. Write a rollback file for it in place of the header's line, and record it: \`npx migrator ` +
        `repair ${version} --accept-file --reason "…"\`.`,
    );
  }
  await client.query("savepoint squash; set local app_data.allow_data_loss = 'on'");
  for (const { name, rollback } of undone) {
    await tryOut(client, `the rollback of ${name}`, rollback);
  }
  await tryOut(client, trio.forward.file, trio.forward.sql);
  for (const { name, forward } of later) await tryOut(client, name, forward);
  const differing = differences(before, await readCatalog(client, before));
  await client.query("rollback to savepoint squash; release savepoint squash");
  if (differing.length === 0) return;
  throw refused(
    `With ${trio.name} in place of ${squashed.map(({ name }) => name).join(", ")}, the catalog would be ` +
      `another: ${differing.join(", ")}.`,
  );
}

async function tryOut(client: ClientBase, what: string, sql: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (cause) {
    throw refused(
      `It cannot be shown that the catalog stays equal: ${what} fails in one transaction with the others ` +
        `(${reasonOf(cause)}).`,
      cause,
    );
  }
}

function differences(before: Catalog, after: Catalog): string[] {
  return Object.entries(catalogChanges(before, after)).map(([key, fact]) =>
    fact === null ? `${key} is missing` : before.has(key) ? `${key} is another` : `${key} is new`,
  );
}

function refused(found: string, cause?: unknown): MigratorError {
  return new MigratorError(CODES.notTranslatable, `${found} Nothing was changed.`, { cause });
}
