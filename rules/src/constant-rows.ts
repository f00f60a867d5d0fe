import { type Node, type SelectStmt, parseSync } from "libpg-query";
import { constantText, constantValue, functionCalls, identifiers, readCall } from "./expressions";
import type { Table } from "./schema";

/** One row of a query: its values by column, in order. */
export type Row = ReadonlyMap<string, string>;

/** The rows of a query; undefined where they are not known. */
export type RowsOf = (query: string) => readonly Row[] | undefined;

/** The rows of a query that reads no table: `select unnest(array['a', 'b'])`, `values ('a'), ('b')`. */
export const constantRows: RowsOf = (query) => {
  const select = selectOf(query);
  if (!select) return undefined;
  const { valuesLists, targetList = [], fromClause = [], whereClause } = select;
  if (whereClause) return undefined;
  if (valuesLists) return rowsOfValues(valuesLists);
  const [target, another] = targetList;
  const [source, further] = fromClause;
  if (!target || !("ResTarget" in target) || another || further) return undefined;
  const { name, val } = target.ResTarget;
  if (!source) return val && unnested(val, name ?? "unnest");
  if ("RangeSubselect" in source) {
    const { subquery, alias } = source.RangeSubselect;
    const lists =
      subquery && "SelectStmt" in subquery ? subquery.SelectStmt.valuesLists : undefined;
    return lists && rowsOfValues(lists, identifiers(alias?.colnames ?? []));
  }
  if (!("RangeFunction" in source)) return undefined;
  const { functions = [], alias } = source.RangeFunction;
  const [called] = functions.flatMap((item) => ("List" in item ? (item.List.items ?? []) : []));
  const column = identifiers(alias?.colnames ?? [])[0] ?? alias?.aliasname ?? "unnest";
  return called && functions.length === 1 ? unnested(called, column) : undefined;
};

/** The tables that a query of `pg_tables` or `information_schema.tables` names. */
export function rowsOfTables(query: string, tables: readonly Table[]): readonly Row[] | undefined {
  const select = selectOf(query);
  const [source, another] = select?.fromClause ?? [];
  if (!select || !source || another || !("RangeVar" in source)) return undefined;
  const names = catalogs[source.RangeVar.relname ?? ""];
  const { targetList = [], whereClause, groupClause, limitCount } = select;
  if (!names || groupClause || limitCount || functionCalls(targetList).length > 0) return undefined;
  const rows: Row[] = [];
  for (const { schema, name } of tables) {
    const facts = new Map([
      [names.schema, schema],
      [names.table, name],
      ["table_type", "BASE TABLE"],
    ]);
    const passes = whereClause ? holds(whereClause, facts) : true;
    if (passes === undefined) return undefined;
    const row = passes ? selected(targetList, facts) : new Map<string, string>();
    if (!row) return undefined;
    if (passes) rows.push(row);
  }
  return rows;
}

const catalogs: Readonly<Record<string, { schema: string; table: string }>> = {
  pg_tables: { schema: "schemaname", table: "tablename" },
  tables: { schema: "table_schema", table: "table_name" },
};

/** Whether a row passes a condition; undefined where that is not known. */
function holds(node: Node, facts: Row): boolean | undefined {
  if ("BoolExpr" in node) {
    const { boolop, args = [] } = node.BoolExpr;
    const found = args.map((arg) => holds(arg, facts));
    if (boolop === "NOT_EXPR") return found[0] === undefined ? undefined : !found[0];
    const decides = boolop === "OR_EXPR";
    if (found.includes(decides)) return decides;
    return found.includes(undefined) ? undefined : !decides;
  }
  if (!("A_Expr" in node)) return undefined;
  const { kind, name = [], lexpr, rexpr } = node.A_Expr;
  const left = valueOf(lexpr, facts);
  const operator = identifiers(name).at(-1) ?? "";
  if (left === undefined || !rexpr) return undefined;
  if (kind === "AEXPR_LIKE") {
    const pattern = constantText(rexpr);
    return pattern === undefined
      ? undefined
      : likePattern(pattern).test(left) === (operator === "~~");
  }
  const items = "List" in rexpr ? (rexpr.List.items ?? []) : arrayItems(rexpr);
  const isOne = kind === "AEXPR_OP";
  const values = isOne ? [valueOf(rexpr, facts)] : items?.map((item) => valueOf(item, facts));
  if (!values || values.includes(undefined)) return undefined;
  if (!isOne && kind !== "AEXPR_IN" && kind !== "AEXPR_OP_ANY") return undefined;
  if (kind === "AEXPR_OP_ANY" && operator !== "=") return undefined;
  if (operator === "=") return values.includes(left);
  return operator === "<>" ? !values.includes(left) : undefined;
}

function selected(targets: readonly Node[], facts: Row): Row | undefined {
  const row = new Map<string, string>();
  for (const target of targets) {
    const { name, val } = "ResTarget" in target ? target.ResTarget : {};
    const column = lastName(val);
    if (column === undefined) {
      if (val && "ColumnRef" in val) for (const [key, value] of facts) row.set(key, value);
      else return undefined;
      continue;
    }
    const value = facts.get(column);
    if (value === undefined) return undefined;
    row.set(name ?? column, value);
  }
  return row;
}

function valueOf(node: Node | undefined, facts: Row): string | undefined {
  const column = lastName(node);
  return column === undefined ? constantText(node) : facts.get(column);
}

/** The column that a reference names, without the table. */
function lastName(node: Node | undefined): string | undefined {
  if (node && "TypeCast" in node) return lastName(node.TypeCast.arg);
  return node && "ColumnRef" in node ? lastOf(node.ColumnRef.fields ?? []) : undefined;
}

function lastOf(nodes: readonly Node[]): string | undefined {
  const last = nodes.at(-1);
  return last && "String" in last ? last.String.sval : undefined;
}

function likePattern(pattern: string): RegExp {
  const parts = [...pattern.matchAll(/\\(.)|(.)/gs)].map(([, escaped, plain = ""]) => {
    if (plain === "%") return ".*";
    if (plain === "_") return ".";
    return (escaped ?? plain).replace(/[.*+?^${}()|[\]\\]/, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`, "s");
}

function arrayItems(node: Node): readonly Node[] | undefined {
  if ("TypeCast" in node && node.TypeCast.arg) return arrayItems(node.TypeCast.arg);
  return "A_ArrayExpr" in node ? (node.A_ArrayExpr.elements ?? []) : undefined;
}

function unnested(node: Node, column: string): readonly Row[] | undefined {
  if (!("FuncCall" in node)) return undefined;
  const { name, args } = readCall(node.FuncCall);
  const [array, another] = args;
  const items = name === "unnest" && array && !another ? textsOf(array) : undefined;
  return items?.map((item) => new Map([[column, item]]));
}

/** The texts of `array['a', 'b']` or `'{a,b}'`. */
function textsOf(node: Node): string[] | undefined {
  const literal = constantText(node);
  if (literal !== undefined) {
    return /^\{[\w ,]*\}$/.test(literal)
      ? literal
          .slice(1, -1)
          .split(",")
          .map((item) => item.trim())
          .filter((item) => item !== "")
      : undefined;
  }
  const texts = arrayItems(node)?.map((item) => constantValue(item));
  return texts && allKnown(texts);
}

function rowsOfValues(lists: readonly Node[], names: readonly string[] = []): Row[] | undefined {
  const rows: Row[] = [];
  for (const list of lists) {
    const items = "List" in list ? (list.List.items ?? []) : [];
    const texts = allKnown(items.map((item) => constantValue(item)));
    if (!texts) return undefined;
    rows.push(new Map(texts.map((text, at) => [names[at] ?? `column${at + 1}`, text])));
  }
  return rows;
}

function allKnown(texts: readonly (string | undefined)[]): string[] | undefined {
  const known = texts.filter((text) => text !== undefined);
  return known.length === texts.length ? known : undefined;
}

function selectOf(query: string): SelectStmt | undefined {
  try {
    const statement = parseSync(query).stmts?.[0]?.stmt;
    return statement && "SelectStmt" in statement ? statement.SelectStmt : undefined;
  } catch {
    // A query with variables of PL/pgSQL's own may not parse by itself.
    return undefined;
  }
}
