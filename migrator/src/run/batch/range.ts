import type { Statement } from "@app-data/rules";
import { type BatchMark, type Replaced, quote, replaceMarks } from "../../sql/batch/marks";
import type { KeyColumn } from "./key";

/** A range of keys: above `after`, up to and with `upTo`; null where it is open. */
export interface KeyRange {
  after: string[] | null;
  upTo: string[] | null;
}

/** A statement that is limited to a range, with the values of its parameters. */
export interface LimitedStatement extends Replaced {
  values: string[];
}

/**
 * Limits a statement to a range of keys. The ranges of all batches, one after the other from open to
 * open, share the rows out exactly: a row whose marked column is null belongs to the one that is open
 * at its end.
 */
export function limitStatement(
  statement: Statement,
  marks: readonly BatchMark[],
  columns: readonly KeyColumn[],
  { after, upTo }: KeyRange,
): LimitedStatement {
  const parameters = (first: number) =>
    columns.map(({ type, collate }, index) => `$${first + index}::${type}${collate}`).join(", ");
  const low = after && parameters(1);
  const high = upTo && parameters(1 + (after?.length ?? 0));
  const replaced = replaceMarks(statement.text, marks, (mark) => {
    const row = mark.columns.map((parts) => parts.map(quote).join(".")).join(", ");
    const isAbove = low && `(${row}) > (${low})`;
    const isUpTo = high && `(${row}) <= (${high})`;
    const isNull = mark.columns
      .map((parts) => `${parts.map(quote).join(".")} is null`)
      .join(" or ");
    const isComplete = columns.length > 1 ? ` and not (${isNull})` : "";
    if (isUpTo) return ` and ${isAbove ? `${isAbove} and ` : ""}${isUpTo}${isComplete}`;
    return isAbove ? ` and (${isAbove} or ${isNull})` : "";
  });
  return { ...replaced, values: [...(after ?? []), ...(upTo ?? [])] };
}
