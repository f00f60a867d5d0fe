import { type CustomTypesConfig, types } from "pg";

/** A value that cannot be read as what the types say it is. */
export class DatabaseValueError extends Error {
  public override readonly name = "DatabaseValueError";
  public readonly code = "MIG053";
}

type Reader = (text: string) => unknown;

/** A type's number and that of its arrays, both fixed in PostgreSQL's `pg_type`. */
const READERS: readonly [scalar: number, array: number, read: Reader][] = [
  [20, 1016, BigInt], // int8
  [1700, 1231, String], // numeric
  [1186, 1187, String], // interval
  [1082, 1182, isoTime], // date
  [1114, 1115, isoTime], // timestamp
  [1184, 1185, isoTime], // timestamptz
];
const TEXT_ARRAY = 1009;

/** The parsers that pg comes with. */
const parserOf: (oid: number, format?: "text" | "binary") => Reader = types.getTypeParser;
const readTexts = parserOf(TEXT_ARRAY);
const readers: ReadonlyMap<number, Reader> = new Map(
  READERS.flatMap(([scalar, array, read]): [number, Reader][] => [
    [scalar, read],
    [array, (text) => readEntries(readTexts(text), read)],
  ]),
);

/**
 * Makes `pg` give what `database.generated.ts` says, without losing a digit: `int8` as `bigint`;
 * `numeric` and `interval` as the server's text; dates and times as `to_json` writes them, ISO 8601
 * with microseconds, or `infinity`. `bytea` stays a `Buffer` and JSON is parsed, as `pg` does anyway.
 *
 * For one pool or connection, `new Pool({ ...settings, types: databaseTypes })`: nothing global
 * changes. A query fails with {@link DatabaseValueError} MIG053 when the session's `DateStyle` is not
 * ISO, or when it asked for binary results.
 */
export const databaseTypes: CustomTypesConfig = {
  getTypeParser(oid: number, format?: "text" | "binary"): Reader {
    const read = readers.get(oid);
    if (read === undefined) return parserOf(oid, format);
    return format === "binary" ? refuseBinary : read;
  },
};

const TIME = /^(\d{4,}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)?((?::\d\d)*))?( BC)?$/;

/** Turns a date or time as a session with `DateStyle` ISO writes it into what `to_json` writes. */
function isoTime(text: string): string {
  if (text === "infinity" || text === "-infinity") return text;
  const parts = TIME.exec(text);
  if (!parts) {
    // The value itself belongs to a row, and no error quotes rows.
    throw new DatabaseValueError(
      "MIG053 The database sent a date or time that is not in the form of DateStyle ISO. " +
        "Leave DateStyle of the session, its role and the database at ISO.",
    );
  }
  const [, date = "", time, zone = "", minutes = "", era = ""] = parts;
  if (time === undefined) return date + era;
  return `${date}T${time}${zone}${zone && (minutes || ":00")}${era}`;
}

function readEntries(entry: unknown, read: Reader): unknown {
  if (Array.isArray(entry)) return entry.map((each: unknown) => readEntries(each, read));
  return typeof entry === "string" ? read(entry) : entry;
}

function refuseBinary(): never {
  throw new DatabaseValueError(
    "MIG053 A query asked for binary results, which are not read as the generated types say. " +
      "Leave `binary` of the connection and of the query off.",
  );
}
