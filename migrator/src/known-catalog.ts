import { type Finding, loadParser } from "@app-data/rules";
import type { Catalog, CatalogReading } from "./catalog";
import type { Gate } from "./gate";

/** What a run knows of the catalog, so that not all of it is read again for each migration. */
export interface KnownCatalog {
  reading: CatalogReading;
  /** What mandatory rules find in it, and nothing waives. */
  findings: readonly Finding[];
}

/**
 * Judges all that was read.
 * @param foreseen what {@link foresee} said of the catalog that was expected.
 */
export async function judgeReading(
  gate: Gate,
  reading: CatalogReading,
  foreseen?: readonly Finding[],
): Promise<KnownCatalog> {
  if (foreseen && reading.wasExpected) return { reading, findings: foreseen };
  await loadParser();
  return { reading, findings: gate.judge(reading.catalog) };
}

/** Judges the catalog that is expected, while the server reads the one that is there. */
export async function foresee(
  gate: Gate,
  expected: Catalog,
): Promise<readonly Finding[] | undefined> {
  await loadParser();
  try {
    return gate.judge(expected);
  } catch {
    // An earlier version may have recorded facts of another shape: what was read is judged then.
    return undefined;
  }
}
