import type { Node } from "libpg-query";
import type { Lock } from "./effect";
import { relationName } from "../names";

/** The tables that the foreign keys among constraints point to: both ends of one get triggers. */
export function referencedTables(constraints: readonly Node[] = []): Lock[] {
  return constraints.flatMap((node) => {
    const table = "Constraint" in node ? node.Constraint.pktable : undefined;
    return table ? [{ relation: relationName(table), mode: "SHARE ROW EXCLUSIVE" as const }] : [];
  });
}
