import type { ClientBase } from "pg";
import { to as copyTo } from "pg-copy-streams";
import type { Part } from "./parts.js";
import type { ExportFormat } from "./request.js";

/** What was written of a part. */
export interface Count {
  rows: number;
}

/** Of these, a spreadsheet makes a formula; the last four are those of East Asian keyboards. */
const FORMULA = "^([=+\\-@\\t\\r\\n＝＋－＠])";
// JSON holds neither of these two characters, so that each line stands as it is.
const AS_IT_IS = "(format csv, quote e'\\x01', delimiter e'\\x02')";

/**
 * The lines of a part as PostgreSQL writes them, from the transaction that is open: nothing of it is held,
 * however many rows there are.
 * @param counted is told how many there were.
 */
export async function* linesOf(
  client: ClientBase,
  part: Part,
  format: ExportFormat,
  counted: Count,
): AsyncGenerator<Buffer> {
  const copy =
    format === "jsonl"
      ? `copy (select row_to_json(r) from (${part.query}) r) to stdout ${AS_IT_IS}`
      : `copy (select ${guarded(part)} from (${part.query}) r) to stdout (format csv, header)`;
  const stream = client.query(copyTo(copy));
  for await (const chunk of stream) yield chunk as Buffer;
  counted.rows += stream.rowCount;
}

/** A text that begins like a formula gets a quote before it, as spreadsheets have it. */
function guarded({ columns, texts }: Part): string {
  return columns
    .map((column) =>
      texts.includes(column)
        ? `regexp_replace(r.${column}::text, e'${FORMULA.replaceAll("\\", "\\\\")}', e'\\'\\\\1') as ${column}`
        : `r.${column}`,
    )
    .join(", ");
}
