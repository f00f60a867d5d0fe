import type { Node } from "libpg-query";
import { identifiers } from "./expressions";
import { quoteName } from "./names";
import { ownerProof } from "./owner-proof";
import { parseSync } from "./parser";
import { readPlPgSql } from "./plpgsql-steps";
import type { DatabaseFunction, Schema, Table, Trigger } from "./schema";

/**
 * Says for whom a trigger with its function owner's rights writes rows, where whoever fires it chooses.
 * @returns undefined where nothing is seen, or where no end user can fire it.
 */
export function triggerHole(
  schema: Schema,
  item: DatabaseFunction,
  { relation }: Trigger,
): string | undefined {
  const { ownership, users } = ownerProof(schema);
  const table = ownership.table(relation);
  const view = (schema.views ?? []).find((other) => quoteName(other) === quoteName(relation));
  const isWritten = (table ?? view)?.grants?.some(
    ({ grantee, privilege }) => users.has(grantee) && ["insert", "update"].includes(privilege),
  );
  if (!isWritten || item.language !== "plpgsql") return undefined;
  // Policies of a table tie its row's owner to whoever writes it; nothing ties the row of a view.
  const tied = table?.rowSecurity ? ownership.ownersOf(table) : [];
  for (const node of statementsOf(item)) {
    const written = writtenRelation(node);
    const target = written && ownership.named(written.relname ?? "", written.schemaname);
    if (!target) continue;
    const owners = ownership.ownersOf(target);
    // A row that is there already may be anybody's, whoever it is given to.
    const given = givenOwners(node, owners).flatMap(rowColumns);
    const inserted = insertedOwners(node, target, owners).flatMap(rowColumns);
    const column = given[0] ?? inserted.find((name) => !tied.includes(name));
    if (column !== undefined) {
      return `it writes rows of ${quoteName(target)} for the user in the written row's ${column}`;
    }
  }
  return undefined;
}

/** What a statement writes to the columns that say whose row it is, in rows that it inserts. */
function insertedOwners(node: Node, target: Table, owners: readonly string[]): Node[] {
  if (!("InsertStmt" in node)) return [];
  const { cols, selectStmt } = node.InsertStmt;
  const named = (cols ?? []).map((column) => ("ResTarget" in column ? column.ResTarget.name : ""));
  const columns = cols ? named : (target.columns ?? []).map(({ name }) => name);
  const select = selectStmt && "SelectStmt" in selectStmt ? selectStmt.SelectStmt : {};
  const rows = select.valuesLists?.map((row) => ("List" in row ? (row.List.items ?? []) : [])) ?? [
    valuesOf(select.targetList),
  ];
  return rows.flatMap((row) => row.filter((_, at) => owners.includes(columns[at] ?? "")));
}

/** What it writes to them in rows that are there. */
function givenOwners(node: Node, owners: readonly string[]): Node[] {
  const update = "UpdateStmt" in node ? node.UpdateStmt : undefined;
  const conflict = "InsertStmt" in node ? node.InsertStmt.onConflictClause : undefined;
  const { targetList = [] } = update ?? conflict ?? {};
  return valuesOf(
    targetList.filter((item) => "ResTarget" in item && owners.includes(item.ResTarget.name ?? "")),
  );
}

function valuesOf(targets: readonly Node[] = []): Node[] {
  return targets.flatMap((node) =>
    "ResTarget" in node && node.ResTarget.val ? [node.ResTarget.val] : [],
  );
}

/** The columns of the row that is written, or could not be inserted, of which a value is one. */
function rowColumns(value: Node): string[] {
  if ("TypeCast" in value && value.TypeCast.arg) return rowColumns(value.TypeCast.arg);
  if ("CoalesceExpr" in value) return (value.CoalesceExpr.args ?? []).flatMap(rowColumns);
  if (!("ColumnRef" in value)) return [];
  const [row, column] = identifiers(value.ColumnRef.fields ?? []);
  return (row === "new" || row === "excluded") && column !== undefined ? [column] : [];
}

function writtenRelation(node: Node) {
  if ("InsertStmt" in node) return node.InsertStmt.relation;
  return "UpdateStmt" in node ? node.UpdateStmt.relation : undefined;
}

/** The static statements of a trigger function that can be read. */
function statementsOf({ source }: DatabaseFunction): Node[] {
  const quote = "$trigger_function$";
  const statement = `create function t() returns trigger language plpgsql as ${quote}${source ?? ""}${quote}`;
  try {
    let branches = 0;
    const steps = readPlPgSql(statement, [], { newBranch: () => (branches += 1) });
    return steps
      .filter(({ kind }) => kind === "sql")
      .flatMap(({ text }) => (parseSync(text).stmts ?? []).flatMap(({ stmt }) => stmt ?? []));
  } catch {
    // What can not be read is remarked upon where the function is made.
    return [];
  }
}
