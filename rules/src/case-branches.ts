import type { CaseExpr, Node } from "libpg-query";
import { equals } from "./condition-nodes";
import { type Alternative, type Outcome, both, either, nothing } from "./conditions";

/** A branch of a CASE: when it is taken, and what it comes to. */
export interface Branch {
  taken: Alternative[];
  /** Without a result it is null. */
  result: Node | undefined;
}

/** The branches of a CASE; each is taken where those before it are not. */
export function branchesOf(
  { arg: compared, args = [], defresult }: CaseExpr,
  ways: (condition: Node, outcome: Outcome) => Alternative[],
): Branch[] {
  let before: Alternative[] = [nothing];
  const found: Branch[] = [];
  for (const when of args) {
    const { expr, result } = "CaseWhen" in when ? when.CaseWhen : {};
    if (!expr || !result) continue;
    const condition = compared ? equals(compared, expr) : expr;
    found.push({ taken: both(before, ways(condition, "true")), result });
    before = both(before, either(ways(condition, "false"), ways(condition, "null")));
  }
  return [...found, { taken: before, result: defresult }];
}
