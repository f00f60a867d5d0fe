import { stringify } from "csv-stringify/sync";
import type { ClientBase } from "pg";
import type { Part } from "./parts.js";
import type { ExportFormat } from "./request.js";

/** Rows fetched at once: some hundred kilobytes of sessions. */
const ROWS_AT_ONCE = 1_000;

/** What was written of a part. */
export interface Count {
  rows: number;
}

/**
 * The lines of a part, a megabyte or so at a time, from a cursor in the transaction that is open: nothing
 * of it is held, however many rows there are.
 * @param counted is told the rows so far.
 */
export async function* linesOf(
  client: ClientBase,
  { name, columns, query, values }: Part,
  format: ExportFormat,
  counted: Count,
): AsyncGenerator<Buffer> {
  const cursor = `export_${name}`;
  const body =
    format === "jsonl"
      ? `select row_to_json(r)::text from (${query}) r`
      : `select ${columns.map((column) => `r.${column}::text`).join(", ")} from (${query}) r`;
  await client.query(`declare ${cursor} no scroll cursor for ${body}`, [...values]);
  if (format === "csv") yield Buffer.from(stringify([[...columns]]));
  for (;;) {
    const { rows } = await client.query<string[]>({
      text: `fetch forward ${ROWS_AT_ONCE} from ${cursor}`,
      rowMode: "array",
    });
    if (rows.length === 0) break;
    counted.rows += rows.length;
    yield Buffer.from(
      format === "jsonl"
        ? `${rows.map(([line]) => line).join("\n")}\n`
        : // What begins like a formula is one to a spreadsheet: it gets a quote before it.
          stringify(rows, { escape_formulas: true }),
    );
  }
  await client.query(`close ${cursor}`);
}
