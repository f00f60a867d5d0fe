import { parsePlPgSQLSync } from "libpg-query";
import type { KnownValues } from "./expressions";
import type { Row, RowsOf } from "./constant-rows";
import { rowsOfLoop } from "./plpgsql-loops";
import { type Fields, fields, list } from "./plpgsql-tree";
import { PlPgSqlVariables } from "./plpgsql-variables";
import { commonSteps } from "./same-branches";
import type { BranchPath } from "./table-model";

/** One thing that a PL/pgSQL body does, in the order in which it is written. */
export interface Step {
  /**
   * "sql": a static statement. "dynamic": the expression of an EXECUTE.
   * "expression": an expression, which matters for the functions it calls.
   * "rollback": the end of a transaction that is undone.
   */
  kind: "sql" | "dynamic" | "expression" | "rollback";
  text: string;
  /** Counted from 1 at the line where the body's opening quote stands. */
  line: number;
  path: BranchPath;
  /** What its variables stand for, where that is known. */
  values: KnownValues;
}

/** How a statement may leave the list it stands in. */
interface Leaving {
  /** It always does. */
  always: boolean;
  /** It may end the whole body, or a block or loop that a label names. */
  body: boolean;
  /** It may end the loop around it. */
  loop: boolean;
}

const stays: Leaving = { always: false, body: false, loop: false };

/** What a body is read with. */
export interface Surroundings {
  /** Gives a number that no other branch has. */
  newBranch: () => number;
  /** The rows of a query that a loop goes through. */
  rowsOf?: RowsOf;
  /** The parameters that are called with constants. */
  values?: KnownValues;
}

/**
 * Reads a `do` block or a PL/pgSQL function.
 * @param statement the whole `do` or `create function` statement.
 * @param root the branch that the body runs in.
 * @throws Error with the parser's words where PL/pgSQL's own parser refuses the body.
 */
export function readPlPgSql(
  statement: string,
  root: BranchPath,
  surroundings: Surroundings,
): Step[] {
  return list(fields(parsePlPgSQLSync(statement))["plpgsql_funcs"]).flatMap((parsed) => {
    const body = fields(fields(parsed)["PLpgSQL_function"]);
    const walk = new Walk(body, surroundings);
    for (const datum of list(body["datums"])) walk.expressions(datum, 1, root);
    walk.statement(body["action"], root);
    return walk.steps;
  });
}

class Walk {
  public readonly steps: Step[] = [];
  private readonly variables: PlPgSqlVariables;
  private readonly newBranch: () => number;
  private readonly rowsOf: RowsOf;

  constructor(
    body: Fields,
    { newBranch, rowsOf = () => undefined, values = new Map() }: Surroundings,
  ) {
    this.newBranch = newBranch;
    this.rowsOf = rowsOf;
    this.variables = new PlPgSqlVariables(body, values);
  }

  /** Every expression below a node, whatever field holds it. */
  public expressions(node: unknown, line: number, path: BranchPath): void {
    if (Array.isArray(node)) return node.forEach((item) => this.expressions(item, line, path));
    for (const [key, value] of Object.entries(fields(node))) {
      if (key === "PLpgSQL_expr") this.add("expression", value, line, path);
      else if (typeof value === "object") this.expressions(value, line, path);
    }
  }

  /** @returns how it may leave the list it stands in. */
  public statement(node: unknown, path: BranchPath): Leaving {
    const [kind, content] = Object.entries(fields(node))[0] ?? ["", {}];
    const statement = fields(content);
    const line = typeof statement["lineno"] === "number" ? statement["lineno"] : 1;
    switch (kind) {
      case "PLpgSQL_stmt_block":
        return this.block(statement, path);
      case "PLpgSQL_stmt_if":
        this.expressions(statement["cond"], line, path);
        return this.choice(
          [
            statement["then_body"],
            ...list(statement["elsif_list"]).map(
              (elsif) => fields(fields(elsif)["PLpgSQL_if_elsif"])["stmts"],
            ),
            statement["else_body"],
          ],
          path,
        );
      case "PLpgSQL_stmt_case":
        this.expressions(statement["t_expr"], line, path);
        return this.branches(
          [
            ...list(statement["case_when_list"]).map(
              (when) => fields(fields(when)["PLpgSQL_case_when"])["stmts"],
            ),
            statement["else_stmts"],
          ],
          path,
        );
      case "PLpgSQL_stmt_assign":
        this.expressions(statement["expr"], line, path);
        this.variables.assign(statement);
        return stays;
      case "PLpgSQL_stmt_execsql":
        this.add("sql", fields(statement["sqlstmt"])["PLpgSQL_expr"], line, path);
        this.variables.forget(node);
        return stays;
      case "PLpgSQL_stmt_perform":
      case "PLpgSQL_stmt_call":
        this.add("sql", fields(statement["expr"])["PLpgSQL_expr"], line, path);
        this.variables.forget(node);
        return stays;
      case "PLpgSQL_stmt_dynexecute":
        this.add("dynamic", fields(statement["query"])["PLpgSQL_expr"], line, path);
        this.variables.forget(node);
        return stays;
      case "PLpgSQL_stmt_rollback":
        this.steps.push({
          kind: "rollback",
          text: "rollback",
          line,
          path,
          values: this.variables.values,
        });
        return stays;
      case "PLpgSQL_stmt_return":
        this.expressions(statement["expr"], line, path);
        return { always: true, body: true, loop: false };
      case "PLpgSQL_stmt_exit": {
        this.expressions(statement["cond"], line, path);
        const labelled = statement["label"] !== undefined;
        return { always: statement["cond"] === undefined, body: labelled, loop: !labelled };
      }
      default:
        return this.other(statement, line, path);
    }
  }

  /** Loops and everything else: what is dynamic, what is an expression, and the body. */
  private other(statement: Fields, line: number, path: BranchPath): Leaving {
    const { body, ...rest } = statement;
    if (rest["dynquery"] !== undefined) {
      this.add("dynamic", fields(rest["dynquery"])["PLpgSQL_expr"], line, path);
    } else if (rest["query"] !== undefined) {
      // `for … in execute` keeps its expression under the same name as `for … in select`.
      const query = fields(rest["query"])["PLpgSQL_expr"];
      const kind = fields(query)["parseMode"] === 0 ? "sql" : "dynamic";
      this.add(kind, query, line, path);
    }
    this.expressions({ ...rest, query: undefined, dynquery: undefined }, line, path);
    if (body === undefined) {
      this.variables.forget(rest);
      return stays;
    }
    const rows = rowsOfLoop(rest, this.variables, this.rowsOf);
    if (rows) return this.unrolled(rows, statement, path);
    // What an earlier turn has left in a variable is not known.
    this.variables.forget(statement);
    const leaving = this.sequence(list(body), [...path, this.newBranch()]);
    this.variables.forget(statement);
    return { always: false, body: leaving.body, loop: false };
  }

  /** A loop over rows that are known runs once for each of them. */
  private unrolled(rows: readonly Row[], loop: Fields, path: BranchPath): Leaving {
    const { body } = loop;
    let here = path;
    let leaves = false;
    for (const row of rows) {
      this.variables.turn(row, loop);
      const leaving = this.sequence(list(body), here);
      // What follows runs where no row before it has ended the loop.
      if (leaving.body || leaving.loop) {
        here = [...here, this.newBranch()];
        this.variables.forget(body);
      }
      leaves = leaves || leaving.body;
    }
    this.variables.end(rows);
    return { always: false, body: leaves, loop: false };
  }

  private block(block: Fields, path: BranchPath): Leaving {
    const exceptions = fields(fields(block["exceptions"])["PLpgSQL_exception_block"]);
    const handlers = list(exceptions["exc_list"]).map(
      (handler) => fields(fields(handler)["PLpgSQL_exception"])["action"],
    );
    if (handlers.length === 0) return this.sequence(list(block["body"]), path);
    this.variables.forget(block["body"]);
    // What an error undoes may not count outside the block.
    return { ...this.branches([block["body"], ...handlers], path), always: false };
  }

  /** Branches of which one is taken for sure: what all of them do is done. */
  private choice(bodies: readonly unknown[], path: BranchPath): Leaving {
    const start = this.steps.length;
    const leaving = this.branches(bodies, path);
    const found = this.steps.slice(start);
    const ways = [...new Set(found.map((step) => step.path[path.length]))].map((branch) =>
      found.filter((step) => step.path[path.length] === branch),
    );
    const isWhole = ways.length === bodies.length && !leaving.body && !leaving.loop;
    const common = isWhole ? commonSteps(ways, path) : undefined;
    if (common) this.steps.splice(start, found.length, ...common);
    return leaving;
  }

  private branches(bodies: readonly unknown[], path: BranchPath): Leaving {
    const before = this.variables.values;
    const ways = bodies.map((body) => {
      this.variables.values = before;
      return this.sequence(list(body), [...path, this.newBranch()]);
    });
    this.variables.values = before;
    this.variables.forget(bodies);
    return {
      always: ways.every(({ always }) => always),
      body: ways.some(({ body }) => body),
      loop: ways.some(({ loop }) => loop),
    };
  }

  /** After a statement that may leave, the rest of the list runs only sometimes. */
  private sequence(statements: readonly unknown[], path: BranchPath): Leaving {
    let here = path;
    let leaving = stays;
    for (const statement of statements) {
      const way = this.statement(statement, here);
      leaving = {
        always: way.always,
        body: leaving.body || way.body,
        loop: leaving.loop || way.loop,
      };
      if (way.always) return leaving;
      if (way.body || way.loop) here = [...here, this.newBranch()];
    }
    return leaving;
  }

  private add(kind: Step["kind"], expression: unknown, line: number, path: BranchPath): void {
    const text = fields(expression)["query"];
    if (typeof text === "string") {
      this.steps.push({ kind, text, line, path, values: this.variables.values });
    }
  }
}
