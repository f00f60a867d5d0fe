import { type KnownValues, constantValue, parseExpression } from "./expressions";
import { type Fields, fields, list, sqlOf } from "./plpgsql-tree";

interface Variable {
  name: string;
  initial: string | undefined;
  type: string;
  line: number;
  /** Whether no other has its name. */
  isOnly: boolean;
  /** Whether it keeps what it is declared with, too. */
  isFixed: boolean;
}

/** What the variables of a PL/pgSQL body hold, as far as that is known, while it is read from top to bottom. */
export class PlPgSqlVariables {
  /** The texts of what is declared and never assigned, by name. */
  public readonly constants: ReadonlyMap<string, string>;

  private readonly variables: readonly Variable[];
  private known: KnownValues;
  /** Of what is known, that which no statement changes where it is visible. */
  private readonly settled = new Map<string, string>();

  /**
   * @param code the function that PL/pgSQL's parser makes of a body.
   * @param parameters what it is called with.
   */
  constructor(code: Fields, parameters: KnownValues) {
    const datums = list(code["datums"]).map((datum) => fields(Object.values(fields(datum))[0]));
    const names = datums.map((datum) => nameOf(datum, datums));
    const changed = changedIn(code["action"]);
    const isOnly = (name: string) => names.indexOf(name) === names.lastIndexOf(name);
    this.variables = datums.map((datum, at) => {
      const name = names[at] ?? "";
      return {
        name,
        initial: sqlOf(datum["default_val"]),
        type: String(fields(fields(datum["datatype"])["PLpgSQL_type"])["typname"]),
        line: typeof datum["lineno"] === "number" ? datum["lineno"] : 0,
        isOnly: isOnly(name),
        isFixed: isOnly(name) && !changed.numbers.has(at) && !changed.names.has(name),
      };
    });
    this.known = new Map([...parameters].filter(([name]) => isOnly(name)));
    this.constants = new Map(
      this.variables.flatMap(({ name, initial, isFixed }): [string, string][] =>
        isFixed && initial !== undefined ? [[name, initial]] : [],
      ),
    );
    for (const { name, isFixed } of this.variables) {
      const value = this.known.get(name);
      if (isFixed && value !== undefined) this.settled.set(name, value);
    }
    for (const variable of this.variables) this.begin(variable);
  }

  /** The values that are known here, by name: "t", "r.tablename". */
  public get values(): KnownValues {
    return this.known;
  }

  public set values(known: KnownValues) {
    this.known = known;
  }

  public nameOf(number: unknown): string {
    return this.variables[typeof number === "number" ? number : 0]?.name ?? "";
  }

  /** Takes the values of one turn of a loop: what is declared in its body begins anew. */
  public turn(row: KnownValues, { body, lineno }: Fields): void {
    const { names, numbers } = changedIn(body);
    const changed = new Set([...names, ...[...numbers].map((number) => this.nameOf(number))]);
    this.known = new Map([...this.known, ...row]);
    for (const [name, value] of row) if (!changed.has(name)) this.settled.set(name, value);
    for (const variable of this.variables) {
      if (variable.line < Number(lineno) || row.has(variable.name)) continue;
      // On the line of the loop it may stand before it.
      if (variable.isFixed || variable.line > Number(lineno)) this.begin(variable);
      else this.drop([variable.name]);
    }
  }

  /** Forgets what the turns of a loop went through. */
  public end(rows: readonly KnownValues[]): void {
    const names = rows.flatMap((row) => [...row.keys()]);
    for (const name of names) this.settled.delete(name);
    this.drop(names);
  }

  public assign({ varno, expr }: Fields): void {
    const name = this.nameOf(varno);
    const isOnly = this.variables.find((variable) => variable.name === name)?.isOnly;
    const [, value] = /^[\w.\s]*?:?=(?![>=])(.*)$/s.exec(sqlOf(expr) ?? "") ?? [];
    if (value === undefined || !isOnly) this.drop([name]);
    else this.learn(name, value, this.known);
  }

  /** Forgets what a statement may change. */
  public forget(node: unknown): void {
    const { numbers, names } = changedIn(node);
    this.drop([...names, ...[...numbers].map((number) => this.nameOf(number))]);
  }

  public drop(names: readonly string[]): void {
    const isDropped = (name: string) =>
      names.some((dropped) => name === dropped || name.startsWith(`${dropped}.`));
    this.known = new Map([...this.known].filter(([name]) => !isDropped(name)));
  }

  /** Takes what a variable is declared with; what else it names may have changed until then. */
  private begin({ name, initial, isOnly, isFixed }: Variable): void {
    if (initial === undefined || !isOnly) {
      if (!this.settled.has(name)) this.drop([name]);
      return;
    }
    this.learn(name, initial, this.settled);
    const value = this.known.get(name);
    if (isFixed && value !== undefined) this.settled.set(name, value);
  }

  private learn(name: string, expression: string, from: KnownValues): void {
    const value = constantValue(parseExpression(expression), from);
    const type = this.variables.find((variable) => variable.name === name)?.type ?? "";
    if (value === undefined || changesText(type, value)) this.drop([name]);
    else this.known = new Map([...this.known, [name, value]]);
  }
}

/** Whether a value of a type may be printed as another text than it was given as. */
function changesText(type: string, value: string): boolean {
  if (/^(small|big)?int/.test(type)) return !/^(0|-?[1-9]\d*)$/.test(value);
  if (type === "date") return !/^\d{4}-\d\d-\d\d$/.test(value);
  return /^(numeric|decimal|real|double|float|char|bpchar|bool|time|interval|jsonb)/.test(type);
}

function nameOf({ refname, fieldname, recparentno }: Fields, datums: readonly Fields[]): string {
  if (typeof fieldname !== "string") return typeof refname === "string" ? refname : "";
  return `${nameOf(datums[Number(recparentno ?? 0)] ?? {}, datums)}.${fieldname}`;
}

/** The variables that may be assigned below a node: by number, and what is only named there. */
function changedIn(node: unknown) {
  const numbers = new Set<number>();
  const names = new Set<string>();
  const visit = (kind: string, content: unknown): void => {
    if (Array.isArray(content)) return content.forEach((item) => visit(kind, item));
    const statement = fields(content);
    const { varno, target, refname } = statement;
    if (/^PLpgSQL_stmt_(assign|foreach_a)$/.test(kind) || typeof varno === "number") {
      numbers.add(typeof varno === "number" ? varno : 0);
    }
    if (kind === "PLpgSQL_diag_item") numbers.add(typeof target === "number" ? target : 0);
    if (kind === "fields") numbers.add(typeof varno === "number" ? varno : 0);
    if (typeof refname === "string") names.add(refname);
    // A procedure may give its arguments another value.
    if (kind === "PLpgSQL_stmt_call") {
      for (const word of sqlOf(statement["expr"])?.match(/\w+/g) ?? []) names.add(word);
    }
    for (const [key, value] of Object.entries(statement)) {
      if (typeof value === "object") visit(key, value);
    }
  };
  visit("", node);
  return { numbers, names };
}
