import { type A_Expr, type FuncCall, type Node, parseSync } from "libpg-query";

/** A call of a function, as written. */
export interface Call {
  /** Undefined when the name is not qualified. */
  schema: string | undefined;
  name: string;
  args: readonly Node[];
}

/** Every function call below a syntax tree. */
export function functionCalls(tree: unknown): Call[] {
  const calls: Call[] = [];
  collectCalls(tree, calls);
  return calls;
}

function collectCalls(tree: unknown, calls: Call[]): void {
  if (typeof tree !== "object" || tree === null) return;
  const entries: [string, unknown][] = Object.entries(tree);
  for (const [key, value] of entries) {
    if (typeof value !== "object") continue;
    if ((key === "FuncCall" || key === "funccall") && isCall(value)) calls.push(readCall(value));
    collectCalls(value, calls);
  }
}

/** The function that a statement calls and does nothing else with: `call f()` or `select f()`. */
export function soleCall(statement: Node): Call | undefined {
  if ("CallStmt" in statement) {
    return statement.CallStmt.funccall && readCall(statement.CallStmt.funccall);
  }
  if (!("SelectStmt" in statement)) return undefined;
  const { targetList = [], fromClause, whereClause, limitCount, op } = statement.SelectStmt;
  const target = targetList[0];
  if (fromClause ?? whereClause ?? limitCount) return undefined;
  if (op !== "SETOP_NONE" || targetList.length !== 1) return undefined;
  if (!target || !("ResTarget" in target)) return undefined;
  const value = target.ResTarget.val;
  return value && "FuncCall" in value ? readCall(value.FuncCall) : undefined;
}

/** The name that a column or variable is meant by, with its qualifiers: "new.user_id"; "" for another node. */
export function columnName(node: Node): string {
  return "ColumnRef" in node ? identifiers(node.ColumnRef.fields ?? []).join(".") : "";
}

/** Values of variables that are known where a text is put together, by name: "t", "r.tablename". */
export type KnownValues = ReadonlyMap<string, string>;

const noValues: KnownValues = new Map();

/**
 * The text of a constant, or of what `||`, `format` and the functions that quote make of constants.
 * @param values of variables that may stand in it.
 */
export function constantText(
  node: Node | undefined,
  values: KnownValues = noValues,
): string | undefined {
  if (!node) return undefined;
  if ("ColumnRef" in node) return values.get(columnName(node));
  if ("A_Const" in node) {
    const { isnull, sval } = node.A_Const;
    return isnull || !sval ? undefined : (sval.sval ?? "");
  }
  if ("TypeCast" in node) return constantText(node.TypeCast.arg, values);
  if ("FuncCall" in node) return textOfCall(readCall(node.FuncCall), values);
  if (!("A_Expr" in node)) return undefined;
  const { name = [], lexpr, rexpr } = node.A_Expr;
  if (identifiers(name).join(".") !== "||") return undefined;
  const left = constantValue(lexpr, values);
  const right = constantValue(rexpr, values);
  return left === undefined || right === undefined ? undefined : left + right;
}

/** A constant as it is printed: a text, or a number that is written or computed from others. */
export function constantValue(
  node: Node | undefined,
  values: KnownValues = noValues,
): string | undefined {
  const text = constantText(node, values);
  if (!node || text !== undefined) return text;
  if ("TypeCast" in node) {
    const { names = [], typmods } = node.TypeCast.typeName ?? {};
    const isSame = /^(text|varchar|name|int[248])$/.test(identifiers(names).at(-1) ?? "");
    return isSame && !typmods ? constantValue(node.TypeCast.arg, values) : undefined;
  }
  if ("A_Const" in node && node.A_Const.ival) return String(node.A_Const.ival.ival ?? 0);
  return "A_Expr" in node ? sum(node.A_Expr, values) : undefined;
}

/** What whole numbers add up to. */
function sum({ name = [], lexpr, rexpr }: A_Expr, values: KnownValues): string | undefined {
  const [left, right] = [lexpr, rexpr].map((operand) => constantValue(operand, values));
  const isWhole = [lexpr ? left : "0", right].every((number) => /^-?\d{1,9}$/.test(number ?? ""));
  if (!isWhole) return undefined;
  const [one, other] = [Number(left ?? 0), Number(right)];
  const operator = identifiers(name).join(".");
  if (operator === "+") return String(one + other);
  if (operator === "-") return String(one - other);
  return operator === "*" ? String(one * other) : undefined;
}

function textOfCall({ name, args }: Call, values: KnownValues): string | undefined {
  const [first, ...others] = args.map((arg) => constantValue(arg, values));
  if (first === undefined || others.includes(undefined)) return undefined;
  if (name === "make_date") return dateOf([first, ...others]);
  if (name === "lpad") return padded(first, others);
  if (name === "quote_ident" && args.length === 1) return quoted(first, '"');
  if (name === "quote_literal" && args.length === 1) return quoted(first, "'");
  return name === "format" ? formatted(first, others) : undefined;
}

/** What PostgreSQL's `format` makes of a text; undefined where a placeholder has a form of its own. */
function formatted(text: string, values: readonly (string | undefined)[]): string | undefined {
  const left = [...values];
  let isClear = true;
  const result = text.replace(/%(.?)/gs, (_, kind: string) => {
    if (kind === "%") return "%";
    const value = left.shift();
    if (value === undefined || !/^[ILs]$/.test(kind)) isClear = false;
    if (value === undefined || kind === "s") return value ?? "";
    return quoted(value, kind === "I" ? '"' : "'");
  });
  return isClear ? result : undefined;
}

/** What `make_date` makes of year, month and day. */
function dateOf(parts: readonly (string | undefined)[]): string | undefined {
  const [year = "", month = "", day = ""] = parts;
  if (!/^\d{4} \d\d? \d\d?$/.test(parts.join(" "))) return undefined;
  return `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
}

function padded(text: string, [length, filling]: readonly (string | undefined)[]) {
  const isClear = /^\d{1,2}$/.test(length ?? "") && filling?.length === 1;
  return isClear ? text.slice(0, Number(length)).padStart(Number(length), filling) : undefined;
}

function quoted(text: string, mark: string): string {
  return mark + text.replaceAll(mark, mark + mark) + mark;
}

/**
 * Reads a PL/pgSQL expression or assignment.
 * @returns undefined where it is not SQL by itself.
 */
export function parseExpression(text: string): Node | undefined {
  const assigned = /^[^'"(]*?:?=(?![>=])(.*)$/s.exec(text)?.[1];
  for (const expression of [text, assigned]) {
    if (expression === undefined) continue;
    try {
      const statement = parseSync(`select (${expression}\n)`).stmts?.[0]?.stmt;
      const target =
        statement && "SelectStmt" in statement ? statement.SelectStmt.targetList?.[0] : undefined;
      if (target && "ResTarget" in target) return target.ResTarget.val;
    } catch {
      // An assignment does not parse as an expression; its right side is tried next.
    }
  }
  return undefined;
}

/** The parts of a qualified name. */
export function identifiers(names: readonly Node[]): string[] {
  return names.flatMap((name) => ("String" in name ? [name.String.sval ?? ""] : []));
}

function isCall(value: unknown): value is FuncCall {
  return typeof value === "object" && value !== null && "funcname" in value;
}

/** Name and arguments of a call. */
export function readCall({ funcname = [], args = [] }: FuncCall): Call {
  const parts = identifiers(funcname);
  return { schema: parts.at(-2), name: parts.at(-1) ?? "", args };
}
