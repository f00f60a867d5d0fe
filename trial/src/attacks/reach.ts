import type { Catalog, Relation, Routine } from "../rows/catalog";
import type { Reads } from "../rows/reads";
import type { Probe } from "./probes";

/**
 * Which of the attacker's powers a write or a call may change: the numbers of the probes that ask for what was
 * written, from 1; null for all of them.
 */
export function reachOf(
  target: Relation | Routine,
  probes: readonly Probe[],
  { relations }: Catalog,
  reads: Reads,
): number[] | null {
  if (!("columns" in target) || target.hasEffects) return null;
  // Its rows are read by another name, too: that of a partition, a child or a parent.
  const { id, parents } = target;
  if (parents.length > 0 || relations.some((one) => one.parents.includes(id))) return null;
  return probes.flatMap(({ relation }, index) =>
    !relation || relation === target || relation.hasEffects || reads.mayDecide(target, relation)
      ? [index + 1]
      : [],
  );
}
