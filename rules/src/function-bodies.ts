import { type Node, type SelectStmt, parseSync } from "libpg-query";
import type { Call } from "./expressions";
import type { Frame } from "./names-in-scope";
import { byTypes } from "./overloads";
import { returnedValue } from "./plpgsql-value";
import type { DatabaseFunction, Schema } from "./schema";

/** The text of an expression does not parse. */
const unreadable = Symbol("unreadable");

// What is judged again and again is mostly the same, and parsing it takes longer than judging it.
const expressions = new Map<string, Node | typeof unreadable>();
const queries = new Map<string, SelectStmt | undefined>();
const CACHE_LIMIT = 20_000;

/** The syntax tree of an expression; undefined when it is not one. */
export function expressionTree(text: string): Node | undefined {
  const known = expressions.get(text);
  if (known) return known === unreadable ? undefined : known;
  if (expressions.size > CACHE_LIMIT) expressions.clear();
  const tree = parseQuery(`select (${text}\n)`);
  const target = tree?.targetList?.[0];
  const value = target && "ResTarget" in target ? target.ResTarget.val : undefined;
  expressions.set(text, value ?? unreadable);
  return value;
}

/**
 * The query that is all that a function does, its result being the query's.
 * @returns undefined for a body that does more, or is not SQL.
 */
export function bodyQuery(item: DatabaseFunction): SelectStmt | undefined {
  if (!bodies.has(item)) bodies.set(item, readBody(item));
  return bodies.get(item);
}

/** Whether a body is standard SQL, which PostgreSQL keeps parsed, and not a text. */
export function hasKeptBody({ language, source }: DatabaseFunction): boolean {
  return language === "sql" && /^(begin\s+atomic|return)\b/i.test(source ?? "");
}

const bodies = new WeakMap<DatabaseFunction, SelectStmt | undefined>();

function readBody({
  language,
  source,
  arguments: parameters,
}: DatabaseFunction): SelectStmt | undefined {
  // One that sets the claims says itself who is signed in.
  if (!source || /\bset_config\b/i.test(source)) return undefined;
  let text: string | undefined = source.trim().replace(/;\s*$/, "");
  if (language === "plpgsql") text = returned(text) ?? computed(text, parameters);
  else if (language === "sql") {
    const atomic = /^begin\s+atomic\b([\s\S]*)\bend$/i.exec(text)?.[1];
    const value = /^return\b([\s\S]*)$/i.exec(text)?.[1];
    text =
      atomic?.trim().replace(/;\s*$/, "") ?? (value === undefined ? text : `select (${value})`);
  } else return undefined;
  if (text === undefined) return undefined;
  if (queries.size > CACHE_LIMIT) queries.clear();
  if (!queries.has(text)) queries.set(text, parseQuery(text));
  return queries.get(text);
}

/**
 * The function of a schema that a call means; undefined for PostgreSQL's own and unclear ones.
 * @param frame the names that the arguments see, by whose types overloads are told apart.
 */
export function calledFunction(
  schema: Schema,
  call: Call,
  frame?: Frame,
): DatabaseFunction | undefined {
  const named = (schema.functions ?? []).filter(
    ({ schema: where, name }) => name === call.name && (call.schema ?? where) === where,
  );
  const fitting =
    named.length > 1
      ? named.filter((item) => parametersOf(item).length === call.args.length)
      : named;
  if (fitting.length > 1) return frame && byTypes(fitting, call, frame, parametersOf);
  return fitting[0];
}

const typesOfTwoWords = /^(double|character|timestamp|time|bit|interval|national|setof)\b/i;

/** The names of a function's input parameters in order; undefined for one without a name. */
export function parameterNames(item: DatabaseFunction): (string | undefined)[] {
  return parametersOf(item).map((words) => {
    const [name, ...type] = words.split(/\s+/);
    return type.length === 0 || typesOfTwoWords.test(words) ? undefined : name?.replaceAll('"', "");
  });
}

/** A function's input parameters, as they are declared, without their modes. */
function parametersOf(item: DatabaseFunction): string[] {
  const parts = item.arguments.split(/,(?![^(]*\))/).map((part) => part.trim());
  const inputs = parts.filter((part) => part !== "" && !/^out\s/i.test(part));
  return inputs.map((part) => part.replace(/^(in|inout|variadic)\s+/i, ""));
}

/** What a PL/pgSQL body of a single `return` returns, as a query. */
function returned(body: string): string | undefined {
  const text = /^begin\s+return\s+(query\s+)?([\s\S]+);\s*end$/i.exec(body);
  const value = text?.[2];
  if (value === undefined || value.includes(";")) return undefined;
  return text?.[1] ? value : `select (${value})`;
}

/** What a longer PL/pgSQL body returns, as a query. */
function computed(body: string, parameters: string): string | undefined {
  const value = returnedValue(body, parameters);
  return value === undefined ? undefined : `select ${value}`;
}

function parseQuery(text: string): SelectStmt | undefined {
  try {
    const { stmts = [] } = parseSync(text);
    const statement = stmts.length === 1 ? stmts[0]?.stmt : undefined;
    return statement && "SelectStmt" in statement ? statement.SelectStmt : undefined;
  } catch {
    // What the parser refuses is not an expression or query that could be judged.
    return undefined;
  }
}
