import type { Value } from "../rows/candidate-values";
import { type Catalog, type Relation, type Routine, isSecret } from "../rows/catalog";
import { wordsOf } from "../rows/hints";
import { type Row, literal } from "../rows/statements";
import type { World } from "../rows/worlds";

const NUMBERS = /^(?:smallint|integer|bigint|numeric|real|double precision)$/;

/**
 * What a caller would give each argument of a function to get at a world, the likeliest first: keys and texts
 * of its rows, what the function compares with, and its user.
 */
export function argumentValues(
  { arguments: given, source }: Routine,
  { relations }: Catalog,
  world: World,
  rowsOf: (relation: Relation) => readonly Row[],
): Value[][] {
  const words = wordsOf(source);
  const literals = [...source.matchAll(/'([\w-]{1,30})'/g)].map(([, text = ""]) => text);
  return given.map(({ name, type }) => {
    const bare = name.replace(/^(?:p|in|arg|v|_)?_/, "").toLowerCase();
    const found = relations
      .flatMap((relation) => {
        const [row, ...others] = rowsOf(relation);
        const fitting = relation.columns.filter(
          (column) => fits(column.type, type) && !isSecret(relation, column),
        );
        return fitting.map((column) => ({
          weight:
            weigh(bare, column.name, relation.name) +
            (words.has(relation.name) && words.has(column.name) ? 2 : 0) -
            // A key may be given as a text.
            (column.type === type ? 0 : 10),
          value: row?.[column.name] ?? null,
          // The last row has no values where there need not be one.
          more: [...column.labels, ...others.slice(-1).map((one) => one[column.name] ?? null)],
          rest: others.slice(0, -1).map((one) => one[column.name] ?? null),
        }));
      })
      .filter(({ value }) => value !== null)
      .sort((left, right) => right.weight - left.weight);
    const isCount = NUMBERS.test(type) && found.every(({ weight }) => weight === 0);
    const values = isCount ? [] : found.flatMap(({ value, more }): Value[] => [value, ...more]);
    const rest = isCount ? [] : found.flatMap((one) => one.rest);
    const own = type === "uuid" || type === "text" ? [world.id] : [];
    const compared = type === "text" ? [...new Set(literals)].slice(0, 2) : [];
    const objects = /^jsonb?$/.test(type) ? objectsFor(source, relations, rowsOf, world) : [];
    if (objects.length > 0) return objects;
    const isUser = /user|owner|uid|account|sub/.test(bare);
    const all = isUser
      ? [...own, ...values, ...compared, ...rest]
      : [...values.slice(0, 2), ...compared, ...values.slice(2), ...own, ...rest];
    return [...new Set(all.length > 0 ? all : defaultsOf(type))];
  });
}

/** Arguments as SQL writes them. */
export function writeArguments({ arguments: given, variadic }: Routine, values: Value[]): string {
  const written = given.map(({ type }, place) => {
    const value = type.startsWith("any") ? "null" : literal(values[place] ?? null, { type });
    return variadic && place === given.length - 1 ? `variadic ${value}` : value;
  });
  return written.join(", ");
}

function fits(column: string, argument: string): boolean {
  const bare = column.replace(/\(.*\)/, "");
  return bare === argument || (argument === "text" && /^(?:uuid|character varying)$/.test(bare));
}

/** JSON with the keys that a function looks up, and values of rows that have columns of these names. */
function objectsFor(
  source: string,
  relations: readonly Relation[],
  rowsOf: (relation: Relation) => readonly Row[],
  world: World,
): string[] {
  const keys = [...source.matchAll(/(?:->>?\s*|_path(?:_text)?\(\w+,\s*)'(\w+)'/g)].map(
    ([, key = ""]) => key,
  );
  if (keys.length === 0) return [];
  const words = wordsOf(source);
  const rows = relations
    .filter(({ name }) => words.has(name))
    .flatMap((relation) => rowsOf(relation).slice(0, 1));
  const object = Object.fromEntries(
    keys.map((key) => [key, rows.find((row) => key in row)?.[key] ?? world.id]),
  );
  return [JSON.stringify([object]), JSON.stringify(object)];
}

function weigh(argument: string, column: string, table: string): number {
  if (argument === column) return 3;
  const isTable = argument.replace(/_?id$/, "").replace(/s$/, "") === table.replace(/s$/, "");
  if (column === "id" && isTable) return 4;
  return column !== "" && argument.includes(column) ? 1 : 0;
}

function defaultsOf(type: string): Value[] {
  if (type === "boolean") return ["true", "false"];
  if (NUMBERS.test(type)) return ["100", "1"];
  if (type === "text" || type === "character varying") return ["a", "%"];
  if (type.endsWith("[]")) return ["{}"];
  if (/^timestamp|^date/.test(type)) return ["2000-01-01", "2099-01-01"];
  if (type === "jsonb" || type === "json") return ["{}", "[]"];
  return [null];
}
