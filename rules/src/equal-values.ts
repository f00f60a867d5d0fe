import type { Node, SelectStmt } from "libpg-query";
import { branchesOf } from "./case-branches";
import { isConstant, isNull, partsOf, sameValue } from "./condition-nodes";
import { type ConditionValues, MAXIMUM_DEPTH, theUser } from "./condition-values";
import { type Alternative, type Outcome, all, both, hole, nothing } from "./conditions";
import { targetsOf } from "./from-clause";
import type { Frame, Side } from "./names-in-scope";
import type { QueryConditions, WaysOf } from "./query-conditions";

/** Says what it means that values are equal. */
export class EqualValues {
  constructor(
    private readonly values: ConditionValues,
    private readonly queries: QueryConditions,
    private readonly ways: WaysOf,
  ) {}

  /** What two values being equal says; each may be a sub-query or a function. */
  public equality(left: Side, right: Side, depth: number): Alternative[] {
    if (isNull(left.node) || isNull(right.node)) return [];
    const a = this.values.value(left);
    const b = this.values.value(right);
    if (a !== undefined && b !== undefined) {
      if (a === b) return hole(a === theUser ? "it compares the user with itself" : sameValue(a));
      if (isConstant(a) && isConstant(b)) return a[0] === b[0] ? [] : hole("it compares constants");
      return [{ ...nothing, equalities: [{ left: a, right: b }] }];
    }
    for (const [side, other] of [
      [left, right],
      [right, left],
    ] as const) {
      if (depth > MAXIMUM_DEPTH || this.values.value(side) !== undefined) continue;
      const { node, frame } = side;
      if ("CaseExpr" in node) {
        const ways = (condition: Node, outcome: Outcome) =>
          this.ways(condition, frame, depth + 1, outcome);
        return branchesOf(node.CaseExpr, ways).flatMap(({ taken, result }) =>
          result ? both(taken, this.equality({ node: result, frame }, other, depth + 1)) : [],
        );
      }
      const query = this.values.queryOf(side);
      if (!query) continue;
      return this.queries.query(query.select, query.frame, depth, (target, frame) =>
        target ? this.equality({ node: target, frame }, other, depth + 1) : [nothing],
      );
    }
    const rows = [partsOf(left.node), partsOf(right.node)] as const;
    if (rows[0] && rows[1] && rows[0].length === rows[1].length) {
      const others = rows[1];
      return all(
        rows[0].flatMap((node, at) => {
          const other = others[at];
          return other
            ? [this.equality({ ...left, node }, { ...right, node: other }, depth + 1)]
            : [];
        }),
      );
    }
    return [nothing];
  }

  /** What a value being among those that a query selects says. */
  public anyOf(value: Node, select: SelectStmt, frame: Frame, depth: number): Alternative[] {
    const inner: Frame = { ...frame, sources: [], params: new Map(), outer: frame };
    const values = partsOf(value) ?? [value];
    return this.queries.query(select, inner, depth, (_, own) => {
      const targets = targetsOf(select);
      if (targets?.length !== values.length) return [nothing];
      return all(
        targets.map((node, at) =>
          this.equality({ node: values[at] ?? node, frame }, { node, frame: own }, depth + 1),
        ),
      );
    });
  }
}
