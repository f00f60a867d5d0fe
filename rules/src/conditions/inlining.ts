import type { Node, SelectStmt } from "libpg-query";
import type { JudgedSchema } from "../model/judged-schema";
import type { DatabaseFunction } from "../model/schema";
import { isNode, readCall } from "../sql/expressions";
import { functionBody, parametersOf } from "../sql/function-body";
import { columnOf, fieldsOf, hasOnly, selectOf } from "./syntax";

/** What a call means where its function is one plain query; undefined for every other. */
export function inlined(
  node: Node,
  judged: JudgedSchema,
): { item: DatabaseFunction; select: SelectStmt } | undefined {
  const call = fieldsOf(node, "FuncCall");
  const { schema, name = "", args = [] } = call ? readCall(call) : {};
  if (schema === undefined) return undefined;
  const [item, another] = judged.functionsNamed({ schema, name });
  const select = item && !another ? inlinedBody(item, args, judged) : undefined;
  return item && select && { item, select };
}

/** The query of a function that does nothing but select, its parameters standing for unknown values. */
export function ownQueryOf(item: DatabaseFunction, judged: JudgedSchema): SelectStmt | undefined {
  const unknown = parametersOf(item).map((_, number): Node => ({ ParamRef: { number } }));
  return inlinedBody(item, unknown, judged);
}

// Most policies call the same few functions, and those take nothing.
const withoutArguments = new WeakMap<DatabaseFunction, { select: SelectStmt | undefined }>();

function inlinedBody(item: DatabaseFunction, args: readonly Node[], judged: JudgedSchema) {
  const known = args.length === 0 ? withoutArguments.get(item) : undefined;
  if (known) return known.select;
  const select = inlineBody(item, args, judged);
  if (args.length === 0) withoutArguments.set(item, { select });
  return select;
}

function inlineBody(item: DatabaseFunction, args: readonly Node[], judged: JudgedSchema) {
  // An unqualified name in the body means PostgreSQL's own only where nothing else is searched.
  const select = item.searchPath === "" ? queryOf(item) : undefined;
  const parameters = parametersOf(item).map(({ name }) => name);
  return select && parameters.length === args.length
    ? new Body(item, parameters, args, judged).inline(select)
    : undefined;
}

/** The one query of a function in SQL, or of a PL/pgSQL one that returns it. */
function queryOf(item: DatabaseFunction): SelectStmt | undefined {
  const body = functionBody(item);
  const [tree, another] = body?.trees ?? [];
  if (!tree || another || body?.dynamic.length !== 0) return undefined;
  if (item.language !== "plpgsql") return selectOf(tree);
  const isReturn = /^\s*begin\s+return\b[^;]*;\s*end\s*;?\s*$/i.test(item.source ?? "");
  if (!isReturn || "SelectStmt" in tree) return isReturn ? selectOf(tree) : undefined;
  const targetList = [{ ResTarget: { val: tree } }];
  return { targetList, limitOption: "LIMIT_OPTION_DEFAULT", op: "SETOP_NONE" };
}

/** The columns that a query sees, by alias. */
type Scope = ReadonlyMap<string, readonly string[]>;

/** A body as the server would print it in the place of the call: all columns qualified, by names of its own. */
class Body {
  #isClear = true;

  public constructor(
    private readonly item: DatabaseFunction,
    private readonly parameters: readonly string[],
    private readonly args: readonly Node[],
    private readonly judged: JudgedSchema,
  ) {}

  /** @returns undefined where a name in it is not clear. */
  public inline(select: SelectStmt): SelectStmt | undefined {
    const body = this.#select(select, []);
    return this.#isClear ? body : undefined;
  }

  /** @param around the scopes around the query, innermost first. */
  #select(select: SelectStmt, around: readonly Scope[]): SelectStmt {
    const scope = new Map((select.fromClause ?? []).flatMap((item) => this.#sources(item)));
    return this.#fields(select, [scope, ...around]);
  }

  #sources(item: Node | undefined): [alias: string, columns: string[]][] {
    const join = fieldsOf(item, "JoinExpr");
    if (join) return [join.larg, join.rarg].flatMap((side) => this.#sources(side));
    const { schemaname, relname = "", alias } = fieldsOf(item, "RangeVar") ?? {};
    const table = schemaname && this.judged.table({ schema: schemaname, name: relname });
    if (!table || (alias && !hasOnly(alias, ["aliasname"]))) this.#isClear = false;
    const columns = table ? (table.columns ?? []) : [];
    return [[alias?.aliasname ?? relname, columns.map(({ name }) => name)]];
  }

  #fields<T extends object>(node: T, scopes: readonly Scope[]): T {
    const fields = Object.entries(node).map(([key, value]: [string, unknown]) => [
      key,
      this.#node(value, scopes),
    ]);
    return Object.fromEntries(fields) as T;
  }

  #node(node: unknown, scopes: readonly Scope[]): unknown {
    if (Array.isArray(node)) return node.map((each) => this.#node(each, scopes));
    if (typeof node !== "object" || node === null) return node;
    if (isNode(node, "ColumnRef")) return this.#column(node, scopes);
    if (isNode(node, "ParamRef")) return this.#argument((node.ParamRef.number ?? 0) - 1);
    if (isNode(node, "SelectStmt")) return { SelectStmt: this.#select(node.SelectStmt, scopes) };
    if (isNode(node, "RangeVar")) {
      const { relname = "", alias: { aliasname = relname } = {} } = node.RangeVar;
      return { RangeVar: { ...node.RangeVar, alias: { aliasname: this.#inner(aliasname) } } };
    }
    return this.#fields(node, scopes);
  }

  #column(node: Node, scopes: readonly Scope[]): Node | undefined {
    const { from, column = "" } = columnOf(node) ?? {};
    for (const scope of scopes) {
      const seen = [...scope].filter(([alias, columns]) =>
        from === undefined ? columns.includes(column) : alias === from,
      );
      const [source, another] = seen;
      if (!source) continue;
      if (another) this.#isClear = false;
      const fields = [this.#inner(source[0]), column].map((sval) => ({ String: { sval } }));
      return { ColumnRef: { fields } };
    }
    const isParameter = column !== "" && (from === undefined || from === this.item.name);
    return this.#argument(isParameter ? this.parameters.indexOf(column) : -1);
  }

  #argument(at: number): Node | undefined {
    const argument = this.args[at];
    if (!argument) this.#isClear = false;
    return argument;
  }

  /** An alias that no query around the call has. */
  #inner(alias: string): string {
    return `${this.item.schema}.${this.item.name}.${alias}`;
  }
}
