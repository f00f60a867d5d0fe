import type { ColumnRef, Node, RangeVar } from "libpg-query";
import type { Body } from "./body-statements";
import { identifiers } from "./expressions";
import { aliasOf } from "./from-clause";
import type { Table, Transition, Trigger } from "./schema";

/** Rows of a transition table by the names that they have where a value stands: `new` or `old`. */
type Visible = ReadonlyMap<string, Transition["row"]>;

/**
 * A body in which the tables that hold what a trigger's statement has written are read as queries of the
 * written row: what policies ask of each of its rows is known of all.
 */
export function withWrittenRows(body: Body, trigger: Trigger, table: Table): Body {
  const tables = new Map((trigger.transitions ?? []).map(({ name, row }) => [name, row]));
  const columns = (table.columns ?? []).map(({ name }) => name);
  // A name of WITH hides the table's.
  const isHidden = namesOfWith(body.statements).some((name) => tables.has(name));
  if (tables.size === 0 || columns.length === 0 || isHidden) return body;
  const reader = new TransitionReader(tables, columns);
  const put = <T>(value: T): T => reader.read(value, new Map()) as T;
  return {
    ...body,
    statements: body.statements.map(put),
    variables: new Map([...body.variables].map(([name, values]) => [name, values?.map(put)])),
    refusals: body.refusals.map(put),
  };
}

class TransitionReader {
  constructor(
    private readonly tables: ReadonlyMap<string, Transition["row"]>,
    private readonly columns: readonly string[],
  ) {}

  /** @param visible what the query around a value sees. @param nearest whose column it is without a name before it. */
  public read(value: unknown, visible: Visible, nearest?: Transition["row"]): unknown {
    if (Array.isArray(value)) {
      return value.flatMap(
        (item) => this.starred(item, visible, nearest) ?? [this.read(item, visible, nearest)],
      );
    }
    if (typeof value !== "object" || value === null) return value;
    if ("RangeVar" in value) return this.rowsOf(value.RangeVar as RangeVar) ?? value;
    if ("ColumnRef" in value)
      return this.columnOf(value.ColumnRef as ColumnRef, visible, nearest) ?? value;
    const [inside, own] = this.scopeOf(value, visible, nearest);
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]): [string, unknown] => [
        key,
        this.read(inner, inside, own),
      ]),
    );
  }

  /** What is visible inside a node: a query sees what its FROM names before what is around it. */
  private scopeOf(
    node: object,
    visible: Visible,
    nearest?: Transition["row"],
  ): [Visible, Transition["row"] | undefined] {
    const { fromClause, usingClause, relation } = node as Record<string, unknown>;
    // A join has a usingClause, too, which names columns.
    const from = fromClause ?? (relation === undefined ? undefined : usingClause);
    if (from === undefined && !("targetList" in node)) return [visible, nearest];
    const named = [...relationsIn(from), ...(relation ? [relation as RangeVar] : [])];
    const inside = new Map(visible);
    let own: Transition["row"] | undefined;
    for (const item of named) {
      const alias = aliasOf({ RangeVar: item });
      const row = item === relation ? undefined : this.rowOf(item);
      if (row) inside.set(alias, row);
      else inside.delete(alias);
      own ??= row;
    }
    // What a join merges may be the other table's.
    return [inside, mergesColumns(from) ? undefined : own];
  }

  private rowOf({ schemaname, relname = "", alias }: RangeVar): Transition["row"] | undefined {
    // Columns by other names are not followed.
    return schemaname !== undefined || alias?.colnames ? undefined : this.tables.get(relname);
  }

  private rowsOf(relation: RangeVar): Node | undefined {
    const row = this.rowOf(relation);
    if (!row) return undefined;
    const aliasname = aliasOf({ RangeVar: relation });
    const subquery = { SelectStmt: { targetList: this.targets(row) } };
    return { RangeSubselect: { subquery, alias: { aliasname } } };
  }

  private columnOf(
    { fields = [] }: ColumnRef,
    visible: Visible,
    nearest?: Transition["row"],
  ): Node | undefined {
    const [name = "", qualifier, further] = identifiers(fields).reverse();
    if (further !== undefined || !this.columns.includes(name)) return undefined;
    // Without a name before it, another table's column of this name would make it ambiguous.
    const row = qualifier === undefined ? nearest : visible.get(qualifier);
    return row && reference(row, name);
  }

  /** What `a.*` stands for among the values of a query. */
  private starred(
    item: unknown,
    visible: Visible,
    nearest?: Transition["row"],
  ): Node[] | undefined {
    const { ResTarget: target } = (item ?? {}) as { ResTarget?: { val?: Node } };
    const { val } = target ?? {};
    const fields = val && "ColumnRef" in val ? (val.ColumnRef.fields ?? []) : [];
    const last = fields.at(-1);
    if (!last || !("A_Star" in last)) return undefined;
    const [qualifier] = identifiers(fields);
    const row = qualifier === undefined ? nearest : visible.get(qualifier);
    return row && this.targets(row);
  }

  private targets(row: Transition["row"]): Node[] {
    return this.columns.map((name) => ({ ResTarget: { name, val: reference(row, name) } }));
  }
}

function reference(row: string, name: string): Node {
  return { ColumnRef: { fields: [row, name].map((sval) => ({ String: { sval } })) } };
}

/** The tables that FROM reads, but for those of its sub-queries. */
function relationsIn(value: unknown): RangeVar[] {
  if (Array.isArray(value)) return value.flatMap(relationsIn);
  if (typeof value !== "object" || value === null) return [];
  if ("RangeVar" in value) return [value.RangeVar as RangeVar];
  if (!("JoinExpr" in value)) return [];
  const { larg, rarg } = value.JoinExpr as { larg?: Node; rarg?: Node };
  return [larg, rarg].flatMap(relationsIn);
}

function mergesColumns(from: unknown): boolean {
  return /"(usingClause|isNatural)":/.test(JSON.stringify(from ?? []));
}

function namesOfWith(statements: readonly Node[]): string[] {
  const found = JSON.stringify(statements).matchAll(/"ctename":("(?:[^"\\]|\\.)*")/g);
  return [...found].map(([, name = ""]) => String(JSON.parse(name)));
}
