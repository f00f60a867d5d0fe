import { parseExpression } from "../sql/expressions";
import { columnOf, withoutCasts } from "./values";

/** The column that a generated one of this type is a copy of; undefined where it is more, or less. */
export function copiedColumnOf(expression: string, type: string): string | undefined {
  const tree = parseExpression(expression);
  // Other types may shorten what they are given.
  if (!tree || !["uuid", "text"].includes(type)) return undefined;
  return columnOf(withoutCasts(tree))?.column;
}
