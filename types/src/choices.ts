import type { ClientBase } from "pg";
import { splitStatements } from "@app-data/rules";
import type { Node } from "libpg-query";

/** What a check constraint leaves to a column: these texts, or any JSON object. */
export type Choice = readonly string[] | "object";

/** Columns with a {@link Choice}, by `schema.table.column`. */
export type Choices = ReadonlyMap<string, Choice>;

interface Check {
  column: string;
  expression: string;
}

// A constraint that is not validated says nothing about the rows that are there.
const CHECKS = `
select format('%s.%s.%s', n.nspname, c.relname, a.attname) as column,
       pg_get_expr(k.conbin, k.conrelid) as expression
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
 where k.contype = 'c' and k.convalidated and cardinality(k.conkey) = 1
   and a.atttypid = any ('{text,varchar,json,jsonb}'::regtype[]) and n.nspname = any ($1)
 order by k.conname collate "C" desc`;

/**
 * Finds the columns that a constraint of their own holds to a list, `check (x in ('a', 'b'))`, or to
 * objects, `check (jsonb_typeof(x) = 'object')`.
 */
export async function readChoices(client: ClientBase, schemas: string[]): Promise<Choices> {
  const { rows } = await client.query<Check>(CHECKS, [schemas]);
  const choices = new Map<string, Choice>();
  for (const { column, expression } of rows) {
    const [statement] = await splitStatements(`select ${expression}`, column);
    const choice = statement && choiceOf(statement.tree);
    if (choice) choices.set(column, choice);
  }
  return choices;
}

/** The server writes `x in ('a', 'b')` as `x = any (array['a', 'b'])`. */
function choiceOf(tree: Node): Choice | undefined {
  const target = "SelectStmt" in tree ? tree.SelectStmt.targetList?.[0] : undefined;
  const value = target && "ResTarget" in target ? target.ResTarget.val : undefined;
  if (!value || !("A_Expr" in value)) return undefined;
  const { kind, name = [], lexpr, rexpr } = value.A_Expr;
  const left = uncast(lexpr);
  const right = uncast(rexpr);
  if (!left || !right || wordsOf(name) !== "=") return undefined;
  if (kind === "AEXPR_OP_ANY") return "ColumnRef" in left ? textsOf(right) : undefined;
  return isTypeOfColumn(left) && textOf(right) === "object" ? "object" : undefined;
}

function isTypeOfColumn(node: Node): boolean {
  if (!("FuncCall" in node)) return false;
  const { funcname, args: [argument] = [] } = node.FuncCall;
  const isColumn = argument !== undefined && "ColumnRef" in argument;
  return isColumn && /^jsonb?_typeof$/.test(wordsOf(funcname));
}

function textsOf(list: Node): string[] | undefined {
  if (!("A_ArrayExpr" in list)) return undefined;
  const texts = (list.A_ArrayExpr.elements ?? []).map(textOf);
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

function textOf(node: Node): string | undefined {
  const constant = uncast(node);
  const text = constant && "A_Const" in constant ? constant.A_Const.sval : undefined;
  // The parser leaves an empty text out.
  return text && (text.sval ?? "");
}

function wordsOf(names: readonly Node[] = []): string {
  return names.map((name) => ("String" in name ? name.String.sval : "")).join(".");
}

function uncast(node: Node | undefined): Node | undefined {
  return node && "TypeCast" in node ? uncast(node.TypeCast.arg) : node;
}
