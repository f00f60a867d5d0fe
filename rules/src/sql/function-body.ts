import { type Node, parseSync } from "libpg-query";
import type { DatabaseFunction } from "../model/schema";
import { parseExpression } from "./expressions";
import { readPlPgSql } from "./plpgsql";

/** What a function runs. */
export interface FunctionBody {
  /** Its statements and expressions. */
  trees: Node[];
  /** The expressions whose texts it runs as SQL. */
  dynamic: Node[];
  /** The values that it assigns to variables, by name. */
  assigned: Map<string, Node[]>;
}

/** The parameters of a function; one without a name has "". */
export function parametersOf({ arguments: parameters }: DatabaseFunction) {
  if (parameters === "") return [];
  return parameters.split(/,(?![^(]*\))/).map((parameter) => {
    const words = parameter.trim().split(/\s+/);
    if (/^(IN|INOUT|VARIADIC)$/.test(words[0] ?? "")) words.shift();
    // A type alone may have two words of its own.
    const isType =
      words.length === 1 || /^(double|character|timestamp|time|bit)$/.test(words[0] ?? "");
    const name = isType ? "" : (words.shift() ?? "").replaceAll('"', "");
    return { name, type: words.join(" ") };
  });
}

const bodies = new WeakMap<DatabaseFunction, FunctionBody | null>();

/** Reads a body in SQL or PL/pgSQL. @returns undefined where it is in another language, or cannot be read. */
export function functionBody(item: DatabaseFunction): FunctionBody | undefined {
  const known = bodies.get(item);
  if (known !== undefined) return known ?? undefined;
  const read = readBody(item);
  bodies.set(item, read ?? null);
  return read;
}

function readBody(item: DatabaseFunction): FunctionBody | undefined {
  const { language, source } = item;
  if (!source) return undefined;
  try {
    if (language === "sql") return { trees: sqlTrees(source), dynamic: [], assigned: new Map() };
    return language === "plpgsql" ? plPgSqlBody(item, source) : undefined;
  } catch {
    // A body that the parsers do not take is one that rules know nothing of.
    return undefined;
  }
}

function sqlTrees(source: string): Node[] {
  const text = source.trim();
  const value = /^return\b([\s\S]*)$/i.exec(text)?.[1];
  const atomic = /^begin\s+atomic\b([\s\S]*)\bend$/i.exec(text)?.[1];
  return statements(value === undefined ? (atomic ?? text) : `select (${value})`);
}

function plPgSqlBody(item: DatabaseFunction, source: string): FunctionBody {
  const result = item.returns === undefined ? "" : `returns ${item.returns}`;
  const kind = item.returns === undefined ? "procedure" : "function";
  const text = `'${source.replaceAll("'", "''")}'`;
  const body: FunctionBody = { trees: [], dynamic: [], assigned: new Map() };
  const steps = readPlPgSql(
    `create ${kind} f(${item.arguments}) ${result} language plpgsql as ${text}`,
  );
  for (const step of steps) {
    if (step.kind === "sql") body.trees.push(...statements(step.text));
    const tree = step.kind === "rollback" ? undefined : parseExpression(step.text);
    if (step.kind === "sql" || !tree) continue;
    (step.kind === "dynamic" ? body.dynamic : body.trees).push(tree);
    const name = /^\s*(\w+)\s*:?=(?![>=])/.exec(step.text)?.[1]?.toLowerCase();
    if (name !== undefined) body.assigned.set(name, [...(body.assigned.get(name) ?? []), tree]);
  }
  return body;
}

function statements(sql: string): Node[] {
  return (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => (stmt ? [stmt] : []));
}
