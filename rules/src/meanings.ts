import { parameterNames } from "./function-bodies";
import type { FromItem, Mention } from "./kept-sql";
import { type TableName, quoteName } from "./names";
import type { DatabaseFunction } from "./schema";
import type { StatementScope } from "./statement-scope";

/** Whether a name means an object; "maybe" where that depends on what the SQL does not tell. */
export type Certainty = "yes" | "maybe" | "no";

type Known = Pick<StatementScope, "objects" | "tables">;

/** Whether a call runs a function. */
export function meansFunction(
  { kind, parts, args }: Mention,
  item: DatabaseFunction,
  { objects }: Known,
): Certainty {
  const schema = parts.at(-2) ?? item.schema;
  if (kind !== "call" || parts.at(-1) !== item.name || schema !== item.schema) return "no";
  const rivals = [...objects.functions.values()].filter(
    (other) => other.name === item.name && (parts.at(-2) ?? other.schema) === other.schema,
  );
  if (rivals.length <= 1) return "yes";
  const fitting = rivals.filter((other) => parameterNames(other).length === args);
  if (fitting.length === 0) return "maybe";
  if (!fitting.includes(item)) return "no";
  return fitting.length === 1 ? "yes" : "maybe";
}

/** Whether a query reads or writes a table or view, or uses the type of its rows. */
export function meansRelation(mention: Mention, name: TableName, known: Known): Certainty {
  const { kind, parts, isLocal } = mention;
  if (kind === "type") return meansType(mention, name);
  if (kind !== "relation") return "no";
  return isLocal && parts.at(-1) === name.name ? "maybe" : named(parts, name, known);
}

/** Whether a cast is to a type. */
export function meansType({ kind, parts }: Mention, { schema, name }: TableName): Certainty {
  if (kind !== "type" || parts.at(-1) !== name) return "no";
  return (parts.at(-2) ?? schema) === schema ? "yes" : "no";
}

/**
 * Whether a column reference means a column of a table. Where a star was written, it may have been added since.
 * @param own the table that the expression is a policy of.
 */
export function meansColumn(
  mention: Mention,
  { table, column }: { table: TableName; column: string },
  own: TableName | undefined,
  known: Known,
): Certainty {
  const { kind, parts, levels } = mention;
  const last = parts.at(-1);
  if (kind !== "column" || (last !== column && last !== "*")) return "no";
  const isStar = last === "*";
  if (parts.length > 1) return unlessUnclear(meansRow(mention, table, own, known), !isStar);
  if (isStar) {
    const read = (levels[0] ?? []).map((item) => reads(item, table, known));
    return unlessUnclear(strongest(read), false);
  }
  let isClear = true;
  for (const level of levels) {
    const found = strongest(level.map((item) => reads(item, table, known)));
    if (found !== "no") return unlessUnclear(found, isClear);
    for (const { relation } of level) {
      const other = relation && tableOf(relation, known);
      if (!other?.columns) isClear = false;
      else if (other.columns.some(({ name }) => name === column)) return isClear ? "no" : "maybe";
    }
  }
  return unlessUnclear(own && quoteName(own) === quoteName(table) ? "yes" : "no", isClear);
}

/** Whether the qualifier of a column reference means a table's row, by its name or by another. */
export function meansRow(
  { kind, parts, levels }: Mention,
  table: TableName,
  own: TableName | undefined,
  known: Known,
): Certainty {
  const [qualifier, schema] = [parts.at(-2), parts.at(-3)];
  if (kind !== "column" || qualifier === undefined) return "no";
  const item = levels.flat().find(({ alias }) => alias === qualifier);
  if (item) return reads(item, table, known);
  const isOwn = own !== undefined && quoteName(own) === quoteName(table);
  return isOwn && qualifier === own.name && (schema ?? own.schema) === own.schema ? "yes" : "no";
}

/** Whether an item of FROM is a table. */
export function reads({ relation }: FromItem, table: TableName, known: Known): Certainty {
  if (!relation) return "no";
  const { schemaname, relname = "" } = relation;
  return named(schemaname === undefined ? [relname] : [schemaname, relname], table, known);
}

/** The surest of several answers. */
export function strongest(answers: readonly Certainty[]): Certainty {
  if (answers.includes("yes")) return "yes";
  return answers.includes("maybe") ? "maybe" : "no";
}

function unlessUnclear(answer: Certainty, isClear: boolean): Certainty {
  return answer === "yes" && !isClear ? "maybe" : answer;
}

function named(parts: readonly string[], { schema, name }: TableName, known: Known): Certainty {
  if (parts.at(-1) !== name) return "no";
  const given = parts.at(-2);
  if (given !== undefined) return given === schema ? "yes" : "no";
  const rivals = [...known.tables.tables(), ...known.objects.views.values()];
  return rivals.some((other) => other.name === name && other.schema !== schema) ? "maybe" : "yes";
}

function tableOf({ schemaname, relname }: { schemaname?: string; relname?: string }, known: Known) {
  return known.tables
    .tables()
    .find(({ schema, name }) => name === relname && (schemaname ?? schema) === schema);
}
