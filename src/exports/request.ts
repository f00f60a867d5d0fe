import { AppDataError, shown } from "../errors.js";

/** What is exported. */
export const EXPORT_TYPES = ["progress", "sessions", "vocabulary", "full"] as const;
export type ExportType = (typeof EXPORT_TYPES)[number];

/** How it is written. */
export const EXPORT_FORMATS = ["jsonl", "csv"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Which of the sessions; all of them without. */
export interface ExportFilters {
  /** ISO 8601 time with its zone; sessions that began earlier are left out. */
  readonly from?: string;
  /** ISO 8601 time with its zone; sessions that began then or later are left out. */
  readonly to?: string;
}

/** An export to be made. */
export interface ExportRequest {
  /**
   * `progress`: the counters, one row. `sessions`: a row for each session. `vocabulary`: the words learnt
   * in each session that is completed, with their sum so far. `full`: all of a user's rows, as a zip.
   */
  readonly type: ExportType;
  readonly format: ExportFormat;
  /** For types other than `progress`. */
  readonly filters?: ExportFilters;
}

/** Of years and zones, those that PostgreSQL knows. */
const TIME =
  /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-](?:0\d|1[0-5]):\d\d)$/;

/**
 * A request as a caller gave it, whatever that is.
 * @throws AppDataError EXP010 for an unknown type, EXP011 for an unknown format, EXP012 for filters that
 * are none.
 */
export function checkRequest(request: {
  type: string;
  format: string;
  filters?: object | undefined;
}): ExportRequest {
  const type = EXPORT_TYPES.find((each) => each === request.type);
  if (type === undefined) refuse("EXP010", "type", request.type, EXPORT_TYPES);
  const format = EXPORT_FORMATS.find((each) => each === request.format);
  if (format === undefined) refuse("EXP011", "format", request.format, EXPORT_FORMATS);
  return { type, format, filters: checkFilters(type, request.filters ?? {}) };
}

function checkFilters(type: ExportType, given: object): ExportFilters {
  const kind = Object.prototype.toString.call(given).slice("[object ".length, -1);
  if (kind !== "Object") refuseFilters(`are of the type ${kind}, and have to be an object`);
  const filters: { from?: string; to?: string } = {};
  for (const [name, value] of Object.entries(given)) {
    if (name !== "from" && name !== "to") {
      refuseFilters(`have ${shown(name)}; there are \`from\` and \`to\``);
    }
    if (type === "progress") refuseFilters("are not for progress, which is one row");
    if (typeof value !== "string" || !isTime(value)) {
      refuseFilters(
        `have ${name} as ${shown(value)}, which is no time; write 2026-03-02T10:00:00Z`,
      );
    }
    filters[name] = value;
  }
  const { from, to } = filters;
  if (from !== undefined && to !== undefined && Date.parse(from) >= Date.parse(to)) {
    refuseFilters(`end (${to}) before they begin (${from})`);
  }
  return filters;
}

function isTime(value: string): boolean {
  if (!TIME.test(value) || Number.isNaN(Date.parse(value))) return false;
  // JavaScript makes 2 March of 30 February, and PostgreSQL nothing.
  const day = value.slice(0, 10);
  return new Date(day).toISOString().startsWith(day);
}

function refuse(code: string, name: string, found: unknown, known: readonly string[]): never {
  throw new AppDataError(
    code,
    `The ${name} of the export is ${shown(found)}, and has to be one of ${known.join(", ")}.`,
  );
}

function refuseFilters(finding: string): never {
  throw new AppDataError("EXP012", `The filters of the export ${finding}.`);
}
