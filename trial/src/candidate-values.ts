import type { Column, Relation } from "./catalog";
import { samplePattern } from "./pattern-sample";

/** A value as text, to be cast to its column's type; null is NULL. */
export type Value = string | null;

const INTEGERS = new Set(["int2", "int4", "int8", "oid"]);
const NUMBERS = new Set([...INTEGERS, "numeric", "float4", "float8", "money"]);
const TEXTS = new Set(["text", "varchar", "bpchar", "citext", "name"]);
const DAY_MS = 86_400_000;
const START = Date.parse("2024-01-10T08:00:00Z");

/** Whether the type can hold a user's id. */
export function holdsIdentity({ base }: Column): boolean {
  return base === "uuid" || base === "text" || base === "varchar";
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

/**
 * Values to try for a column, the likeliest first.
 * @param seed differs from row to row. Values of a unique column all depend on it.
 */
export function candidateValues(
  relation: Relation,
  column: Column,
  { seed, unique }: { seed: number; unique: boolean },
): Value[] {
  const literals = unique ? [] : knownLiterals(relation, column);
  const values = [...literals, ...valuesOfType(relation, column, seed, unique)];
  if (!column.notNull && !unique) values.splice(Math.min(2, values.length), 0, null);
  return [...new Set(values)];
}

function valuesOfType(relation: Relation, column: Column, seed: number, unique: boolean): Value[] {
  const { base, element } = column;
  if (column.typeKind === "e") return column.labels;
  if (base === "bool") return ["true", "false"];
  if (base === "uuid") return [uuidOf(relation, column, seed)];
  if (NUMBERS.has(base)) {
    const own = String(1001 + seed);
    return unique
      ? [own, String(1 + seed)]
      : ["1", own, "0", "2", "10", "50", "0.5", "-1"].filter(
          (text) => !INTEGERS.has(base) || /^-?\d+$/.test(text),
        );
  }
  if (TEXTS.has(base)) return textsFor(relation, column, seed);
  const time = (days: number) => new Date(START + days * DAY_MS + seed * 60_000).toISOString();
  if (base === "timestamptz" || base === "timestamp")
    return [time(0), time(1), time(27_000), "now"];
  if (base === "date")
    return [time(seed), time(seed + 1), time(27_000 + seed)].map((at) => at.slice(0, 10));
  if (base === "time" || base === "timetz") return ["08:00:00", "09:00:00"];
  if (base === "interval") return ["1 hour", "1 day"];
  if (base === "json" || base === "jsonb") return [`{"id": ${seed}}`, "{}", "[]", '"text"', "1"];
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
  if (element !== null) return ["{}", "{1}", "{a}", `{${uuidOf(relation, column, seed)}}`];
  // Composite types, and those of extensions.
  return ["(,)", "(,,)", "(,,,)", "()", "1", "a"];
}

function textsFor(relation: Relation, column: Column, seed: number): string[] {
  const expressions = constraintsOn(relation, column);
  const patterns = expressions.flatMap((expression) =>
    [...expression.matchAll(/~\*? '((?:[^']|'')*)'/g)].map(([, pattern = ""]) =>
      samplePattern(pattern.replaceAll("''", "'"), seed),
    ),
  );
  const likes = expressions.flatMap((expression) =>
    [...expression.matchAll(/~~\*? '((?:[^']|'')*)'/g)].map(([, pattern = ""]) =>
      pattern.replaceAll("%", `x${seed}`).replaceAll("_", "x"),
    ),
  );
  const token = `${seed}-${column.name}`;
  const email = `person${seed}@example.test`;
  const hex = (1_048_576 + seed).toString(16).padStart(64, "0");
  const plain = /mail/.test(column.name) ? [email, token] : [token, email];
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
    String.fromCharCode(65 + (seed % 26), 65 + (Math.floor(seed / 26) % 26)),
    String.fromCharCode(65 + (seed % 26), 65, 65 + (Math.floor(seed / 26) % 26)),
    "",
  ];
}

function constraintsOn({ checks }: Relation, { name, domainChecks }: Column): string[] {
  const own = checks.filter(({ columns }) => columns.includes(name));
  return [...own.map(({ expression }) => expression), ...domainChecks];
}

/** A UUID that only this row's column has. */
function uuidOf(relation: Relation, { name }: Column, seed: number): string {
  const place = relation.columns.findIndex((column) => column.name === name);
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  return `${hex(relation.id, 8)}-${hex(place, 4)}-4000-8000-${hex(seed + 1, 12)}`;
}

const literalsOfColumns = new WeakMap<Column, string[]>();

function knownLiterals(relation: Relation, column: Column): string[] {
  const known = literalsOfColumns.get(column) ?? literalsFor(relation, column);
  literalsOfColumns.set(column, known);
  return known;
}

/** What constraints, partition bounds and policies compare the column with. */
function literalsFor(relation: Relation, column: Column): string[] {
  const expressions = [
    relation.partitionCheck ?? "",
    ...relation.policies.flatMap(({ using, check }) => [using ?? "", check ?? ""]),
  ].filter((expression) =>
    new RegExp(`\\b${column.name.replace(/\W/g, "\\$&")}\\b`).test(expression),
  );
  const text = [...constraintsOn(relation, column), ...expressions].join("\n");
  const quoted = [...text.matchAll(/(?<!~[~*]* )'((?:[^']|'')*)'/g)].map(([, literal = ""]) =>
    literal.replaceAll("''", "'"),
  );
  if (NUMBERS.has(column.base)) {
    const bare = [...text.matchAll(/(?<![\w.'])-?\d+(?:\.\d+)?/g)].map(([number]) =>
      Number(number),
    );
    const near = bare.flatMap((number) => [number, number + 1, number - 1]).map(String);
    return [...near, ...quoted.filter((literal) => /^-?\d+$/.test(literal))];
  }
  if (TEXTS.has(column.base) || /^(?:timestamp|date)/.test(column.base)) {
    const isTime = !TEXTS.has(column.base);
    return quoted.filter((literal) =>
      isTime ? /^\d{4}-\d\d-\d\d/.test(literal) : literal.length < 40 && !/[{}^$%.]/.test(literal),
    );
  }
  return [];
}
