import { findDrift, readDrift } from "../../judge/drift";
import type { ClientBase } from "pg";
import { catalogDigest, readCatalog } from "../../catalog";
import type { ConnectionSettings } from "../../database/settings";
import { expectedCatalog } from "../../log/expected-catalog";
import { type LogEntry, appendLog, isHalfDone, readLog, readStoredSql } from "../../log/log";
import { type Session, type SessionOptions, withSession } from "../session";
import { inTransaction } from "../../database/transaction";
import type { SqlFile } from "../../files/trio";
import type { Drift } from "../../judge/drift/drift";
import { heal } from "./heal";

/** What {@link healDrift} did. */
export interface HealedDrift {
  /** What was repaired, in words. */
  healed: string[];
  /** What was not, each with what a person has to do. */
  remaining: Drift[];
}

/**
 * Repairs what can be repaired, in one transaction under the migration lock, and enters it into
 * the log. Without drift it takes no lock. A migration that is half done differs from what the log
 * expects by what it did so far, so nothing is healed then.
 *
 * There is no gate: a table that healing cannot protect must not keep it from protecting the others.
 * @throws MigratorError MIG003 without a connection, MIG007 while another migrator is at work, MIG040
 * when healing would make something else differ.
 */
export async function healDrift(
  settings: ConnectionSettings,
  options: SessionOptions = {},
): Promise<HealedDrift> {
  if ((await findDrift(settings)).length === 0) return { healed: [], remaining: [] };
  return withSession(settings, options, healWithin);
}

/** As {@link healDrift}, in a session that holds the lock. */
export async function healWithin(session: Session): Promise<HealedDrift> {
  const { client, transaction, demandLock } = session;
  const work = async () => {
    const started = Date.now();
    const log = await readLog(client);
    if (log.some(isHalfDone)) return { healed: [], remaining: await readDrift(client) };
    const expected = await expectedCatalog(client);
    const before = catalogDigest(await readCatalog(client, expected));
    const files = await appliedForwardSql(client, log);
    const { healed, remaining, catalog } = await heal(client, expected, files);
    const sentences = healed.map(({ what }) => what);
    const newest = newestOf(log);
    if (healed.length > 0 && newest) {
      await demandLock();
      await appendLog(client, {
        event: "heal",
        version: newest.version,
        name: newest.name,
        durationMs: Date.now() - started,
        catalogDigestBefore: before,
        catalogDigest: catalogDigest(catalog),
        note: sentences.join("\n"),
      });
    }
    return { healed: sentences, remaining };
  };
  return inTransaction(client, work, transaction);
}

/** The newest migration that is applied, or, when none is, that ever was. */
function newestOf(log: readonly LogEntry[]): LogEntry | undefined {
  return log.filter(({ applied }) => applied).at(-1) ?? log.at(-1);
}

/** The forward SQL of the applied migrations as the log keeps it, oldest first. */
async function appliedForwardSql(client: ClientBase, log: readonly LogEntry[]): Promise<SqlFile[]> {
  const files: SqlFile[] = [];
  for (const { version, name } of log.filter(({ applied }) => applied)) {
    const stored = await readStoredSql(client, version);
    if (stored) files.push({ file: `${name}.sql`, sql: stored.forward });
  }
  return files;
}
