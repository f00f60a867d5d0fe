import { parsePlPgSQLSync } from "libpg-query";
import { identityFunctions, identitySchema } from "./contract";
import { functionCalls, parseExpression } from "./expressions";
import { ERROR_LEVEL, type Fields, fields, list, sqlOf } from "./plpgsql-tree";

/** A body that says the same as a longer expression is not followed. */
const LENGTH_LIMIT = 20_000;

/**
 * What a PL/pgSQL function returns, as the text of one expression: `if` becomes a `case`, an assignment a
 * sub-query that names the value, `found` whether the query before it has a row.
 * @returns undefined for a body that does more than that.
 */
export function returnedValue(body: string, parameters: string): string | undefined {
  const outputs = [...parameters.matchAll(/(?:^|,)\s*(in)?out\s+(\w+)/gi)];
  const hasOutput = outputs.length > 0;
  const quoted = body.replaceAll("'", "''");
  const code =
    parsed(`create function f(${parameters}) ${hasOutput ? "" : "returns text"}`, quoted) ??
    (hasOutput ? undefined : parsed("create function f() returns text", quoted));
  if (!code) return undefined;
  const variables = list(code["datums"]).map((datum) => fields(Object.values(fields(datum))[0]));
  const names = variables.map(({ refname }) => (typeof refname === "string" ? refname : ""));
  // A parameter of this name would be hidden.
  if (names.indexOf(FOUND) !== names.lastIndexOf(FOUND)) return undefined;
  let value = valueOf([code["action"]], names);
  for (const [at, variable] of [...variables.entries()].reverse()) {
    const initial = sqlOf(variable["default_val"]);
    if (value !== undefined && initial !== undefined) value = bound(names[at], initial, value);
  }
  for (const [, isInput, name] of outputs) if (!isInput) value = bound(name, "null", value);
  return whereFound("false", value);
}

/** The variable that says whether the last query had a row. */
const FOUND = "found";

function parsed(head: string, body: string): Fields | undefined {
  try {
    const text = `${head} language plpgsql as '${body}'`;
    const [code, another] = list(fields(parsePlPgSQLSync(text))["plpgsql_funcs"]);
    return another === undefined ? fields(fields(code)["PLpgSQL_function"]) : undefined;
  } catch {
    // What PL/pgSQL's own parser refuses without the database is not followed.
    return undefined;
  }
}

/** What a list of statements returns; undefined where one of them is not understood. */
function valueOf(statements: readonly unknown[], names: readonly string[]): string | undefined {
  const [first, ...rest] = statements;
  if (first === undefined) return "null";
  const [kind, content] = Object.entries(fields(first))[0] ?? [];
  const statement = fields(content);
  const follow = (inner: unknown) => valueOf([...list(inner), ...rest], names);
  switch (kind) {
    case "PLpgSQL_stmt_block":
      return statement["exceptions"] === undefined ? follow(statement["body"]) : undefined;
    case "PLpgSQL_stmt_return": {
      const variable = statement["retvarno"];
      if (typeof variable === "number")
        return simpleName.test(names[variable] ?? "") ? `"${names[variable]}"` : undefined;
      const value = sqlOf(statement["expr"]);
      return value === undefined ? undefined : `(${value}\n)`;
    }
    case "PLpgSQL_stmt_raise": {
      const level = statement["elog_level"];
      return typeof level === "number" && level >= ERROR_LEVEL ? "null" : valueOf(rest, names);
    }
    case "PLpgSQL_stmt_if":
      return condition(statement, follow);
    case "PLpgSQL_stmt_assign": {
      const assigned = sqlOf(statement["expr"]);
      const name = names[Number(statement["varno"] ?? 0)];
      const value = assigned?.replace(/^[^:=]*:?=/, "");
      return value === undefined ? undefined : bound(name, value, valueOf(rest, names));
    }
    case "PLpgSQL_stmt_execsql": {
      const query = sqlOf(statement["sqlstmt"]);
      const [target, another] = list(fields(fields(statement["target"])["PLpgSQL_row"])["fields"]);
      const name = fields(target)["name"];
      if (query === undefined || another !== undefined || typeof name !== "string")
        return undefined;
      const value = whereFound(`exists (${query}\n)`, valueOf(rest, names));
      return bound(name, `(${query}\n)`, value);
    }
    case "PLpgSQL_stmt_perform": {
      const query = sqlOf(statement["expr"]);
      // One that calls something may be there for what that does.
      if (query === undefined || !asksOnly(query)) return undefined;
      return whereFound(`exists (${query}\n)`, valueOf(rest, names));
    }
    default:
      return undefined;
  }
}

function condition(
  statement: Fields,
  follow: (body: unknown) => string | undefined,
): string | undefined {
  const branches = [
    { when: statement["cond"], then: statement["then_body"] },
    ...list(statement["elsif_list"]).map((branch) => {
      const { cond, stmts } = fields(fields(branch)["PLpgSQL_if_elsif"]);
      return { when: cond, then: stmts };
    }),
  ];
  const parts = branches.map(({ when, then }) => {
    const test = sqlOf(when);
    const value = follow(then);
    return test === undefined || value === undefined ? undefined : `when (${test}\n) then ${value}`;
  });
  const otherwise = follow(statement["else_body"]);
  if (otherwise === undefined || parts.includes(undefined)) return undefined;
  const text = `case ${parts.join(" ")} else ${otherwise} end`;
  return text.length > LENGTH_LIMIT ? undefined : text;
}

/** An expression in which `found`, where it is asked for, has a value. */
function whereFound(value: string, inside: string | undefined): string | undefined {
  return inside !== undefined && /\bfound\b/i.test(inside) ? bound(FOUND, value, inside) : inside;
}

/** Whether a query calls nothing but the functions that say who is signed in. */
function asksOnly(query: string): boolean {
  const expression = parseExpression(query);
  return (
    expression !== undefined &&
    functionCalls(expression).every(
      ({ schema, name }) => schema === identitySchema && identityFunctions.includes(name),
    )
  );
}

const simpleName = /^[a-z_][a-z0-9_]*$/;

/** An expression in which a name stands for a value. */
function bound(name: string | undefined, value: string, inside: string | undefined) {
  if (inside === undefined || name === undefined || !simpleName.test(name)) {
    return undefined;
  }
  return `(select ${inside} from (select (${value}\n) as "${name}") as "${name}")`;
}
