import type { Node, SelectStmt } from "libpg-query";
import type { JudgedSchema } from "../model/judged-schema";
import { inlined } from "./inlining";
import { fieldsOf, onlyTarget, selectOf, valueWithoutRows, withoutCasts } from "./syntax";

/** A query, and further values that are equal where it finds something. */
export interface Query {
  select: SelectStmt;
  equal: (readonly [Node, Node])[];
  /** It stands in a function that runs with its owner's rights. */
  asOwner?: boolean;
}

/**
 * The query of `exists (…)`, or of `value in (…)`.
 * @param judged where functions that the query calls are looked into.
 */
export function subQuery(node: Node, judged?: JudgedSchema): Query | undefined {
  const { subLinkType, testexpr, subselect } = fieldsOf(node, "SubLink") ?? {};
  const select = selectOf(subselect);
  if (!select) return undefined;
  if (subLinkType === "EXISTS_SUBLINK") {
    const targets = select.targetList ?? [];
    const areRows = targets.every((target) => isRowValue(fieldsOf(target, "ResTarget")?.val));
    return areRows ? { select, equal: [] } : undefined;
  }
  if (subLinkType !== "ANY_SUBLINK" || !testexpr) return undefined;
  const selection = selectionOf(select, judged);
  return selection && equalTo(testexpr, selection);
}

/** A query, and the value that it gives of each row. */
export interface Selection extends Omit<Query, "equal"> {
  value: Node;
}

/** What a value is selected by: `(select value from …)`, or a function that does the same. */
export function selectionIn(node: Node, judged?: JudgedSchema): Selection | undefined {
  const bare = withoutCasts(node);
  const link = fieldsOf(bare, "SubLink");
  if (link) {
    const select = link.subLinkType === "EXPR_SUBLINK" ? selectOf(link.subselect) : undefined;
    return select && selectionOf(select, judged);
  }
  const called = judged && inlined(bare, judged);
  const selection = called?.select.fromClause && selectionOf(called.select, judged);
  return selection && { ...selection, asOwner: called.item.securityDefiner };
}

/** That the value of a selection equals another. */
export function equalTo(value: Node, { value: selected, ...query }: Selection): Query {
  return { ...query, equal: [[value, selected]] };
}

function selectionOf(select: SelectStmt, judged: JudgedSchema | undefined): Selection | undefined {
  const inner = valueWithoutRows(select);
  if (inner) return selectionIn(inner, judged);
  const value = onlyTarget(select);
  return value && isRowValue(value) ? { select, value } : undefined;
}

/** Whether a value is no aggregate, which has one where there is no row. */
function isRowValue(node: Node | undefined): boolean {
  return node !== undefined && ("A_Const" in node || "ColumnRef" in node);
}
