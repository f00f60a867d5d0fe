import type { Node, RangeVar, ReturningClause, SelectStmt } from "libpg-query";
import type { Body } from "./body-statements";
import { columnName } from "./expressions";
import { selectOf } from "./identity-expressions";
import type { Known, OwnRows } from "./own-rows";

type SubLink = Extract<Node, { SubLink: unknown }>;

/** Tells of values in the body of a trigger's function whether they come of rows that have another owner. */
export class ShownRows {
  private readonly known: Known;

  constructor(
    private readonly ownRows: OwnRows,
    private readonly body: Body,
    known: Known,
  ) {
    this.known = { ...known, isOpen: () => true };
  }

  /** Whether a value that the body puts into a column of the written row may come of rows of others. */
  public areIn(column: string): boolean {
    return this.isShownBy(`new.${column}`, new Set());
  }

  /** @param followed variables that are being looked at already: what is made of itself adds nothing. */
  private isShownBy(name: string, followed: Set<string>): boolean {
    if (followed.has(name)) return false;
    followed.add(name);
    const record = name.split(".")[0] ?? "";
    const { variables, parameters } = this.body;
    const whole = variables.get(`${record}.*`) ? `${record}.*` : record;
    return [name, whole].some((one) => {
      if (!variables.has(one) || parameters.includes(one)) return false;
      const values = variables.get(one);
      // What a cursor, a loop or RETURNING puts there is not followed.
      return values
        ? values.some((value) => this.isShown(value, followed))
        : this.body.statements.some((statement) => this.findsOthers(statement));
    });
  }

  /** Whether a statement may put something of rows of others into a variable. */
  private findsOthers(statement: Node): boolean {
    const select = foundBy(statement);
    return select !== undefined && readsTables(select) && !this.ownRows.areRead(select, this.known);
  }

  private isShown(value: unknown, followed: Set<string>): boolean {
    if (Array.isArray(value)) return value.some((item) => this.isShown(item, followed));
    if (typeof value !== "object" || value === null) return false;
    if ("ColumnRef" in value) return this.isShownBy(columnName(value as Node), followed);
    if ("FuncCall" in value && this.ownRows.callsUnread(value)) return true;
    if ("SubLink" in value) {
      const select = selectOf((value as SubLink).SubLink.subselect);
      // What the query makes of variables, beside the rows that it reads, is in them already.
      if (select && readsTables(select)) {
        return (
          !this.ownRows.areRead(select, this.known) ||
          columnsIn(select).some((name) => this.isShownBy(name, followed))
        );
      }
    }
    return this.isShown(Object.values(value), followed);
  }
}

/** What a statement finds, as a query; undefined for one that returns nothing. */
function foundBy(statement: Node): SelectStmt | undefined {
  if ("SelectStmt" in statement) return statement.SelectStmt;
  if ("UpdateStmt" in statement) {
    const { relation, fromClause = [], whereClause, returningClause } = statement.UpdateStmt;
    return returned(relation, fromClause, returningClause, whereClause);
  }
  if ("DeleteStmt" in statement) {
    const { relation, usingClause = [], whereClause, returningClause } = statement.DeleteStmt;
    return returned(relation, usingClause, returningClause, whereClause);
  }
  if (!("InsertStmt" in statement)) return undefined;
  const { relation, selectStmt, onConflictClause, returningClause } = statement.InsertStmt;
  // A row that is changed in place is not the one that was given.
  if (onConflictClause) return returned(relation, [], returningClause);
  return returningClause && selectStmt && selectOf(selectStmt);
}

function returned(
  relation: RangeVar | undefined,
  others: readonly Node[],
  clause: ReturningClause | undefined,
  whereClause?: Node,
): SelectStmt | undefined {
  const targetList = clause?.exprs;
  if (!relation || !targetList) return undefined;
  const fromClause = [{ RangeVar: relation }, ...others];
  return { targetList, fromClause, ...(whereClause && { whereClause }) };
}

function readsTables(query: unknown): boolean {
  return JSON.stringify(query).includes('"RangeVar":');
}

function columnsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(columnsIn);
  if (typeof value !== "object" || value === null) return [];
  return "ColumnRef" in value
    ? [columnName(value as Node)]
    : Object.values(value).flatMap(columnsIn);
}
