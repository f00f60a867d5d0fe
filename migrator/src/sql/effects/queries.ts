import type { Node, RangeVar } from "libpg-query";
import { type Call, functionCalls } from "@app-data/rules";
import { type Effect, type Lock, type Loss, effect, hidden, together } from "./effect";
import { relationName, sqlName } from "../names";

/**
 * What a query locks, reads and changes, with everything below it: tables that are read ACCESS SHARE,
 * those whose rows it locks ROW SHARE, those that it writes ROW EXCLUSIVE. Row triggers of the tables
 * that it writes, and views' own tables, are not in its text.
 */
export function queryEffect(tree: unknown): Effect {
  const walk = new Walk(commonTables(tree));
  walk.visit(tree);
  const { locks, losses } = walk;
  return together([
    effect({ locks, losses, hazards: losses.length > 0 ? ["deletes data"] : [] }),
    callsEffect(tree),
  ]);
}

/** What the functions do that an expression calls: nobody knows, unless they are PostgreSQL's own. */
export function callsEffect(tree: unknown): Effect {
  const foreign = functionCalls(tree).filter(isUnknown).map(callName);
  return hidden(...foreign.map((name) => `what ${name}() does cannot be told from the text`));
}

/**
 * Whether a function is not one of PostgreSQL's own. An unqualified name can mean no other function,
 * because the migrator runs everything with an empty `search_path`.
 */
export function isUnknown({ schema }: Call): boolean {
  return schema !== undefined && schema !== "pg_catalog";
}

/** A function as SQL names it, without its arguments. */
export function callName({ schema, name }: Call): string {
  return sqlName(schema === undefined ? [name] : [schema, name]);
}

class Walk {
  public readonly locks: Lock[] = [];
  public readonly losses: Loss[] = [];

  constructor(private readonly commonTables: ReadonlySet<string>) {}

  public visit(node: unknown): void {
    if (Array.isArray(node)) return node.forEach((item) => this.visit(item));
    if (typeof node !== "object" || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (!this.visitStatement(key, value)) this.visit(value);
    }
  }

  /** @returns whether everything below was visited. */
  private visitStatement(kind: string, body: unknown): boolean {
    if (kind === "RangeVar" && isRangeVar(body)) {
      this.add(body, "ACCESS SHARE");
      return true;
    }
    if (!isFields(body)) return false;
    const { relation } = body;
    if (/^(Insert|Update|Delete|Merge)Stmt$/.test(kind) && isRangeVar(relation)) {
      this.add(relation, "ROW EXCLUSIVE");
      const deletes = kind === "DeleteStmt" || (kind === "MergeStmt" && mayDelete(body));
      if (deletes) this.losses.push({ relation: relationName(relation), column: null });
      if (kind === "UpdateStmt") this.losses.push(...nulledColumns(relation, body["targetList"]));
      this.visit({ ...body, relation: undefined });
      return true;
    }
    // `select … for update` and its like.
    if (Array.isArray(body["lockingClause"])) this.lockRows(body["fromClause"]);
    return false;
  }

  private lockRows(from: unknown): void {
    const rows = new Walk(this.commonTables);
    rows.visit(from);
    for (const { relation } of rows.locks) this.locks.push({ relation, mode: "ROW SHARE" });
  }

  private add(relation: RangeVar, mode: Lock["mode"]): void {
    const { schemaname, relname = "" } = relation;
    if (schemaname === undefined && this.commonTables.has(relname)) return;
    // The catalog is read by everything.
    if (schemaname === "pg_catalog" || schemaname === "information_schema") return;
    this.locks.push({ relation: relationName(relation), mode });
  }
}

/** Names that `with` gives to queries. */
function commonTables(node: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) return part.forEach(visit);
    if (!isFields(part)) return;
    if (typeof part["ctename"] === "string") names.add(part["ctename"]);
    Object.values(part).forEach(visit);
  };
  visit(node);
  return names;
}

/** The columns that `set column = null` empties. */
function nulledColumns(relation: RangeVar, targets: unknown): Loss[] {
  return (Array.isArray(targets) ? targets : []).flatMap((target: unknown) => {
    const { name, val } = Object(Object(target).ResTarget) as { name?: unknown; val?: unknown };
    const isNull = Object(Object(val).A_Const).isnull === true;
    return isNull && typeof name === "string"
      ? [{ relation: relationName(relation), column: name }]
      : [];
  });
}

function mayDelete(merge: Readonly<Record<string, unknown>>): boolean {
  return JSON.stringify(merge["mergeWhenClauses"] ?? []).includes('"CMD_DELETE"');
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isRangeVar(value: unknown): value is RangeVar {
  return isFields(value) && typeof value["relname"] === "string";
}

/** The tables that an expression reads when it is checked, such as a policy's. */
export function readTables(...expressions: (Node | undefined)[]): Lock[] {
  return queryEffect(expressions).locks;
}
