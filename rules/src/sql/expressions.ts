import { type FuncCall, type Node, type SelectStmt, parseSync } from "libpg-query";
import type { RowPolicy } from "../model/schema";

/** A call of a function, as written. */
export interface Call {
  /** Undefined when the name is not qualified. */
  schema: string | undefined;
  name: string;
  args: readonly Node[];
}

/** Every function call in a syntax tree. */
export function functionCalls(tree: unknown): Call[] {
  return [
    ...nodesIn(tree, "FuncCall").map(({ FuncCall }) => readCall(FuncCall)),
    ...nodesIn(tree, "CallStmt").flatMap(({ CallStmt: { funccall } }) =>
      funccall ? [readCall(funccall)] : [],
    ),
  ];
}

/** Whether a value is a node of a kind. */
export function isNode<K extends string>(
  value: unknown,
  kind: K,
): value is Extract<Node, Record<K, unknown>> {
  return typeof value === "object" && value !== null && kind in value;
}

/** Every node of a kind in a syntax tree, its root included. */
export function nodesIn<K extends string>(
  tree: unknown,
  kind: K,
): Extract<Node, Record<K, unknown>>[] {
  if (Array.isArray(tree)) return tree.flatMap((each: unknown) => nodesIn(each, kind));
  if (typeof tree !== "object" || tree === null) return [];
  return (nodesByKind(tree).get(kind) ?? []).filter((node) => isNode(node, kind));
}

/** Whether a query in a syntax tree reads from anywhere. */
export function readsTables(tree: unknown): boolean {
  return nodesIn(tree, "SelectStmt").some(
    ({ SelectStmt: { fromClause, larg } }) => fromClause ?? larg,
  );
}

// Rules ask the same trees for one kind of node after the other.
const known = new WeakMap<object, Map<string, object[]>>();

function nodesByKind(tree: object): Map<string, object[]> {
  const nodes = known.get(tree) ?? new Map<string, object[]>();
  if (!known.has(tree)) addNodes(tree, nodes);
  known.set(tree, nodes);
  return nodes;
}

/** Adds each object in a tree by the fields that it has: a node's one field is its kind. */
function addNodes(tree: unknown, nodes: Map<string, object[]>): void {
  if (typeof tree !== "object" || tree === null) return;
  if (Array.isArray(tree)) {
    for (const each of tree) addNodes(each, nodes);
    return;
  }
  for (const field in tree) {
    const value: unknown = Reflect.get(tree, field);
    if (typeof value !== "object") continue;
    const found = nodes.get(field);
    if (found) found.push(tree);
    else nodes.set(field, [tree]);
    addNodes(value, nodes);
  }
}

/** Name and arguments of a call. */
export function readCall({ funcname = [], args = [] }: FuncCall): Call {
  const parts = identifiers(funcname);
  return { schema: parts.at(-2), name: parts.at(-1) ?? "", args };
}

/** The parts of a qualified name. */
export function identifiers(names: readonly Node[]): string[] {
  const parts: string[] = [];
  for (const name of names) if ("String" in name) parts.push(name.String.sval ?? "");
  return parts;
}

/** The text of a constant, or of what `||` and `format` make of constants; undefined for anything else. */
export function constantText(node: Node | undefined): string | undefined {
  if (!node) return undefined;
  if ("FuncCall" in node) {
    const { name, args } = readCall(node.FuncCall);
    const [text, ...values] = args.map(constantText);
    return name === "format" && text !== undefined ? formatted(text, values) : undefined;
  }
  if ("A_Const" in node) {
    const { isnull, sval } = node.A_Const;
    return isnull || !sval ? undefined : (sval.sval ?? "");
  }
  if ("TypeCast" in node) return constantText(node.TypeCast.arg);
  if (!("A_Expr" in node)) return undefined;
  const { name = [], lexpr, rexpr } = node.A_Expr;
  if (identifiers(name).join(".") !== "||") return undefined;
  const [left, right] = [constantText(lexpr), constantText(rexpr)];
  return left === undefined || right === undefined ? undefined : left + right;
}

// Rules read the same few expressions again and again, and parsing takes longer than reading.
const MOST_KEPT = 5_000;
const parsed = new Map<string, Node | undefined>();

/**
 * Reads an expression, or the right side of a PL/pgSQL assignment.
 * @returns undefined where it is not SQL by itself.
 */
export function parseExpression(text: string): Node | undefined {
  if (parsed.size > MOST_KEPT) parsed.clear();
  if (!parsed.has(text)) parsed.set(text, parseAnew(text));
  return parsed.get(text);
}

/** The expressions of a policy. */
export function policyTrees({ using, check }: RowPolicy): Node[] {
  return [using, check].flatMap((text) => (text === null ? [] : (parseExpression(text) ?? [])));
}

function parseAnew(text: string): Node | undefined {
  const assigned = /^[^'"(]*?:?=(?![>=])(.*)$/s.exec(text)?.[1];
  for (const expression of [text, assigned]) {
    const target =
      expression === undefined ? undefined : parseQuery(`select (${expression}\n)`)?.targetList;
    const value = target?.[0] && "ResTarget" in target[0] ? target[0].ResTarget.val : undefined;
    if (value) return value;
  }
  return undefined;
}

/** The one query that a text consists of; undefined for any other text. */
export function parseQuery(text: string): SelectStmt | undefined {
  try {
    const { stmts = [] } = parseSync(text);
    const statement = stmts.length === 1 ? stmts[0]?.stmt : undefined;
    return statement && "SelectStmt" in statement ? statement.SelectStmt : undefined;
  } catch {
    return undefined;
  }
}

/** What PostgreSQL's `format` makes of a text; undefined where a value is missing or a placeholder special. */
function formatted(text: string, values: readonly (string | undefined)[]): string | undefined {
  const left = [...values];
  let isKnown = true;
  const result = text.replace(/%(.?)/gs, (_, kind: string) => {
    if (kind === "%") return "%";
    const value = left.shift();
    if (value === undefined || !/^[ILs]$/.test(kind)) isKnown = false;
    if (value === undefined || kind === "s") return value ?? "";
    const mark = kind === "I" ? '"' : "'";
    return mark + value.replaceAll(mark, mark + mark) + mark;
  });
  return isKnown ? result : undefined;
}
