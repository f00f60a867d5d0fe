import { parsePlPgSQLSync } from "./parser";
import { ERROR_LEVEL, type Fields, fields, list } from "./plpgsql-tree";

/** A body that says the same as a longer expression is not followed. */
const LENGTH_LIMIT = 20_000;

/**
 * What a PL/pgSQL body returns, as the text of one expression: `if` becomes a `case`, an assignment a
 * sub-query that names the value.
 * @returns undefined for a body that does more than that.
 */
export function returnedValue(body: string): string | undefined {
  try {
    const text = `create function f() returns text language plpgsql as '${body.replaceAll("'", "''")}'`;
    const [parsed, another] = list(fields(parsePlPgSQLSync(text))["plpgsql_funcs"]);
    if (another !== undefined) return undefined;
    const code = fields(fields(parsed)["PLpgSQL_function"]);
    const variables = list(code["datums"]).map((datum) => fields(Object.values(fields(datum))[0]));
    const names = variables.map(({ refname }) => (typeof refname === "string" ? refname : ""));
    let value = valueOf([code["action"]], names);
    for (const [at, variable] of [...variables.entries()].reverse()) {
      const initial = queryOf(variable["default_val"]);
      if (value !== undefined && initial !== undefined) value = bound(names[at], initial, value);
    }
    return value;
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
      if (typeof variable === "number") return names[variable] && `"${names[variable]}"`;
      const value = queryOf(statement["expr"]);
      return value === undefined ? undefined : `(${value}\n)`;
    }
    case "PLpgSQL_stmt_raise": {
      const level = statement["elog_level"];
      return typeof level === "number" && level >= ERROR_LEVEL ? "null" : valueOf(rest, names);
    }
    case "PLpgSQL_stmt_if":
      return condition(statement, follow);
    case "PLpgSQL_stmt_assign": {
      const assigned = queryOf(statement["expr"]);
      const name = typeof statement["varno"] === "number" ? names[statement["varno"]] : undefined;
      const value = assigned?.replace(/^[^:=]*:?=/, "");
      return value === undefined ? undefined : bound(name, value, valueOf(rest, names));
    }
    case "PLpgSQL_stmt_execsql": {
      const query = queryOf(statement["sqlstmt"]);
      const [target, another] = list(fields(fields(statement["target"])["PLpgSQL_row"])["fields"]);
      const name = fields(target)["name"];
      if (query === undefined || another !== undefined || typeof name !== "string")
        return undefined;
      return bound(name, `(${query}\n)`, valueOf(rest, names));
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
    const test = queryOf(when);
    const value = follow(then);
    return test === undefined || value === undefined ? undefined : `when (${test}\n) then ${value}`;
  });
  const otherwise = follow(statement["else_body"]);
  if (otherwise === undefined || parts.includes(undefined)) return undefined;
  const text = `case ${parts.join(" ")} else ${otherwise} end`;
  return text.length > LENGTH_LIMIT ? undefined : text;
}

/** An expression in which a name stands for a value. */
function bound(name: string | undefined, value: string, inside: string | undefined) {
  if (inside === undefined || name === undefined || !/^[a-z_][a-z0-9_]*$/.test(name)) {
    return undefined;
  }
  return `(select ${inside} from (select (${value}\n) as "${name}") as "${name}")`;
}

function queryOf(expression: unknown): string | undefined {
  const text = fields(fields(expression)["PLpgSQL_expr"])["query"];
  return typeof text === "string" ? text : undefined;
}
