import { type ClientBase, DatabaseError } from "pg";
import { type Catalog, type Fact, readCatalog, splitKey } from "../../catalog";
import { CODES, MigratorError } from "../../errors";
import type { SqlFile } from "../../files/trio";
import { compareCatalogs } from "../../judge/drift/compare";
import { type Drift, text } from "../../judge/drift/drift";
import { functionStatements } from "./function-statements";

/** What became of the drift. */
export interface Healing {
  /** What is as the migrations made it again. */
  healed: Drift[];
  /** What is not, with what a person has to do. */
  remaining: Drift[];
  /** The catalog after it. */
  catalog: Catalog;
}

/** The statements that repair one drift. */
export interface DriftFix {
  drift: Drift;
  statements: string[];
}

/** How drift is repaired. */
export interface HealOptions {
  /**
   * While an index is built in a transaction, nobody can write to its table: that of a larger table,
   * in bytes, is left to a person. @default 134217728
   */
  largestIndexedBytes?: number;
}

const LARGEST_INDEXED_BYTES = 128 * 1024 * 1024;

// Another try of the whole transaction may meet none of these.
const TRANSIENT = new Set(["55P03", "40P01", "40001"]);

/**
 * The statements that repair drift: made of the expected facts, or, for what the catalog holds only a
 * digest of, the migrations' own, in the order in which they were applied.
 * @param appliedForwardSql forward files of the applied migrations, oldest first.
 * @returns `unhealable`: what only a person can repair, each with the reason.
 */
export async function healStatements(
  drifts: readonly Drift[],
  appliedForwardSql: readonly SqlFile[],
): Promise<{ fixes: DriftFix[]; unhealable: Drift[] }> {
  const needed = drifts.some(({ fromMigration }) => fromMigration);
  const functions = await functionStatements(needed ? appliedForwardSql : []);
  const fixes: DriftFix[] = [];
  const unhealable: Drift[] = [];
  for (const drift of drifts) {
    const statements = drift.fromMigration
      ? (functions.get(functionNameOf(drift.object)) ?? [])
      : drift.statements;
    if (statements.length > 0) fixes.push({ drift, statements });
    else if (!drift.healable) unhealable.push(drift);
    else {
      const reason = "No applied migration holds a statement that makes it with its schema's name";
      unhealable.push(unhealed(drift, `${reason}; repair it by hand.`));
    }
  }
  // What triggers, policies and views call has to be there first.
  fixes.sort((a, b) => Number(b.drift.fromMigration) - Number(a.drift.fromMigration));
  return { fixes, unhealable };
}

/**
 * Repairs what can be repaired, in the transaction that the connection is in, and reads the catalog
 * again: healed is what equals the expected catalog afterwards.
 * @throws MigratorError MIG040 when something else differs afterwards; the caller rolls back.
 */
export async function heal(
  client: ClientBase,
  expected: Catalog,
  appliedForwardSql: readonly SqlFile[],
  { largestIndexedBytes = LARGEST_INDEXED_BYTES }: HealOptions = {},
): Promise<Healing> {
  let catalog = await readCatalog(client, expected);
  const found = compareCatalogs(expected, catalog);
  let left = found;
  let work = await healStatements(left, appliedForwardSql);
  let reasons = new Map<string, string>();
  // What is created again comes without its grants and comments: they are the next round's work.
  for (let done = ""; work.fixes.length > 0 && identities(left) !== done;) {
    done = identities(left);
    reasons = await applyFixes(client, expected, work.fixes, largestIndexedBytes);
    catalog = await readCatalog(client, expected);
    left = compareCatalogs(expected, catalog);
    work = await healStatements(left, appliedForwardSql);
  }
  refuseNew(found, left);
  const failed = work.fixes.map(({ drift }) =>
    unhealed(drift, reasons.get(drift.object) ?? "The statements ran, and it still differs."),
  );
  const remaining = [...work.unhealable, ...failed];
  const still = new Set(remaining.map(identity));
  const healed = found.filter((drift) => drift.healable && !still.has(identity(drift)));
  return { healed, remaining, catalog };
}

/** @returns why some could not be done, by object. */
async function applyFixes(
  client: ClientBase,
  expected: Catalog,
  fixes: readonly DriftFix[],
  largestIndexedBytes: number,
): Promise<Map<string, string>> {
  const reasons = new Map<string, string>();
  const done = new Set<string>();
  for (const { drift, statements } of fixes) {
    // All that differs in a policy or function has one fix.
    const batch = statements.join(";\n");
    if (done.has(batch)) continue;
    done.add(batch);
    const fact = expected.get(drift.object);
    const reason = await attempt(client, fact, drift, statements, largestIndexedBytes);
    if (reason !== undefined) reasons.set(drift.object, reason);
  }
  return reasons;
}

/** @returns why it could not be done; undefined when it was. */
async function attempt(
  client: ClientBase,
  expected: Fact | undefined,
  { object }: Drift,
  statements: string[],
  largestIndexedBytes: number,
): Promise<string | undefined> {
  if (expected && object.startsWith("index ")) {
    const table = text(expected, "table");
    if ((await tableBytes(client, table)) > largestIndexedBytes) {
      const definition = text(expected, "definition").replace(" INDEX ", " INDEX CONCURRENTLY ");
      const drop = `drop index concurrently if exists ${splitKey(object).name}`;
      return (
        `${table} is too large to be kept from writers while the index is built. ` +
        `Outside a transaction: ${drop}; ${definition};`
      );
    }
  }
  await client.query("savepoint heal");
  try {
    for (const statement of statements) await client.query(statement);
    await client.query("release savepoint heal");
    return undefined;
  } catch (error) {
    if (!(error instanceof DatabaseError) || TRANSIENT.has(error.code ?? "")) throw error;
    await client.query("rollback to savepoint heal; release savepoint heal");
    const sql = statements.map((statement) => `${statement};`).join(" ");
    return `${error.message} (SQLSTATE ${error.code ?? "unknown"}). As a role that may: ${sql}`;
  }
}

async function tableBytes(client: ClientBase, table: string): Promise<number> {
  const { rows } = await client.query<{ size: string | null }>(
    "select pg_catalog.pg_table_size(pg_catalog.to_regclass($1))::text as size",
    [table],
  );
  return Number(rows[0]?.size ?? 0);
}

function refuseNew(found: readonly Drift[], left: readonly Drift[]): void {
  const objects = new Set(found.map(({ object }) => object));
  const others = left.filter(({ object }) => !objects.has(object));
  if (others.length === 0) return;
  throw new MigratorError(
    CODES.healingChangesMore,
    "Healing the drift made something else differ, so nothing was changed: " +
      `${others.map(({ what }) => what).join("; ")}. The database had: ` +
      `${found.map(({ what }) => what).join("; ")}. Repair these by hand, then run it again.`,
  );
}

function unhealed(drift: Drift, remedy: string): Drift {
  return { ...drift, healable: false, remedy, statements: [], fromMigration: false };
}

function identities(drifts: readonly Drift[]): string {
  return drifts.map(identity).join("\n");
}

function identity({ object, what }: Drift): string {
  return `${object}\n${what}`;
}

/** `auth.uid` of `function auth.uid()`, without quotes. */
function functionNameOf(object: string): string {
  const name = object.slice("function ".length);
  const parts = /^("(?:[^"]|"")+"|[^".(]+)\.("(?:[^"]|"")+"|[^".(]+)\(/.exec(name);
  return [parts?.[1], parts?.[2]]
    .map((part = "") => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part))
    .join(".");
}
