import { type CatalogChanges, CatalogReading } from "../../catalog";
import { CODES, MigratorError } from "../../errors";
import { expectedCatalog } from "../../log/expected-catalog";
import { type KnownCatalog, judgeReading } from "../../judge/known-catalog";
import { type LogEntry, isHalfDone, logExists } from "../../log/log";
import type { Session } from "../session";
import { inTransaction } from "../../database/transaction";
import { compareCatalogs } from "../../judge/drift/compare";
import type { Drift } from "../../judge/drift/drift";
import { healWithin } from "./heal-drift";

/**
 * Repairs drift before a run changes anything: an object that a migration changes is entered into the
 * log as it is then, so what was changed by hand in it would count as made by migrations. While one is
 * half done nothing is repaired, since what it did so far would look like drift.
 * Where drift is only to be told, none is repaired.
 * @returns what stays; no migration may change it, see {@link refuseDrifted}.
 * @throws MigratorError MIG040 when healing would make something else differ.
 */
export async function settleDrift(session: Session, log: readonly LogEntry[]): Promise<Drift[]> {
  if (log.some(isHalfDone)) return [];
  const { client, report, reportDrift, transaction } = session;
  const { known, drifts } = await inTransaction(client, () => readKnown(session), transaction);
  session.known = known;
  if (reportDrift) for (const { what, remedy } of drifts) report(`Drift: ${what}. ${remedy}`);
  if (drifts.length === 0 || reportDrift) return drifts;
  const { healed, remaining } = await healWithin(session);
  for (const what of healed) report(`Repaired drift: ${what}`);
  for (const { what, remedy } of remaining) report(`Could not repair drift: ${what}. ${remedy}`);
  return remaining;
}

/** The catalog, where it is as the log has it: the first change need not read all of it again. */
async function readKnown({
  client,
  gate,
}: Session): Promise<{ known: KnownCatalog | undefined; drifts: Drift[] }> {
  if (!(await logExists(client))) return { known: undefined, drifts: [] };
  const expected = await expectedCatalog(client);
  const reading = await CatalogReading.take(client, expected);
  const drifts = compareCatalogs(expected, reading.catalog);
  return { known: drifts.length > 0 ? undefined : await judgeReading(gate, reading), drifts };
}

/**
 * Refuses to take drift for what a migration made.
 * @param changes what the migration changed in the catalog.
 * @throws MigratorError MIG076 when it changed an object that is not as the migrations made it, and says
 * what a person has to do.
 */
export function refuseDrifted(
  drifts: readonly Drift[],
  changes: CatalogChanges,
  name: string,
): void {
  const touched = drifts.filter(({ object }) => (changes[object] ?? null) !== null);
  if (touched.length > 0) throw drifted(touched, `${name} was not committed: it changes`);
}

/**
 * Refuses to begin a migration of several steps beside drift: when its last step is done, nobody can tell
 * any more what was there before its first. What was added and gives nobody more rights, such as an INVALID
 * index that the migration is to make anew, does not stop it, and is expected from then on.
 * @throws MigratorError MIG076.
 */
export function refuseDriftBefore(drifts: readonly Drift[], name: string): void {
  const serious = drifts.filter(
    ({ kind, classification }) => kind !== "added" || classification === "widened",
  );
  if (serious.length > 0) {
    throw drifted(serious, `${name} was not begun: it has several steps, beside`);
  }
}

function drifted(drifts: readonly Drift[], what: string): MigratorError {
  const list = drifts.map((each) => `- ${each.what}. ${each.remedy}`).join("\n");
  return new MigratorError(
    CODES.changesDrifted,
    `${what} what is not as the migrations made it, and would be taken for theirs:\n${list}\n` +
      "Repair it, or, where it is meant to be so, accept it: " +
      "`npx migrator repair --accept-drift --reason TEXT`.",
  );
}
