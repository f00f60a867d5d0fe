import type { Contract } from "../model/contract";
import type { Table } from "../model/schema";
import { nodesIn, policyTrees } from "../sql/expressions";
import { columnOf, equalSides, isIdentity, withoutCasts } from "./values";

/** The columns that policies of a table compare with the signed-in user. */
export function comparedColumns(table: Table, contract: Contract): string[] {
  const found = (table.policies ?? [])
    .flatMap((policy) => nodesIn(policyTrees(policy), "A_Expr"))
    .map((node) => equalSides(node) ?? [])
    .filter((sides) => sides.some((side) => isIdentity(side, contract)))
    .flatMap((sides) => sides.map((side) => columnOf(withoutCasts(side))?.column));
  return (table.columns ?? []).map(({ name }) => name).filter((name) => found.includes(name));
}
