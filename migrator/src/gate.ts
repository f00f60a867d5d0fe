import { type Finding, judgeSchema } from "@app-data/rules";
import { type Catalog, type CatalogChanges, type Fact, schemaOf } from "./catalog";
import { MigratorError } from "./errors";

/** What the rules found of each table, by its key in the catalog; empty when all are protected. */
export type OpenTables = ReadonlyMap<string, Finding[]>;

/** Judges all tables of a catalog. */
export function findOpenTables(catalog: Catalog): OpenTables {
  if (judgeSchema(schemaOf(catalog)).length === 0) return new Map();
  const open = new Map<string, Finding[]>();
  for (const [key, fact] of catalog) {
    if (!key.startsWith("table ")) continue;
    const findings = judgeSchema(schemaOf(new Map([[key, fact]])));
    if (findings.length > 0) open.set(key, findings);
  }
  return open;
}

/** The same after changes: only what they touch is judged again. */
export function openTablesAfter(open: OpenTables, changes: CatalogChanges): OpenTables {
  const changed = Object.entries(changes).filter(
    (entry): entry is [string, Fact] => entry[1] !== null,
  );
  const untouched = [...open].filter(([key]) => !(key in changes));
  return new Map([...untouched, ...findOpenTables(new Map(changed))]);
}

/**
 * Refuses a catalog in which a table lacks enabled and forced row level security.
 * @throws MigratorError MIG006 that names every such table.
 */
export function passGate(open: OpenTables, name: string): void {
  if (open.size === 0) return;
  const findings = [...open.values()].flat();
  throw new MigratorError(
    "MIG006",
    `${name} was not committed: it would leave rows unprotected. ${findings.map(describe).join(" ")}`,
  );
}

function describe({ code, message, remediation }: Finding): string {
  return `${code} ${message}. ${remediation}`;
}
