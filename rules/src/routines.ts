import type { CreateFunctionStmt, DoStmt, Node } from "libpg-query";
import {
  type Call,
  type KnownValues,
  constantText,
  functionCalls,
  identifiers,
  parseExpression,
  soleCall,
} from "./expressions";
import { rowsOfTables } from "./constant-rows";
import type { Context } from "./passage";
import { type Step, readPlPgSql } from "./plpgsql-steps";
import type { SearchPath } from "./search-path";
import type { SqlReader } from "./sql-reader";
import { SqlSyntaxError } from "./statements";
import type { BranchPath } from "./table-model";

/** A function of the migration whose body may touch tables. */
interface Routine {
  schema: string | undefined;
  /** The names of its input parameters; empty for one without a name. */
  parameters: readonly string[];
  /** @param values what its parameters stand for, where that is known. */
  run: (path: BranchPath, values?: KnownValues) => void;
  running: boolean;
}

/** What a body must contain to make, change or drop a table, or to hide that it does. */
const touchesTables = {
  // In PL/pgSQL `select … into` fills a variable.
  plpgsql:
    /\b(create|alter|drop|grant|revoke|reassign|execute|import|search_path|role|rollback)\b/i,
  sql: /\b(create|alter|drop|grant|revoke|reassign|into|import|search_path|role)\b/i,
};

/**
 * The code in a migration: DO blocks, and the bodies of functions. A body is
 * read where it is defined, as a branch that may run at any time, and again
 * where it is called.
 */
export class Routines {
  private readonly routines = new Map<string, Routine[]>();
  private branches = 0;

  constructor(
    private readonly reader: SqlReader,
    private readonly searchPath: SearchPath,
  ) {}

  public apply(tree: Node, place: Context): void {
    if ("DoStmt" in tree) this.block(tree.DoStmt, place);
    else if ("CreateFunctionStmt" in tree) this.define(tree.CreateFunctionStmt, place);
    else if (this.callsKnown(place.sql)) this.callAll(tree, place.path);
  }

  private block({ args = [] }: DoStmt, place: Context): void {
    const { language = "plpgsql", body } = readOptions(args);
    const within = { ...place, inside: "do block" };
    if (language === "plpgsql") this.plPgSql(body, within, place.path);
    else this.unread(within, `its language, ${language}, is not one that is read here`);
  }

  private define(statement: CreateFunctionStmt, place: Context): void {
    const { schema, name, inside, parameters } = nameOf(statement);
    const { language = "sql", body, searchPath } = readOptions(statement.options ?? []);
    const within = { ...place, inside };
    if (language === "c" || language === "internal") return;
    if (language !== "sql" && language !== "plpgsql") {
      return this.unread(within, `its language, ${language}, is not one that is read here`);
    }
    // A standard SQL body, `begin atomic`, can not hold statements that touch tables' definitions.
    if (!touchesTables[language].test(body) && !this.callsKnown(body)) return;
    const routine: Routine = {
      schema,
      running: false,
      parameters,
      run: (path, values) => {
        if (routine.running) return;
        routine.running = true;
        const saved = this.searchPath.save();
        if (searchPath !== undefined) this.searchPath.configure(searchPath);
        if (language === "sql") this.sql(body, within, path);
        else this.plPgSql(body, within, path, values);
        this.searchPath.restore(saved);
        routine.running = false;
      },
    };
    this.routines.set(name, [...(this.routines.get(name) ?? []), routine]);
    routine.run([...place.path, this.newBranch()]);
  }

  private plPgSql(body: string, place: Context, path: BranchPath, values: KnownValues = new Map()) {
    if (!touchesTables.plpgsql.test(body) && !this.callsKnown(body)) return;
    let steps: Step[];
    try {
      steps = readPlPgSql(place.sql, path, {
        newBranch: () => this.newBranch(),
        rowsOf: (query) => rowsOfTables(query, this.reader.schema().tables),
        values,
      });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return this.unread(place, `its body could not be read without the database (${cause})`);
    }
    const firstLine = bodyLine(place, body);
    for (const step of steps) this.step(step, firstLine + step.line - 1, place);
  }

  private step({ kind, text, path, values }: Step, line: number, place: Context): void {
    const here = { ...place, line, firstLine: line, path };
    if (kind === "sql") return this.nested(text, here);
    if (kind === "rollback") return this.unread(here, "it rolls back a part of its own work");
    const calls = this.callsKnown(text);
    if (kind === "expression" && !calls) return;
    const expression = parseExpression(text);
    if (expression && calls) this.callAll(expression, path);
    if (kind === "expression") return;
    const constant = constantText(expression, values);
    if (constant !== undefined) return this.nested(constant, here);
    this.reader.remark(
      place.inside ?? "statement",
      `\`execute ${text.replace(/\s+/g, " ")}\` runs SQL that is put together only then`,
      here,
    );
  }

  private sql(body: string, place: Context, path: BranchPath): void {
    const firstLine = bodyLine(place, body);
    this.nested(body, { ...place, firstLine, path });
  }

  private nested(sql: string, place: Context): void {
    try {
      this.reader.applyText({ ...place, sql });
    } catch (error) {
      if (!(error instanceof SqlSyntaxError)) throw error;
      this.unread(place, `it holds a statement that can not be read (${error.reason})`);
    }
  }

  /** Runs the known functions that a statement calls; a bare call runs for certain. */
  private callAll(tree: Node, path: BranchPath): void {
    const sole = soleCall(tree);
    for (const call of functionCalls(tree)) {
      const matches = (this.routines.get(call.name) ?? []).filter(
        ({ schema }) => (call.schema ?? schema) === (schema ?? call.schema),
      );
      const certain = sole?.name === call.name && matches.length === 1;
      for (const routine of matches) {
        const values = certain ? argumentsOf(call, routine.parameters) : undefined;
        routine.run(certain ? path : [...path, this.newBranch()], values);
      }
    }
  }

  /** Cheap, and true too often: the name may be that of something else. */
  private callsKnown(sql: string): boolean {
    return [...this.routines.keys()].some((name) => sql.toLowerCase().includes(name.toLowerCase()));
  }

  private unread(place: Context, reason: string): void {
    this.reader.remark(place.inside ?? "statement", reason, place);
  }

  private newBranch(): number {
    this.branches += 1;
    return this.branches;
  }
}

/** Language, body and own search_path of a `do` or `create function`. */
function readOptions(options: readonly Node[]) {
  const found: { language?: string; body: string; searchPath?: string } = { body: "" };
  for (const option of options) {
    if (!("DefElem" in option)) continue;
    const { defname, arg } = option.DefElem;
    if (!arg) continue;
    if (defname === "language" && "String" in arg) found.language = arg.String.sval?.toLowerCase();
    if (defname === "as" && "String" in arg) found.body = arg.String.sval ?? "";
    if (defname === "as" && "List" in arg) {
      found.body = identifiers(arg.List.items ?? [])[0] ?? "";
    }
    if (defname === "set" && "VariableSetStmt" in arg) {
      const { name, args = [] } = arg.VariableSetStmt;
      if (name === "search_path") {
        found.searchPath = args.map((value) => constantText(value) ?? "").join(",");
      }
    }
  }
  return found;
}

/** The constants that a routine is called with, by the names of its parameters. */
function argumentsOf({ args }: Call, parameters: readonly string[]): KnownValues {
  return new Map(
    args.flatMap((arg, at): [string, string][] => {
      const named = "NamedArgExpr" in arg ? arg.NamedArgExpr : undefined;
      const name = named?.name ?? parameters[at] ?? "";
      const value = constantText(named?.arg ?? arg);
      return value === undefined || name === "" ? [] : [[name, value]];
    }),
  );
}

function nameOf({ funcname = [], is_procedure, parameters = [] }: CreateFunctionStmt) {
  const parts = identifiers(funcname);
  const name = parts.at(-1) ?? "";
  const inside = `${is_procedure ? "procedure" : "function"} ${parts.join(".")}`;
  const inputs = parameters.flatMap((node) =>
    "FunctionParameter" in node && !/_(OUT|TABLE)$/.test(node.FunctionParameter.mode ?? "")
      ? [node.FunctionParameter.name ?? ""]
      : [],
  );
  return { schema: parts.at(-2), name, inside, parameters: inputs };
}

/** The line on which the body's opening quote stands. */
function bodyLine({ sql, line }: Context, body: string): number {
  const start = sql.indexOf(body);
  return start < 0 ? line : line + sql.slice(0, start).split("\n").length - 1;
}
