import type { BoolTestType, CaseExpr, Node, SelectStmt } from "libpg-query";
import { branchesOf } from "./case-branches";
import { isAggregate, readCondition } from "./condition-nodes";
import { ConditionValues, MAXIMUM_DEPTH } from "./condition-values";
import {
  type Alternative,
  type Outcome,
  all,
  both,
  either,
  hole,
  nothing,
  opposite,
} from "./conditions";
import { EqualValues } from "./equal-values";
import { identifiers, readCall } from "./expressions";
import { isIdentity, onlyTarget, selectOf } from "./identity-expressions";
import { type Frame, type Side, resolve } from "./names-in-scope";
import { OperatorConditions } from "./operator-conditions";
import type { Ownership } from "./ownership";
import { QueryConditions, type WaysOf } from "./query-conditions";
import type { Schema } from "./schema";

const outcomes: readonly Outcome[] = ["true", "false", "null"];
/** Of which outcomes of its condition a test like `is not false` is true. */
const acceptedBy: Readonly<Record<BoolTestType, readonly Outcome[]>> = {
  IS_TRUE: ["true"],
  IS_NOT_TRUE: ["false", "null"],
  IS_FALSE: ["false"],
  IS_NOT_FALSE: ["true", "null"],
  IS_UNKNOWN: ["null"],
  IS_NOT_UNKNOWN: ["true", "false"],
};

type Follow = (node: Node, outcome?: Outcome) => Alternative[];

/** Reads off an expression in which ways it can be true. */
export class OwnerConditions {
  private readonly values: ConditionValues;
  private readonly queries: QueryConditions;
  private readonly equal: EqualValues;
  private readonly operators: OperatorConditions;

  constructor(schema: Schema, ownership: Ownership) {
    const ways: WaysOf = (node, frame, depth, outcome) => this.ways(node, frame, depth, outcome);
    this.values = new ConditionValues(schema);
    this.queries = new QueryConditions(schema, ownership, ways);
    this.equal = new EqualValues(this.values, this.queries, ways);
    this.operators = new OperatorConditions(this.values, this.queries, this.equal, ways);
  }

  /** The ways in which a condition is true; none when it never is. */
  public alternatives(node: Node, frame: Frame): Alternative[] {
    this.queries.within(node);
    return this.ways(node, frame, 0, "true");
  }

  /** The ways in which a condition comes to an outcome; more than there are, where that is simpler. */
  private ways(node: Node, frame: Frame, depth: number, outcome: Outcome): Alternative[] {
    if (depth > MAXIMUM_DEPTH) return hole("it is nested too deep to be followed");
    const follow = (inner: Node, wanted = outcome) => this.ways(inner, frame, depth + 1, wanted);
    if ("BoolExpr" in node) {
      const { boolop, args = [] } = node.BoolExpr;
      if (boolop === "NOT_EXPR") return args.flatMap((arg) => follow(arg, opposite[outcome]));
      const joined = boolop === "AND_EXPR" ? "true" : "false";
      const ways = args.map((arg) => follow(arg));
      return outcome === joined ? all(ways) : ways.flat();
    }
    if ("A_Const" in node) {
      const { isnull, boolval, sval } = node.A_Const;
      const value = boolval ? boolval.boolval : /^(t|true|yes|on|1)$/i.test(sval?.sval ?? "");
      const found = isnull ? "null" : value ? "true" : "false";
      return found === outcome ? hole("it is true for every row") : [];
    }
    if ("TypeCast" in node && node.TypeCast.arg) return follow(node.TypeCast.arg);
    if ("CoalesceExpr" in node) return this.coalesce(node.CoalesceExpr.args ?? [], outcome, follow);
    if ("CaseExpr" in node) return this.cases(node.CaseExpr, frame, depth, outcome);
    if ("BooleanTest" in node && node.BooleanTest.arg) {
      const { arg, booltesttype = "IS_TRUE" } = node.BooleanTest;
      const accepted = acceptedBy[booltesttype];
      if (outcome === "null") return [];
      return outcomes
        .filter((one) => accepted.includes(one) === (outcome === "true"))
        .flatMap((one) =>
          one === "null"
            ? both(hole("it passes where its condition is null"), follow(arg, one))
            : follow(arg, one),
        );
    }
    if ("NullTest" in node && node.NullTest.arg) {
      const { arg, nulltesttype } = node.NullTest;
      if (outcome === "null") return [];
      const side = { node: arg, frame };
      if ((nulltesttype === "IS_NULL") === (outcome === "true")) {
        return both(hole("it passes where a value is null"), this.values.whereNull(side));
      }
      const value = this.values.value(side);
      const reason = isIdentity(arg)
        ? "it only asks whether anybody is signed in"
        : "it only asks whether a value is there";
      return both(hole(reason), [{ ...nothing, present: value === undefined ? [] : [value] }]);
    }
    if ("SubLink" in node) return this.subLink(node, frame, depth, outcome);
    if ("FuncCall" in node) {
      const body = this.values.inlined(node, frame);
      if (body) return this.selected(body.select, body.frame, depth, outcome);
      const { schema, name } = readCall(node.FuncCall);
      return hole(
        `what ${schema ? `${schema}.` : ""}${name}() lets through can not be read off it`,
      );
    }
    if ("A_Expr" in node) return this.operators.operation(node.A_Expr, frame, depth, outcome);
    if ("ColumnRef" in node) {
      const resolved = resolve(node.ColumnRef, frame);
      if (resolved?.kind === "value") {
        return this.ways(resolved.side.node, resolved.side.frame, depth + 1, outcome);
      }
      const flagged = hole("it lets through rows by a flag, whoever owns them");
      if (!resolved || outcome === "null") return flagged;
      const left = `${resolved.source.id}.${resolved.column}`;
      return both(flagged, [{ ...nothing, equalities: [{ left, right: `#${outcome}` }] }]);
    }
    return hole("it holds an expression that is not understood");
  }

  /** The first argument that is not null decides. */
  private coalesce(args: readonly Node[], outcome: Outcome, follow: Follow): Alternative[] {
    let before: Alternative[] = [nothing];
    const found: Alternative[] = [];
    for (const arg of args) {
      if (outcome !== "null") found.push(...both(before, follow(arg, outcome)));
      before = both(before, follow(arg, "null"));
    }
    return outcome === "null" ? before : found;
  }

  private cases(
    expression: CaseExpr,
    frame: Frame,
    depth: number,
    outcome: Outcome,
  ): Alternative[] {
    const ways = (condition: Node, wanted: Outcome) =>
      this.ways(condition, frame, depth + 1, wanted);
    return branchesOf(expression, ways).flatMap(({ taken, result }) => {
      if (result) return both(taken, this.ways(result, frame, depth + 1, outcome));
      return outcome === "null" ? taken : [];
    });
  }

  /** What a query says of the rows that it reads; what it selects may be a condition, too. */
  public ofQuery(query: SelectStmt, frame: Frame): Alternative[] {
    // An aggregate has a row for everybody, but only of the rows that its conditions leave.
    const plain = { ...query, targetList: query.targetList?.filter((node) => !isAggregate(node)) };
    return this.queries.query(plain, frame, 0, (target) => target && readCondition(target));
  }

  /** What it says that a condition was not true. */
  public refused(node: Node, frame: Frame): Alternative[] {
    const { boolop, args = [] } = "BoolExpr" in node ? node.BoolExpr : {};
    if (boolop === "OR_EXPR") return all(args.map((arg) => this.refused(arg, frame)));
    return either(this.ways(node, frame, 0, "false"), this.ways(node, frame, 0, "null"));
  }

  /** A column, a constant or the user. */
  public valueOf(side: Side): string | undefined {
    return this.values.value(side);
  }

  private subLink(node: Node, frame: Frame, depth: number, outcome: Outcome): Alternative[] {
    if (!("SubLink" in node)) return [nothing];
    const { subLinkType, testexpr, operName = [], subselect } = node.SubLink;
    const select = selectOf(subselect);
    if (!select) return [nothing];
    const inner: Frame = { ...frame, sources: [], params: new Map(), outer: frame };
    if (subLinkType === "EXPR_SUBLINK") return this.selected(select, inner, depth, outcome);
    if (subLinkType === "EXISTS_SUBLINK" && outcome === "null") return [];
    if (outcome !== "true") return hole("it passes where its sub-query finds nothing");
    if (subLinkType === "EXISTS_SUBLINK") return this.queries.query(select, inner, depth);
    const operator = identifiers(operName).join(".");
    if (subLinkType !== "ANY_SUBLINK" || !testexpr || (operator !== "" && operator !== "=")) {
      return hole("its sub-query does not ask for an equal value");
    }
    return this.equal.anyOf(testexpr, select, frame, depth);
  }

  /** The ways in which the one value that a query selects is a condition of this outcome. */
  private selected(
    select: SelectStmt,
    frame: Frame,
    depth: number,
    outcome: Outcome,
  ): Alternative[] {
    const target = onlyTarget(select);
    if (outcome === "true" || !target)
      return this.queries.query(select, frame, depth, (value) => value);
    const { fromClause, whereClause, larg } = select;
    if (fromClause ?? whereClause ?? larg) return hole("it passes where its sub-query is not true");
    return this.ways(target, frame, depth + 1, outcome);
  }
}
