import type { Node, SelectStmt } from "libpg-query";
import type { JudgedSchema } from "../model/judged-schema";
import type { DatabaseFunction } from "../model/schema";
import { isNode, readCall } from "../sql/expressions";
import { functionBody } from "../sql/function-body";
import type { Query } from "./queries";
import { columnOf, hasOnly, onlyTarget, selectOf } from "./values";

/** A function that does nothing but select, and its query with the arguments of a call in it. */
export interface Inlined {
  item: DatabaseFunction;
  select: SelectStmt;
}

/** What a call means where its function is one plain query; undefined for every other. */
export function inlined(node: Node, judged: JudgedSchema): Inlined | undefined {
  if (!("FuncCall" in node) || !hasOnly(node.FuncCall, "funcname", "args", "funcformat"))
    return undefined;
  const { schema, name, args } = readCall(node.FuncCall);
  if (schema === undefined) return undefined;
  const [item, another] = judged.functionsNamed({ schema, name });
  // An unqualified name in the body means PostgreSQL's own only where nothing else is searched.
  if (!item || another || item.searchPath !== "") return undefined;
  const parameters = parameterNames(item);
  if (parameters.length !== args.length) return undefined;
  const select = queryOf(item);
  const body = select && new Body(item, parameters, args, judged).inline(select);
  return body && { item, select: body };
}

/** The query of `column in (select f())`. */
export function inlinedQuery(node: Node, judged: JudgedSchema): Query | undefined {
  if (!("SubLink" in node) || !hasOnly(node.SubLink, "subLinkType", "testexpr", "subselect"))
    return undefined;
  const { subLinkType, testexpr, subselect } = node.SubLink;
  const select = selectOf(subselect);
  const call = select && !select.fromClause && !select.whereClause ? onlyTarget(select) : undefined;
  const found = subLinkType === "ANY_SUBLINK" && call ? inlined(call, judged) : undefined;
  const value = found?.select.fromClause && onlyTarget(found.select);
  return found && value && testexpr && "ColumnRef" in value
    ? { select: found.select, equal: [[testexpr, value]], asOwner: found.item.securityDefiner }
    : undefined;
}

/** The query of a function that does nothing but select, its parameters standing for unknown values. */
export function ownQueryOf(item: DatabaseFunction, judged: JudgedSchema): SelectStmt | undefined {
  const select = item.searchPath === "" ? queryOf(item) : undefined;
  const parameters = parameterNames(item);
  const args = parameters.map((_, number): Node => ({ ParamRef: { number } }));
  return select && new Body(item, parameters, args, judged).inline(select);
}

/** The one query of a function in SQL, or of a PL/pgSQL one that returns it. */
function queryOf(item: DatabaseFunction): SelectStmt | undefined {
  const body = functionBody(item);
  const [tree, another] = body?.trees ?? [];
  if (!tree || another || body?.dynamic.length !== 0) return undefined;
  const isReturn = /^\s*begin\s+return\b[^;]*;\s*end\s*;?\s*$/i.test(item.source ?? "");
  if (item.language === "plpgsql" && !isReturn) return undefined;
  if ("SelectStmt" in tree) return selectOf(tree);
  return item.language === "plpgsql"
    ? {
        targetList: [{ ResTarget: { val: tree } }],
        limitOption: "LIMIT_OPTION_DEFAULT",
        op: "SETOP_NONE",
      }
    : undefined;
}

/** The names of a function's input parameters; "" for one without a name. */
function parameterNames({ arguments: parameters }: DatabaseFunction): string[] {
  if (parameters === "") return [];
  return parameters.split(/,(?![^(]*\))/).map((parameter) => {
    const words = parameter.trim().split(/\s+/);
    // A type alone may have two words of its own.
    const isType =
      words.length === 1 || /^(double|character|timestamp|time|bit)$/.test(words[0] ?? "");
    return isType ? "" : (words[0] ?? "").replaceAll('"', "");
  });
}

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
    const inlined = this.#select(select, []);
    return this.#isClear ? inlined : undefined;
  }

  /** @param scopes the columns that are seen, by alias, innermost first. */
  #select(select: SelectStmt, scopes: readonly Map<string, readonly string[]>[]): SelectStmt {
    const scope = new Map<string, readonly string[]>();
    const from = (select.fromClause ?? []).map((item) => this.#source(item, scope));
    const inner = [scope, ...scopes];
    return {
      ...select,
      ...(select.fromClause && { fromClause: from.map((item) => this.#node(item, inner)) }),
      ...(select.targetList && {
        targetList: select.targetList.map((target) => this.#node(target, inner)),
      }),
      ...(select.whereClause && { whereClause: this.#node(select.whereClause, inner) }),
    };
  }

  #source(item: Node, scope: Map<string, readonly string[]>): Node {
    if ("JoinExpr" in item) {
      const { larg, rarg } = item.JoinExpr;
      const sides = {
        larg: larg && this.#source(larg, scope),
        rarg: rarg && this.#source(rarg, scope),
      };
      return { JoinExpr: { ...item.JoinExpr, ...sides } };
    }
    const { schemaname, relname = "", alias } = "RangeVar" in item ? item.RangeVar : {};
    const table =
      schemaname === undefined
        ? undefined
        : this.judged.table({ schema: schemaname, name: relname });
    const name = alias?.aliasname ?? relname;
    if (!table || !("RangeVar" in item) || (alias && !hasOnly(alias, "aliasname"))) {
      this.#isClear = false;
      return item;
    }
    scope.set(
      name,
      (table.columns ?? []).map((column) => column.name),
    );
    return { RangeVar: { ...item.RangeVar, alias: { aliasname: this.#inner(name) } } };
  }

  #node<T>(node: T, scopes: readonly Map<string, readonly string[]>[]): T {
    if (Array.isArray(node)) return node.map((each: unknown) => this.#node(each, scopes)) as T;
    if (typeof node !== "object" || node === null) return node;
    if (isNode(node, "ColumnRef") || isNode(node, "ParamRef")) return this.#name(node, scopes) as T;
    if (isNode(node, "SelectStmt")) {
      return { SelectStmt: this.#select(node.SelectStmt, scopes) } as T;
    }
    return Object.fromEntries(
      Object.entries(node).map(([key, value]: [string, unknown]) => [
        key,
        this.#node(value, scopes),
      ]),
    ) as T;
  }

  #name(node: Node, scopes: readonly Map<string, readonly string[]>[]): Node {
    if ("ParamRef" in node) return this.#argument((node.ParamRef.number ?? 0) - 1, node);
    const named = columnOf(node);
    const scope =
      named &&
      scopes.find((one) =>
        named.from === undefined
          ? [...one.values()].some((columns) => columns.includes(named.column))
          : one.has(named.from),
      );
    if (named && scope) {
      const aliases =
        named.from === undefined
          ? [...scope].filter(([, columns]) => columns.includes(named.column)).map(([name]) => name)
          : [named.from];
      if (aliases.length !== 1) this.#isClear = false;
      const fields = [this.#inner(aliases[0] ?? ""), named.column];
      return { ColumnRef: { fields: fields.map((sval) => ({ String: { sval } })) } };
    }
    const isParameter = named && (named.from === undefined || named.from === this.item.name);
    return this.#argument(isParameter ? this.parameters.indexOf(named.column) : -1, node);
  }

  #argument(at: number, node: Node): Node {
    const argument = this.args[at];
    if (!argument) this.#isClear = false;
    return argument ?? node;
  }

  /** An alias that no query around the call has. */
  #inner(alias: string): string {
    return `${this.item.schema}.${this.item.name}.${alias}`;
  }
}
