import { type Finding, loadParser } from "@app-data/rules";
import type { CatalogReading } from "../catalog";
import type { Gate } from "./gate";

/** What a run knows of the catalog, so that not all of it is read again for each migration. */
export interface KnownCatalog {
  reading: CatalogReading;
  /** What mandatory rules find in it, and nothing waives. */
  findings: readonly Finding[];
}

/** Judges all that was read. */
export async function judgeReading(gate: Gate, reading: CatalogReading): Promise<KnownCatalog> {
  await loadParser();
  return { reading, findings: gate.judge(reading.catalog) };
}
