import { constantValue, parseExpression } from "./expressions";
import { type Row, type RowsOf, constantRows } from "./constant-rows";
import { type Fields, fields, list, sqlOf } from "./plpgsql-tree";
import type { PlPgSqlVariables } from "./plpgsql-variables";

/** A loop of more turns is not followed turn by turn. */
const MOST_TURNS = 400;

/**
 * What a loop goes through, as values of its variable.
 * @returns undefined where that is not known.
 */
export function rowsOfLoop(
  loop: Fields,
  variables: PlPgSqlVariables,
  rowsOf: RowsOf,
): readonly Row[] | undefined {
  const text = (field: string) => sqlOf(loop[field]);
  const array = text("expr");
  if (typeof loop["varno"] === "number" && array !== undefined) {
    const name = variables.nameOf(loop["varno"]);
    const rows = constantRows(`select unnest(${variables.constants.get(array) ?? array})`);
    return rows?.map((row) => new Map([...row.values()].map((value) => [name, value])));
  }
  const [kind, content] = Object.entries(fields(loop["var"]))[0] ?? [];
  const variable = fields(content);
  if (loop["lower"] !== undefined) {
    const numberOf = (expression: string) => {
      const value = constantValue(parseExpression(expression), variables.values);
      return value !== undefined && /^-?\d{1,9}$/.test(value) ? Number(value) : undefined;
    };
    const [from, to, step] = [text("lower") ?? "", text("upper") ?? "", text("step") ?? "1"];
    const numbers = turns(numberOf(from), numberOf(to), numberOf(step), loop["reverse"] === true);
    return numbers?.map((number) => new Map([[String(variable["refname"]), String(number)]]));
  }
  const query = text("query");
  const rows = query === undefined ? undefined : (constantRows(query) ?? rowsOf(query));
  if (kind === "PLpgSQL_rec") {
    const record = String(variable["refname"]);
    return rows?.map(
      (row) => new Map([...row].map(([name, value]) => [`${record}.${name}`, value])),
    );
  }
  const names = list(variable["fields"]).map((field) => fields(field)["name"]);
  return rows?.map(
    (row) =>
      new Map(
        [...row.values()].flatMap((value, at): [string, string][] => {
          const name = names[at];
          return typeof name === "string" ? [[name, value]] : [];
        }),
      ),
  );
}

/** The numbers of `for i in 1..3`; undefined where they are not known, or too many. */
function turns(
  from: number | undefined,
  to: number | undefined,
  step: number | undefined,
  isReverse: boolean,
): number[] | undefined {
  if (from === undefined || to === undefined || step === undefined || step < 1) return undefined;
  const count = Math.floor((isReverse ? from - to : to - from) / step) + 1;
  if (count > MOST_TURNS) return undefined;
  const way = isReverse ? -step : step;
  return Array.from({ length: Math.max(0, count) }, (_, at) => from + at * way);
}
