import { type Finding, judgeSchema } from "@app-data/rules";
import { type Catalog, type CatalogChanges, applyChanges, schemaOf } from "./catalog";
import { Mentions, isNamed, isSilent } from "./catalog/mentions";
import { MigratorError } from "./errors";

/** Judges a catalog by every mandatory rule. @returns what must not be committed. */
export function judgeCatalog(catalog: Catalog): Finding[] {
  return judgeSchema(schemaOf(catalog), "mandatory");
}

/**
 * The same after changes: where only tables and functions changed, these are judged again with what
 * refers to them, and what they refer to.
 * @param known what was found before the changes.
 * @param mentions of the catalog as it was before them.
 */
export function judgeAfter(
  known: readonly Finding[],
  catalog: Catalog,
  changes: CatalogChanges,
  mentions = new Mentions(catalog),
): Finding[] {
  const changed = Object.keys(changes).filter((key) => !isSilent(key));
  if (changed.length === 0) return [...known];
  const isNarrow = known.length === 0 && changed.every(isNamed);
  return judgeCatalog(
    isNarrow ? mentions.partAfter(catalog, changes) : applyChanges(catalog, changes),
  );
}

/**
 * Refuses a catalog that a mandatory rule refuses.
 * @throws MigratorError MIG006 that names everything that was found.
 */
export function passGate(findings: readonly Finding[], name: string): void {
  if (findings.length === 0) return;
  throw new MigratorError(
    "MIG006",
    `${name} was not committed: it would leave rows unprotected. ${findings.map(describe).join(" ")}`,
  );
}

function describe({ code, message, remediation }: Finding): string {
  return `${code} ${message}. ${remediation}`;
}
