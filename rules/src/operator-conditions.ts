import type { A_Expr, Node } from "libpg-query";
import {
  areConditions,
  arrayOf,
  arrayQuery,
  countedQuery,
  foreignOperator,
  listOf,
} from "./condition-nodes";
import { type ConditionValues, theUser } from "./condition-values";
import { type Alternative, type Outcome, all, both, hole, nothing, opposite } from "./conditions";
import type { EqualValues } from "./equal-values";
import { identifiers } from "./expressions";
import type { Frame } from "./names-in-scope";
import type { QueryConditions, WaysOf } from "./query-conditions";

/** Reads off an operation in which ways it can be true. */
export class OperatorConditions {
  constructor(
    private readonly values: ConditionValues,
    private readonly queries: QueryConditions,
    private readonly equal: EqualValues,
    private readonly ways: WaysOf,
  ) {}

  /** The ways in which an operation comes to an outcome. */
  public operation(
    { kind, name = [], lexpr, rexpr }: A_Expr,
    frame: Frame,
    depth: number,
    outcome: Outcome,
  ): Alternative[] {
    const parts = identifiers(name);
    const operator = parts.at(-1);
    if (!lexpr || !rexpr) return hole("it holds an operator of one side");
    const left = { node: lexpr, frame };
    const right = { node: rexpr, frame };
    const equal = (node: Node) => this.equal.equality(left, { node, frame }, depth + 1);
    const follow = (node: Node, wanted: Outcome) => this.ways(node, frame, depth + 1, wanted);
    const untied = () => hole(`\`${operator ?? "?"}\` does not tie the row to its owner`);
    const foreign = foreignOperator(parts);
    if (foreign) return hole(foreign);
    if (kind === "AEXPR_NULLIF") return outcome === "null" ? untied() : follow(lexpr, outcome);
    const isEqual = operator === "=";
    if (kind === "AEXPR_OP" && (isEqual || operator === "<>")) {
      const same = isEqual ? "true" : "false";
      if (areConditions(lexpr, rexpr)) {
        if (outcome === "null") return [...follow(lexpr, "null"), ...follow(rexpr, "null")];
        return (["true", "false"] as const).flatMap((one) =>
          both(follow(lexpr, one), follow(rexpr, outcome === same ? one : opposite[one])),
        );
      }
      if (outcome === "null")
        return [...this.values.whereNull(left), ...this.values.whereNull(right)];
      return outcome === same ? equal(rexpr) : untied();
    }
    if (kind === "AEXPR_NOT_DISTINCT" || kind === "AEXPR_DISTINCT") {
      if (outcome === "null") return [];
      if ((kind === "AEXPR_NOT_DISTINCT") !== (outcome === "true")) return untied();
      const reason = "with nobody signed in it passes rows whose owner is null";
      const bothNull = both(this.values.whereNull(left), this.values.whereNull(right));
      return [...equal(rexpr), ...both(hole(reason), bothNull)];
    }
    if (kind === "AEXPR_OP" && outcome === "true" && /^(<@|@>|&&)$/.test(operator ?? "")) {
      const [within, of] = operator === "@>" ? [rexpr, lexpr] : [lexpr, rexpr];
      const [items, others] = [arrayOf(within), arrayOf(of)];
      if (!items || items.length === 0 || !others) return untied();
      const ways = items.map((node) =>
        others.flatMap((other) =>
          this.equal.equality({ node, frame }, { node: other, frame }, depth + 1),
        ),
      );
      return operator === "&&" ? ways.flat() : all(ways);
    }
    const counted = outcome === "true" ? countedQuery(operator, lexpr, rexpr) : undefined;
    if (counted) {
      const inner: Frame = { ...frame, sources: [], params: new Map(), outer: frame };
      return this.queries.query(counted, inner, depth);
    }
    const isAny = kind === "AEXPR_IN" || kind === "AEXPR_OP_ANY";
    const positive = kind === "AEXPR_IN" && operator === "<>" ? "false" : "true";
    if (isAny && (isEqual || positive === "false")) {
      const items = listOf(rexpr);
      if (outcome === "null") {
        return items
          ? [left, ...items.map((node) => ({ node, frame }))].flatMap((s) =>
              this.values.whereNull(s),
            )
          : untied();
      }
      if (outcome !== positive) return untied();
      const query = arrayQuery(rexpr);
      if (query) return this.equal.anyOf(lexpr, query, frame, depth);
      if (items) return items.flatMap(equal);
      // Whose row it is may stand in an array; two columns of one are not equal by it.
      return this.values.value(left) === theUser ? equal(rexpr) : [nothing];
    }
    if (kind === "AEXPR_OP_ALL" && isEqual && outcome === "true") {
      const items = listOf(rexpr) ?? [];
      if (items.length > 0) return all(items.map(equal));
    }
    return untied();
  }
}
