import { type Statement, positionAt } from "@app-data/rules";
import { scanSync } from "libpg-query";
import { CODES, MigratorError } from "../../errors";
import type { SqlFile } from "../../files/trio";
import { type BatchMark, readMarks } from "./marks";
import { refuseUnequal } from "./equality";

/** How one statement is run in batches, as the comments above it and in it say. */
export interface BatchDirective {
  /** The table whose keys are walked; names as the catalog holds them. */
  table: { schema: string; name: string };
  /** The columns of its key, in the order of an index; names as the catalog holds them. */
  key: string[];
  /** The most keys of a batch. */
  size: number;
  /** Rest after each batch, in milliseconds. */
  pauseMs: number;
  /** How long a batch should take, in milliseconds: other writers of its rows wait about as long. */
  targetMs: number;
  /** Where the range of a batch is written into the statement; at least one. */
  marks: BatchMark[];
  /** Line of the directive in its file. */
  line: number;
}

type Settings = Omit<BatchDirective, "marks" | "line">;

const DEFAULTS = { size: 5_000, pauseMs: 50, targetMs: 500 } as const;
const LONGEST_MS = 60_000;
const FORM =
  "Write it on a line of its own directly above the statement, as " +
  '"-- batch: table public.users, key id, size 5000, pause 50ms, target 500ms"; ' +
  "size, pause and target may be left out, and a key of several columns is written (a, b).";

const COMMENT = /^(--|\/\*)\s*batch\s*:(.*?)(?:\*\/)?$/is;
const IDENTIFIER = String.raw`(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")`;
const TABLE = new RegExp(`^${IDENTIFIER}\\.${IDENTIFIER}$`);
const KEY = new RegExp(
  `^(?:${IDENTIFIER}|\\(\\s*${IDENTIFIER}(?:\\s*,\\s*${IDENTIFIER})*\\s*\\))$`,
);

/**
 * Reads how a statement is to be run in batches: from a line comment `-- batch: …` above it, and from
 * marks in it, comments that name the columns to limit (`batch: u.id` between slashes and asterisks).
 * @param statement as `splitStatements` gives it, which has loaded the parser.
 * @param file the file that it stands in.
 * @param previous the statement before it, if any.
 * @returns undefined when the statement has neither: it runs at once.
 * @throws MigratorError MIG060 when the directive is malformed, MIG061 when a mark is, or when the
 * statement would give another result in batches than at once.
 */
export function readBatch(
  statement: Statement,
  file: SqlFile,
  previous?: Statement,
): BatchDirective | undefined {
  const [above, ...others] = commentsAbove(statement, file, previous);
  const marks = readMarks(statement, file);
  if (!above && marks.length === 0) return undefined;
  if (!above || above.style !== "--" || others.length > 0) {
    const found = above
      ? others.length > 0
        ? "several directives stand above the statement, and one is required"
        : "the directive is not a line comment"
      : "the statement marks where the range of a batch goes, but no directive stands above it";
    const line = above?.line ?? statement.line;
    throw new MigratorError(CODES.badBatchDirective, `${file.file}:${line}: ${found}. ${FORM}`);
  }
  const settings = readSettings(above.settings, `${file.file}:${above.line}`);
  refuseUnequal(statement, marks, settings, file);
  return { ...settings, marks, line: above.line };
}

interface DirectiveComment {
  style: string;
  settings: string;
  line: number;
}

/** The directives among the comments between the statement before and this one. */
function commentsAbove(
  statement: Statement,
  { sql }: SqlFile,
  previous?: Statement,
): DirectiveComment[] {
  const start = previous ? previous.offset + previous.text.length : 0;
  const before = sql.slice(start, statement.offset);
  // Scanning takes longer than parsing, and nearly no file has batches.
  if (!/batch\s*:/i.test(before)) return [];
  const { tokens } = scanSync(before);
  const isComment = ({ tokenName }: { tokenName: string }) => tokenName.endsWith("_COMMENT");
  const bytes = Buffer.from(before, "utf8");
  return tokens.slice(tokens.findLastIndex((token) => !isComment(token)) + 1).flatMap((token) => {
    const [, style = "", settings = ""] = COMMENT.exec(token.text) ?? [];
    const offset = bytes.subarray(0, token.start).toString("utf8").length;
    const { line } = positionAt(sql, start + offset);
    return style === "" ? [] : [{ style, settings, line }];
  });
}

function readSettings(text: string, place: string): Settings {
  const given = new Map<string, string>();
  // Not at the commas of a key of several columns.
  for (const part of text.trim().split(/,(?![^(]*\))/)) {
    const [, name = "", value = ""] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(part) ?? [];
    if (given.has(name)) malformed(place, `${name} is given twice`);
    given.set(name, value);
  }
  const take = (name: string): string => {
    const value = given.get(name) ?? "";
    given.delete(name);
    return value;
  };
  const settings = {
    table: readTable(take("table"), place),
    key: readKey(take("key"), place),
    size: readSize(take("size"), place),
    pauseMs: readDuration("pause", take("pause"), DEFAULTS.pauseMs, place),
    targetMs: readDuration("target", take("target"), DEFAULTS.targetMs, place),
  };
  const [unknown] = given.keys();
  if (unknown !== undefined) malformed(place, `"${unknown}" is no setting of a batch`);
  return settings;
}

function readTable(text: string, place: string): Settings["table"] {
  if (!TABLE.test(text)) {
    malformed(place, `table must be a name with its schema, and is ${shown(text)}`);
  }
  const [schema = "", name = ""] = identifiersIn(text);
  return { schema, name };
}

function readKey(text: string, place: string): string[] {
  if (!KEY.test(text)) malformed(place, `key must be a column or (a, b), and is ${shown(text)}`);
  return identifiersIn(text);
}

function readSize(text: string, place: string): number {
  if (text === "") return DEFAULTS.size;
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    malformed(place, `size must be a number of keys from 1 to 999999, and is ${shown(text)}`);
  }
  return Number(text);
}

function readDuration(name: string, text: string, byDefault: number, place: string): number {
  if (text === "") return byDefault;
  const [, number, unit] = /^(\d{1,6})\s*(ms|s)$/.exec(text) ?? [];
  const milliseconds = number === undefined ? NaN : Number(number) * (unit === "s" ? 1_000 : 1);
  // A target of nothing would make every batch too slow.
  const least = name === "target" ? 1 : 0;
  if (!(milliseconds >= least && milliseconds <= LONGEST_MS)) {
    malformed(place, `${name} must be a time from ${least}ms to 60s, and is ${shown(text)}`);
  }
  return milliseconds;
}

/** The identifiers of a text that one of the patterns above has matched. */
function identifiersIn(text: string): string[] {
  return (text.match(new RegExp(IDENTIFIER, "g")) ?? []).map((identifier) =>
    identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier,
  );
}

function shown(text: string): string {
  return text === "" ? "missing" : `"${text}"`;
}

function malformed(place: string, found: string): never {
  throw new MigratorError(
    CODES.badBatchDirective,
    `${place}: the batch directive is not usable: ${found}. ${FORM}`,
  );
}
