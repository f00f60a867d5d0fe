import type { LogRecord } from "../log/log";
import { makePlan } from "../plan";

/** One event, with what it endangered. */
export type HistoryRow = Omit<LogRecord, "forwardSql"> & { hazards: string[] };

/** The history with the hazards of what was applied, as the SQL that the log holds shows them. */
export function historyRows(records: readonly LogRecord[]): Promise<HistoryRow[]> {
  return Promise.all(
    records.map(async ({ forwardSql, ...record }) => ({
      ...record,
      hazards: forwardSql === null ? [] : await hazardsOf(record, forwardSql),
    })),
  );
}

/** The history as text for people: a line an event, and under it why it came to that. */
export function renderHistory(rows: readonly HistoryRow[]): string {
  const cells = rows.map(({ recordedAt, event, name, durationMs, operator, hazards }) => [
    recordedAt.replace("T", " ").replace(/\.\d+Z$/, " UTC"),
    event,
    name,
    event === "failure" || durationMs === 0 ? "" : `${durationMs} ms`,
    operator,
    hazards.join(", "),
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .flatMap(({ note, snapshot }, index) => {
      const line = (cells[index] ?? []).map((cell, column) => cell.padEnd(widths[column] ?? 0));
      const more = [...(note?.split("\n") ?? []), ...(snapshot ? [`snapshot ${snapshot}`] : [])];
      return [line.join("  ").trimEnd(), ...more.map((text) => `    ${text}`)];
    })
    .join("\n");
}

async function hazardsOf(
  { version, name }: Pick<LogRecord, "version" | "name">,
  sql: string,
): Promise<string[]> {
  const nothing = { file: name, sql: "select" };
  const trio = { version, name, forward: { file: name, sql }, rollback: nothing, verify: nothing };
  const { migrations } = await makePlan(undefined, { pending: [trio], history: undefined });
  return migrations.flatMap(({ hazards }) => hazards);
}
