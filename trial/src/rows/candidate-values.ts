import type { Column, Relation } from "./catalog";
import type { Hints } from "./hints";
import { samplePattern } from "./pattern-sample";
import type { World } from "./worlds";

/** A value as text, to be cast to its column's type; null is NULL. */
export type Value = string | null;

const INTEGERS = new Set(["int2", "int4", "int8", "oid"]);
const NUMBERS = new Set([...INTEGERS, "numeric", "float4", "float8", "money"]);
const TEXTS = new Set(["text", "varchar", "bpchar", "citext", "name"]);
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DAY_MS = 86_400_000;
/** Days from {@link START} into a time that is to come. */
const FAR_DAYS = 27_000;
/** Not long ago, the same all day. */
const START = Math.floor(Date.now() / DAY_MS) * DAY_MS - 90 * DAY_MS;
/** Days from {@link START} into a time long ago. */
const LONG_AGO_DAYS = -1000;

/** Whether the type can hold a user's id. */
export function holdsIdentity({ base }: Column): boolean {
  return base === "uuid" || TEXTS.has(base);
}

/** Whether the type is a number. */
export function isNumber({ base }: Column): boolean {
  return NUMBERS.has(base);
}

/** Whether the type is text of any length. */
export function isText({ base }: Column): boolean {
  return TEXTS.has(base);
}

/** What a column that names a user holds in the rows of a world, the likeliest first. */
export function worldValues(
  { base, element }: Column,
  { id, number, email }: World,
  { object = {} }: Hints,
  seed: number,
  { isPart, isEmail }: { isPart: boolean; isEmail: boolean },
): Value[] {
  if (element !== null)
    return element.startsWith("int") || element === "bigint" ? [`{${number}}`] : [`{${id}}`];
  if (base === "uuid") return [id];
  if (NUMBERS.has(base)) return [number];
  if (/^json/.test(base))
    return [JSON.stringify(Object.fromEntries(Object.keys(object).map((key) => [key, id])))];
  if (!TEXTS.has(base)) return [];
  const parts = ["/", ":", ".", "_", "@", " ", "|", ","].flatMap((mark) => [
    `${id}${mark}${seed}`,
    `${seed}${mark}${id}`,
  ]);
  return [
    ...(isEmail ? [email] : []),
    ...(isPart ? [`${id}/${seed}`, id, ...parts, `files/${id}/${seed}`] : [id]),
  ];
}

/** Whether two rows of a column of this type can always be told apart. */
export function isDistinguishing({ base }: Column): boolean {
  return (
    base === "uuid" ||
    NUMBERS.has(base) ||
    TEXTS.has(base) ||
    /^(?:timestamp|date|bytea)|(?<!multi)range$/.test(base)
  );
}

/** What makes the values of one column of one row. */
export interface ValueRequest {
  /** Differs from row to row. Values of a unique column all depend on it. */
  seed: number;
  unique: boolean;
  hints: Hints;
  /** What a partition holds depends on it. */
  isBound: boolean;
  /** Where keys of the migrations' own rows end. */
  firstNumber: number | undefined;
}

/** Whether a function or a pattern is given the column, which then holds an id somewhere: in a path, before a sign. */
export function isGivenToFunction(column: string, clause: string): boolean {
  const name = column.replace(/\W/g, "\\$&");
  return (
    /~~|\blike\b/i.test(clause) || new RegExp(`[\\w"]\\(+(?:[\\w$"]+\\.)?"?${name}\\b`).test(clause)
  );
}

/** Values to try for a column, the likeliest first. */
export function candidateValues(
  relation: Relation,
  column: Column,
  request: ValueRequest,
): Value[] {
  const { unique, hints } = request;
  const compared = comparedValues(column, hints);
  const turn = request.seed % Math.max(1, compared.length);
  const [literals, last] = unique
    ? [[], [...compared.slice(turn), ...compared.slice(0, turn)]]
    : [compared, []];
  const bounds = request.isBound ? valuesWithin(column, request) : [];
  const values = [...bounds, ...literals, ...valuesOfType(relation, column, request), ...last];
  if (!column.notNull && !unique) values.splice(Math.min(2, values.length), 0, null);
  const digits = /^numeric\((\d+),(\d+)\)$/.exec(column.type);
  const most = digits ? 10 ** (Number(digits[1]) - Number(digits[2])) : Infinity;
  return [...new Set(values)].filter((value) => !digits || Math.abs(Number(value)) < most);
}

/** Values near the bounds that a partition is said to have. */
function valuesWithin({ base }: Column, { seed, hints }: ValueRequest): Value[] {
  const { literals, numbers } = hints;
  if (NUMBERS.has(base))
    return [...numbers, ...literals.map(Number)]
      .filter(Number.isFinite)
      .flatMap((bound) => [bound + seed, bound, bound - 1 - seed])
      .map(String);
  if (/^(?:timestamp|date)/.test(base))
    return literals.flatMap((text) => {
      const bound = Date.parse(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
      if (Number.isNaN(bound)) return [];
      const step = base === "date" ? DAY_MS : 60_000;
      return [bound + seed * step, bound, bound - (seed + 1) * step].map((at) =>
        new Date(at).toISOString().slice(0, base === "date" ? 10 : undefined),
      );
    });
  return literals;
}

function valuesOfType(relation: Relation, column: Column, request: ValueRequest): Value[] {
  const { base, element } = column;
  const { seed, unique, hints } = request;
  if (column.typeKind === "e") return column.labels;
  if (base === "bool") return ["true", "false"];
  if (base === "uuid") return [uuidOf(relation, column, seed)];
  if (NUMBERS.has(base)) {
    const own = String((request.firstNumber ?? 1001) + seed);
    return unique
      ? [own, String(1 + seed)]
      : ["1", own, "0", "2", "10", "50", "0.5", "-1"].filter(
          (text) => !INTEGERS.has(base) || /^-?\d+$/.test(text),
        );
  }
  if (TEXTS.has(base)) return textsFor(relation, column, request);
  const time = (days: number) => new Date(START + days * DAY_MS + seed * 60_000).toISOString();
  if (base === "timestamptz" || base === "timestamp")
    return [time(0), time(FAR_DAYS), time(LONG_AGO_DAYS), "now"];
  if (base === "date")
    return [time(seed), time(FAR_DAYS + seed), time(LONG_AGO_DAYS + seed)].map((at) =>
      at.slice(0, 10),
    );
  if (base === "time" || base === "timetz") return ["08:00:00", "09:00:00"];
  if (base === "interval") return ["1 hour", "1 day"];
  if (base === "json" || base === "jsonb") {
    const looked = hints.object ? [JSON.stringify({ id: seed, ...hints.object })] : [];
    return [...looked, `{"id": ${seed}}`, "{}", "[]", '"text"', "1"];
  }
  if (base === "bytea") return [`\\x${(4096 + seed).toString(16).padStart(64, "0")}`, "\\x01"];
  if (base === "inet" || base === "cidr") return [`10.0.0.${seed % 250}`];
  if (base === "macaddr") return [`08:00:2b:01:02:${(16 + seed).toString(16).slice(-2)}`];
  if (base === "bit" || base === "varbit") return ["1", "0"];
  if (base === "xml") return ["<a/>"];
  if (base === "tsvector" || base === "tsquery") return ["a"];
  if (base === "point") return [`(${seed},1)`];
  if (["box", "path", "polygon", "lseg"].includes(base)) return ["((0,0),(1,1))"];
  if (base === "circle") return ["<(0,0),1>"];
  if (base === "line") return ["{1,1,1}"];
  if (base.endsWith("multirange")) return ["{}"];
  if (base === "tstzrange" || base === "tsrange") return [`[${time(seed)},${time(seed + 0.5)})`];
  if (base === "daterange")
    return [`[${time(2 * seed).slice(0, 10)},${time(2 * seed + 1).slice(0, 10)})`];
  if (base.endsWith("range")) return [`[${2 * seed},${2 * seed + 1})`, "[1,5)"];
  if (element !== null) {
    const listed = hints.literals
      .filter((text) => /^[\w-]+$/.test(text))
      .map((text) => `{${text}}`);
    return [...listed, "{}", "{1}", "{a}", `{${uuidOf(relation, column, seed)}}`];
  }
  // Composite types, and those of extensions.
  return ["(,)", "(,,)", "(,,,)", "()", "1", "a"];
}

function textsFor(
  relation: Relation,
  column: Column,
  { seed, unique, hints }: ValueRequest,
): string[] {
  // Unlike what a text equals, a pattern leaves room for rows to differ.
  const patterns = hints.patterns.map((pattern) => samplePattern(pattern, seed));
  const likes = hints.likes.map((pattern) =>
    pattern.replaceAll("%", `x${seed}`).replaceAll("_", "x"),
  );
  const token = `${seed}-${column.name}`;
  const email = `person${seed}@example.test`;
  const hex = (1_048_576 + seed).toString(16).padStart(64, "0");
  // Short enough to be one that a function makes of a longer one; what is unique is not to be guessed so.
  const code = String.fromCharCode(65 + (seed % 26), 65 + (Math.floor(seed / 26) % 26));
  const plain = column.name.includes("mail")
    ? [email, token]
    : unique
      ? [token, email]
      : [code, token, email];
  return [
    ...patterns,
    ...likes,
    ...plain,
    `person-${seed}`,
    `https://example.test/${seed}`,
    String(10_000_000 + seed),
    hex,
    hex.slice(-8),
    uuidOf(relation, column, seed),
    `${token} ${"text ".repeat(20)}`,
    String.fromCharCode(65 + (seed % 26), 65, 65 + (Math.floor(seed / 26) % 26)),
    ...(unique ? [code] : [""]),
  ];
}

/** What the ids of users and of planned rows have in common, and those of PostgreSQL never. */
const PLANNED_ID = "-4000-8000-";

/** Whether an id is one of the users' or of a row that was filled in. */
export function isPlannedId(id: string): boolean {
  return id.includes(PLANNED_ID);
}

/** A UUID that only this row's column has. */
function uuidOf(relation: Relation, { name }: Column, seed: number): string {
  const place = relation.columns.findIndex((column) => column.name === name);
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  return `${hex(relation.id, 8)}-${hex(place, 4)}${PLANNED_ID}${hex(seed + 1, 12)}`;
}

/** What the column is compared with, as far as its type can hold it. */
function comparedValues({ base, typeKind, labels }: Column, hints: Hints): string[] {
  const { literals, numbers } = hints;
  if (typeKind === "e") return labels.filter((label) => literals.includes(label));
  if (NUMBERS.has(base)) {
    const near = numbers.flatMap((number) => [number, number + 1, number - 1]).map(String);
    return [...near, ...literals.filter((text) => /^-?\d+$/.test(text))];
  }
  if (base === "uuid") return literals.filter((text) => UUID.test(text));
  if (TEXTS.has(base)) return literals.filter((text) => text.length < 40 && !/[{}^$%.]/.test(text));
  return /^(?:timestamp|date)/.test(base)
    ? literals.filter((text) => /^\d{4}-\d\d-\d\d/.test(text))
    : [];
}
