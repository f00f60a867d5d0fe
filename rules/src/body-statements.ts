import { type Node, type SelectStmt, parsePlPgSQLSync, parseSync } from "libpg-query";
import { parseExpression } from "./expressions";
import { firedByUpdate } from "./fired-by-update";
import { onlyTarget, selectOf } from "./identity-expressions";
import { ERROR_LEVEL, type Fields, fields, list, sqlOf } from "./plpgsql-tree";
import type { DatabaseFunction } from "./schema";

/** All that a function's body may run, in whatever order. */
export interface Body {
  /** Statements; what is only an expression, as a query of it. */
  statements: readonly Node[];
  /**
   * What each variable is ever given, as \`r.*\` the queries of a record; undefined for one that is given
   * something else, too.
   */
  variables: ReadonlyMap<string, readonly Node[] | undefined>;
  /** Variables that hold the key of a row that the function itself has made. */
  made: ReadonlySet<string>;
  /** Parameters that keep what they are called with. */
  parameters: readonly string[];
  /** Conditions under which it ends before it does anything. */
  refusals: readonly Node[];
}

const bodies = new WeakMap<DatabaseFunction, Body | undefined>();

/** Reads a body; undefined for one that is in another language, dynamic or not understood. */
export function statementsOf(item: DatabaseFunction): Body | undefined {
  if (!bodies.has(item)) bodies.set(item, readBody(item));
  return bodies.get(item);
}

/** What a trigger's function may run where an update fires it. */
export function statementsOnUpdate(item: DatabaseFunction): Body | undefined {
  return item.language === "plpgsql" ? readPlPgSql(item, firedByUpdate) : undefined;
}

function readBody(item: DatabaseFunction): Body | undefined {
  const { language, source } = item;
  if (!source) return undefined;
  if (language === "plpgsql") return readPlPgSql(item);
  if (language !== "sql") return undefined;
  const text = source.trim();
  const inner = /^begin\s+atomic\b([\s\S]*)\bend\s*;?$/i.exec(text)?.[1];
  const value = /^return\b([\s\S]*)$/i.exec(text)?.[1];
  const statements = parsed(inner ?? (value === undefined ? text : `select (${value})`));
  if (!statements) return undefined;
  return { statements, variables: new Map(), made: new Set(), parameters: [], refusals: [] };
}

/** What a result must be called for PL/pgSQL's parser to accept the statements that return it. */
const results = ["setof text", "text", "void"];

function readPlPgSql(
  { source, arguments: given, returns }: DatabaseFunction,
  prune = (code: Fields) => code,
): Body | undefined {
  for (const result of returns === "trigger" ? [returns] : results) {
    try {
      const quoted = (source ?? "").replaceAll("'", "''");
      const text = `create function f(${given}) returns ${result} language plpgsql as '${quoted}'`;
      const [code, another] = list(fields(parsePlPgSQLSync(text))["plpgsql_funcs"]);
      if (another !== undefined) return undefined;
      return new BodyReader(prune(fields(fields(code)["PLpgSQL_function"]))).body();
    } catch {
      // Refused with this result; the next one may do.
    }
  }
  return undefined;
}

class BodyReader {
  private readonly names: readonly string[];
  private readonly statements: Node[] = [];
  private readonly given = new Map<string, Node[] | undefined>();
  private readonly made = new Map<string, boolean>();
  private readonly parameters = new Set<string>();
  private isUnderstood = true;

  constructor(private readonly code: Fields) {
    const datums = list(code["datums"]).map((datum) => fields(Object.values(fields(datum))[0]));
    const nameOf = (datum: Fields | undefined): string => {
      const { refname, fieldname, recparentno } = datum ?? {};
      if (typeof fieldname !== "string") return typeof refname === "string" ? refname : "";
      return `${nameOf(datums[Number(recparentno ?? 0)])}.${fieldname}`;
    };
    this.names = datums.map(nameOf);
    for (const { refname, lineno, default_val, cursor_explicit_expr } of datums) {
      if (cursor_explicit_expr !== undefined) this.expression(cursor_explicit_expr);
      // What is declared nowhere is a parameter, or PL/pgSQL's own.
      if (typeof refname !== "string" || refname.startsWith("(")) continue;
      if (lineno === undefined) {
        this.given.set(refname, undefined);
        this.parameters.add(refname);
      }
      const initial = default_val === undefined ? undefined : this.expression(default_val);
      if (initial) this.give(refname, initial);
    }
  }

  public body(): Body | undefined {
    this.walk(this.code["action"]);
    if (!this.isUnderstood) return undefined;
    const made = [...this.made].filter(([, always]) => always).map(([name]) => name);
    return {
      statements: this.statements,
      variables: this.given,
      made: new Set(made),
      parameters: [...this.parameters],
      refusals: this.refusals(fields(fields(this.code["action"])["PLpgSQL_stmt_block"])),
    };
  }

  /** What a body asks first, and ends if it is so. An error that is handled does not end it. */
  private refusals({ body, exceptions }: Fields): Node[] {
    const found: Node[] = [];
    for (const statement of exceptions === undefined ? list(body) : []) {
      const [kind, content] = Object.entries(fields(statement))[0] ?? [];
      if (kind === "PLpgSQL_stmt_assign") continue;
      const { cond, then_body, elsif_list, else_body } = fields(content);
      const text = sqlOf(cond);
      const [last] = Object.entries(fields(list(then_body).at(-1)));
      const ends = last?.[0] === "PLpgSQL_stmt_raise" && isError(fields(last[1])["elog_level"]);
      const isRefusal = ends && elsif_list === undefined && else_body === undefined;
      if (kind !== "PLpgSQL_stmt_if" || !isRefusal || text === undefined) break;
      const condition = parseExpression(text);
      if (condition) found.push(condition);
    }
    return found;
  }

  private walk(node: unknown): void {
    if (Array.isArray(node)) return node.forEach((item) => this.walk(item));
    for (const [kind, content] of Object.entries(fields(node))) {
      const statement = fields(content);
      if (/dynexecute|dynfors/.test(kind) || statement["dynquery"] !== undefined) {
        this.isUnderstood = false;
      } else if (kind === "PLpgSQL_expr") this.expression(node);
      else if (kind === "PLpgSQL_stmt_assign") {
        this.give(this.names[Number(statement["varno"] ?? 0)], this.expression(statement["expr"]));
      } else if (kind === "PLpgSQL_stmt_execsql") this.execute(statement);
      else if (kind === "PLpgSQL_row") {
        for (const field of list(statement["fields"])) {
          this.forget(this.names[Number(fields(field)["varno"] ?? 0)]);
        }
      } else if (kind === "PLpgSQL_rec" || kind === "PLpgSQL_var") {
        this.forget(statement["refname"]);
      } else if (kind === "PLpgSQL_diag_item") {
        this.forget(this.names[Number(statement["target"] ?? 0)]);
      } else if (typeof content === "object") {
        if (kind === "PLpgSQL_stmt_fors") this.loop(statement);
        if (typeof statement["varno"] === "number") this.forget(this.names[statement["varno"]]);
        this.walk(content);
      }
    }
  }

  /** A static statement, and what it puts into variables. */
  private execute({ sqlstmt, target }: Fields): void {
    const statement = this.expression(sqlstmt);
    const row = list(fields(fields(target)["PLpgSQL_row"])["fields"]);
    const names = row.map((field) => this.names[Number(fields(field)["varno"] ?? 0)] ?? "");
    const select = statement && selectOf(statement);
    if (target !== undefined && names.length === 0) {
      this.record(target, select);
      return this.walk(target);
    }
    const insert = statement && "InsertStmt" in statement ? statement.InsertStmt : undefined;
    names.forEach((name, at) => {
      const chosen = select?.larg ? undefined : select?.targetList?.[at];
      const value = chosen && "ResTarget" in chosen ? chosen.ResTarget.val : undefined;
      this.give(name, value && select?.fromClause ? chosenBy(select, value) : value);
      const isMade = insert !== undefined && !insert.onConflictClause;
      this.made.set(name, isMade && (this.made.get(name) ?? true));
    });
  }

  private loop({ var: variable, query }: Fields): void {
    const [statement] = parsed(sqlOf(query) ?? "") ?? [];
    this.record(variable, statement && selectOf(statement));
  }

  /** Remembers that a record's fields are those of a query. */
  private record(variable: unknown, select: SelectStmt | undefined): void {
    const name = fields(fields(variable)["PLpgSQL_rec"])["refname"];
    if (typeof name !== "string" || !select?.fromClause) return;
    const subselect = { SelectStmt: select };
    this.give(`${name}.*`, { SubLink: { subLinkType: "EXPR_SUBLINK", subselect } });
  }

  /** Remembers an expression as a statement. @returns it, or the statement that it is. */
  private expression(node: unknown): Node | undefined {
    const text = sqlOf(node);
    if (text === undefined) return undefined;
    const whole = parsed(text);
    const [statement, another] = whole ?? [];
    if (statement && !another) {
      this.statements.push(statement);
      return statement;
    }
    const value = parseExpression(text);
    if (value)
      this.statements.push({ SelectStmt: { targetList: [{ ResTarget: { val: value } }] } });
    else this.isUnderstood = false;
    return value;
  }

  private give(name: string | undefined, value: Node | undefined): void {
    if (name === undefined || name === "") return;
    this.parameters.delete(name);
    const before = this.given.has(name) ? this.given.get(name) : [];
    const select = value && selectOf(value);
    const given = select && !select.fromClause ? onlyTarget(select) : value;
    this.given.set(name, before && given ? [...before, given] : undefined);
  }

  private forget(name: unknown): void {
    if (typeof name !== "string") return;
    this.parameters.delete(name);
    this.given.set(name, undefined);
    this.made.set(name, false);
  }
}

function isError(level: unknown): boolean {
  return typeof level === "number" && level >= ERROR_LEVEL;
}

/** What a query of more selects first, as a value. */
function chosenBy(select: SelectStmt, val: Node): Node {
  const subselect = { SelectStmt: { ...select, targetList: [{ ResTarget: { val } }] } };
  return { SubLink: { subLinkType: "EXPR_SUBLINK", subselect } };
}

function parsed(text: string): Node[] | undefined {
  try {
    return (parseSync(text).stmts ?? []).flatMap(({ stmt }) => stmt ?? []);
  } catch {
    // What the parser refuses is no statement by itself.
    return undefined;
  }
}
