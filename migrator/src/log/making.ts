import type { ClientBase } from "pg";
import { type Catalog, type CatalogChanges, type Fact, equalJson, splitKey } from "../catalog";
import { readFoundCatalog, readStepChanges } from "./journal";
import { type LogEntry, readLogChanges } from "./log";
import { isBookkeeping } from "./log-tables";

/** What a migration made of the catalog. */
export interface Making {
  changes: CatalogChanges;
  /** An object as it was before; undefined when it was not there. */
  before: (key: string) => Fact | undefined;
}

/**
 * Reads what each migration made of the catalog: all of it or, of one that is half applied, what its steps
 * did so far.
 * @returns gives it by the migration's newest entry; undefined when the log does not tell, as an old one
 * does not of its first migration.
 */
export async function readMakings(
  client: ClientBase,
): Promise<(entry: Pick<LogEntry, "version" | "event">) => Making | undefined> {
  const entries = await readLogChanges(client);
  const found = await readFoundCatalog(client);
  const steps = (await readStepChanges(client)).map(({ changes }) => changes);
  const factBefore = (end: number, key: string): Fact | undefined => {
    for (let index = end - 1; index >= 0; index -= 1) {
      const fact = entries[index]?.changes[key];
      if (fact !== undefined) return fact ?? undefined;
    }
    return end === 0 ? found?.get(key) : undefined;
  };
  return ({ version, event }) => {
    const made = entries.findLastIndex((entry) => entry.version === version && entry.isApplication);
    const isHalfApplied = event === "begin apply";
    const end = isHalfApplied ? entries.length : made;
    if (end < 0 || (end === 0 && !found)) return undefined;
    const changes: CatalogChanges = isHalfApplied
      ? Object.assign({}, ...steps)
      : entries[made]?.changes;
    return { changes, before: (key) => factBefore(end, key) };
  };
}

/**
 * The objects, and columns of tables, that a migration made and that are still there. What is part of
 * another that is named is not named by itself.
 */
export function leftBehind({ before, changes }: Making, after: Catalog): string[] {
  const made = Object.entries(changes).flatMap(([key, fact]) =>
    fact && after.has(key) && !isBookkeeping(key) ? [{ key, fact }] : [],
  );
  const left = new Set(made.flatMap(({ key }) => (before(key) ? [] : [key])));
  const isPartOfLeft = (fact: Fact) =>
    ["table", "extension"].some((whole) => left.has(`${whole} ${String(fact[whole])}`));
  return made.flatMap(({ key, fact }) => {
    const { kind, name } = splitKey(key);
    // A role that a right was given to is known from then on, and belongs to no migration.
    if (kind === "role" || isPartOfLeft(fact)) return [];
    if (left.has(key)) return [key];
    const [known, now] = [columnsOf(before(key)), columnsOf(after.get(key))];
    return columnsOf(fact)
      .filter((column) => !known.includes(column) && now.includes(column))
      .map((column) => `column ${name}.${column}`);
  });
}

/**
 * The tables that were there before a migration and are gone after its rollback.
 * @param undoing what the rollback changed.
 */
export function missingAfter(
  { before, changes }: Making,
  undoing: CatalogChanges,
  after: Catalog,
): string[] {
  const touched = new Set([...Object.keys(changes), ...Object.keys(undoing)]);
  return [...touched].filter(
    (key) => splitKey(key).kind === "table" && before(key) && !after.has(key),
  );
}

/**
 * Of what a migration had changed, all that is again as it was before it, and is expected to be otherwise:
 * somebody has undone it by hand. Once it counts as rolled back, it is no drift.
 * @param after the catalog as it is once the migration is rolled back.
 */
export function changesUndone(
  { before, changes }: Making,
  expected: Catalog,
  after: Catalog,
): CatalogChanges {
  const isEqual = (a: Fact | undefined, b: Fact | undefined) => equalJson(a ?? null, b ?? null);
  const undone = Object.keys(changes).filter((key) => {
    const now = after.get(key);
    return isEqual(before(key), now) && !isEqual(expected.get(key), now);
  });
  return Object.fromEntries(undone.map((key) => [key, after.get(key) ?? null]));
}

function columnsOf(fact: Fact | undefined): string[] {
  const columns = fact?.["columns"];
  const list: unknown[] = Array.isArray(columns) ? columns : [];
  return list.map((column) => String((Object(column) as { name?: unknown }).name));
}
