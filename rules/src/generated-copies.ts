import type { Node } from "libpg-query";
import { identifiers } from "./expressions";
import { expressionTree } from "./function-bodies";
import { withoutCasts } from "./identity-expressions";

/** Types that hold a user's id whole; others may shorten what they are given. */
const wholeTypes: readonly string[] = ["uuid", "text"];

/** The column that a generated one of this type is a copy of; undefined where it is more, or less. */
export function copiedColumn(expression: Node | undefined, type: string): string | undefined {
  if (!expression || !wholeTypes.includes(type)) return undefined;
  const value = withoutCasts(expression);
  const [column, another] = "ColumnRef" in value ? identifiers(value.ColumnRef.fields ?? []) : [];
  return another === undefined ? column : undefined;
}

/** The same of an expression as the catalog prints it. */
export function copiedColumnOf(expression: string, type: string): string | undefined {
  return copiedColumn(expressionTree(expression), type);
}
