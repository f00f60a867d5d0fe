import type { Node } from "libpg-query";
import { type Catalog, type CatalogChanges, catalogChanges } from "../../catalog";
import { compareCatalogs } from "../../judge/drift/compare";
import { refuseDrifted } from "../heal/settle";
import type { Step } from "../../sql/split";

/**
 * What a transaction changed in the catalog.
 * @param expected the catalog that the migrations made; empty before the first one, which is taken to
 * have made all that is there.
 * @throws MigratorError MIG076 when it changed what was not as the migrations made it.
 */
export function changesOfTransaction(
  expected: Catalog,
  before: Catalog,
  after: Catalog,
  name: string,
): CatalogChanges {
  if (expected.size === 0) return catalogChanges(expected, after);
  const changes = catalogChanges(before, after);
  refuseDrifted(compareCatalogs(expected, before), changes, name);
  return changes;
}

/**
 * What a step that runs in no transaction changed: nobody else is kept from changes while it runs, or while
 * it lies cut off, so only what it can have made counts.
 */
export function changesOfStep(step: Step, expected: Catalog, after: Catalog): CatalogChanges {
  const all = catalogChanges(expected, after);
  if (expected.size === 0) return all;
  if (step.kind === "batch") return {};
  const kind = kindMadeBy(step.kind === "single" ? step.statement.tree : {});
  if (kind === undefined) return all;
  return Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith(`${kind} `)));
}

/** The kind of object that a statement makes, changes or drops; undefined when it may be any. */
function kindMadeBy(tree: Node | Record<string, never>): string | undefined {
  if ("IndexStmt" in tree || "DropStmt" in tree || "ReindexStmt" in tree) return "index";
  return "AlterEnumStmt" in tree ? "type" : undefined;
}
