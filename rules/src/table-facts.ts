import type { ColumnDef, Constraint, CreateStmt, IndexStmt, Node, RangeVar } from "libpg-query";
import { copiedColumn } from "./generated-copies";
import { largeObjectCalled } from "./large-object-names";
import { columnNames, typeName } from "./nodes";
import type { Column, ForeignKey, ForeignKeyAction, Table } from "./schema";
import type { TableName } from "./names";

/** What a statement says of a table's columns and keys. */
export type TableFacts = Required<Pick<Table, "keys" | "foreignKeys" | "indexes">> & {
  columns: Column[] | undefined;
};

/** By the letter of the parse tree (`FKCONSTR_ACTION_…` in `nodes/parsenodes.h`). */
const actions: ReadonlyMap<string, ForeignKeyAction> = new Map([
  ["c", "cascade"],
  ["n", "set null"],
  ["d", "set default"],
]);

/** Finds the table that a name means. */
export type FindTable = (relation: RangeVar) => TableName;

/** Facts of a table of which nothing is known. */
export const noFacts: TableFacts = { columns: undefined, keys: [], foreignKeys: [], indexes: [] };

/**
 * Reads what `create table` says.
 * @param known gives the table of a name, for LIKE, INHERITS and PARTITION OF.
 */
export function factsOfTable(
  { tableElts = [], inhRelations = [] }: CreateStmt,
  find: FindTable,
  known: (name: TableName) => Table | undefined,
): TableFacts & { parents: TableName[] } {
  let facts: TableFacts = { ...noFacts, columns: [] };
  const parents = inhRelations.flatMap((node) => ("RangeVar" in node ? [find(node.RangeVar)] : []));
  for (const parent of parents) facts = takeColumns(facts, known(parent)?.columns);
  for (const element of tableElts) {
    if ("ColumnDef" in element) facts = addColumn(facts, element.ColumnDef, find);
    else if ("Constraint" in element) facts = addConstraint(facts, element.Constraint, find);
    else if ("TableLikeClause" in element && element.TableLikeClause.relation) {
      facts = takeColumns(facts, known(find(element.TableLikeClause.relation))?.columns);
    }
  }
  return { ...facts, parents };
}

/** Adds a column with the constraints that are written beside it. */
export function addColumn(facts: TableFacts, definition: ColumnDef, find: FindTable): TableFacts {
  const { colname: name = "", constraints = [] } = definition;
  const column = { name, type: typeName(definition.typeName), notNull: false };
  let result = withColumns(facts, (columns) => [
    ...columns.filter((other) => other.name !== name),
    column,
  ]);
  for (const node of constraints) {
    if ("Constraint" in node) result = addConstraint(result, node.Constraint, find, name);
  }
  return result;
}

/** @param beside the column that the constraint is written beside. */
export function addConstraint(
  facts: TableFacts,
  {
    contype,
    conname,
    keys,
    fk_attrs,
    pk_attrs,
    pktable,
    raw_expr,
    fk_del_action = "",
    fk_upd_action = "",
  }: Constraint,
  find: FindTable,
  beside?: string,
): TableFacts {
  const own = beside === undefined ? [] : [beside];
  switch (contype) {
    case "CONSTR_NOTNULL":
      return setNotNull(facts, keys ? columnNames(keys) : own, true);
    case "CONSTR_DEFAULT":
      return setDefault(facts, own, raw_expr);
    case "CONSTR_GENERATED":
      return setGenerated(setDefault(facts, own, raw_expr), own, raw_expr);
    case "CONSTR_PRIMARY":
    case "CONSTR_UNIQUE": {
      const columns = keys ? columnNames(keys) : own;
      if (columns.length === 0) return facts;
      const keyed = addKey(facts, columns, contype === "CONSTR_PRIMARY");
      return contype === "CONSTR_PRIMARY" ? setNotNull(keyed, columns, true) : keyed;
    }
    case "CONSTR_FOREIGN": {
      if (!pktable) return facts;
      const [onDelete, onUpdate] = [actions.get(fk_del_action), actions.get(fk_upd_action)];
      const foreignKey: ForeignKey = {
        ...(conname !== undefined && { name: conname }),
        columns: fk_attrs ? columnNames(fk_attrs) : own,
        table: find(pktable),
        references: columnNames(pk_attrs),
        ...(onDelete && { onDelete }),
        ...(onUpdate && { onUpdate }),
      };
      return { ...facts, foreignKeys: [...facts.foreignKeys, foreignKey] };
    }
    default:
      return facts;
  }
}

/** Adds what an index is on, up to the first expression; a partial one is no key. */
export function addIndex(
  facts: TableFacts,
  { indexParams = [], unique, whereClause }: IndexStmt,
): TableFacts {
  const names = indexParams.map((node) => ("IndexElem" in node ? (node.IndexElem.name ?? "") : ""));
  const expression = names.indexOf("");
  const leading = expression < 0 ? names : names.slice(0, expression);
  const indexed = { ...facts, indexes: [...facts.indexes, leading] };
  return unique && !whereClause && expression < 0
    ? { ...indexed, keys: [...facts.keys, names] }
    : indexed;
}

export function setNotNull(
  facts: TableFacts,
  names: readonly string[],
  notNull: boolean,
): TableFacts {
  return withColumns(facts, (columns) =>
    columns.map((column) => (names.includes(column.name) ? { ...column, notNull } : column)),
  );
}

/** @param expression undefined takes the default away. */
export function setDefault(
  facts: TableFacts,
  names: readonly string[],
  expression: Node | undefined,
): TableFacts {
  const largeObject = largeObjectCalled(expression);
  return withColumns(facts, (columns) =>
    columns.map(({ largeObject: before, ...column }) => {
      const kept = names.includes(column.name) ? largeObject : before;
      return kept === undefined ? column : { ...column, largeObject: kept };
    }),
  );
}

/** @param expression undefined where it is no longer generated, or where that is not known. */
export function setGenerated(
  facts: TableFacts,
  names: readonly string[],
  expression: Node | undefined,
): TableFacts {
  return withColumns(facts, (columns) =>
    columns.map((column) => {
      if (!names.includes(column.name)) return column;
      const copyOf = copiedColumn(expression, column.type);
      return { ...withoutCopy(column), ...(copyOf !== undefined && { copyOf }) };
    }),
  );
}

export function dropColumn(facts: TableFacts, name: string): TableFacts {
  const keeps = (columns: readonly string[]) => !columns.includes(name);
  return {
    columns: facts.columns?.filter((column) => column.name !== name),
    keys: facts.keys.filter(keeps),
    indexes: facts.indexes.filter(keeps),
    foreignKeys: facts.foreignKeys.filter(({ columns }) => keeps(columns)),
  };
}

/** Takes the foreign key of a name away; of other constraints nothing is known by name. */
export function dropForeignKey(facts: TableFacts, name: string): TableFacts {
  return { ...facts, foreignKeys: facts.foreignKeys.filter((key) => !isNamed(key, name)) };
}

export function renameForeignKey(facts: TableFacts, from: string, to: string): TableFacts {
  return {
    ...facts,
    foreignKeys: facts.foreignKeys.map((key) => (isNamed(key, from) ? { ...key, name: to } : key)),
  };
}

/** PostgreSQL's own name begins with the table's, which may have been another then, and may end in a number. */
function isNamed({ name, columns }: ForeignKey, asked: string): boolean {
  if (name !== undefined) return name === asked;
  return asked.replace(/\d+$/, "").endsWith(`_${columns.join("_")}_fkey`);
}

export function renameColumn(facts: TableFacts, from: string, to: string): TableFacts {
  const renamed = (name: string) => (name === from ? to : name);
  return {
    columns: facts.columns?.map(({ name, copyOf, ...column }) => ({
      name: renamed(name),
      ...column,
      ...(copyOf !== undefined && { copyOf: renamed(copyOf) }),
    })),
    keys: facts.keys.map((columns) => columns.map(renamed)),
    indexes: facts.indexes.map((columns) => columns.map(renamed)),
    foreignKeys: facts.foreignKeys.map((key) => ({ ...key, columns: key.columns.map(renamed) })),
  };
}

/** The columns that a query makes; undefined where they can not be read off it. */
export function columnsOfQuery(
  query: Node | undefined,
  columnsOf: (relation: RangeVar) => readonly Column[] | undefined,
): Column[] | undefined {
  if (!query || !("SelectStmt" in query)) return undefined;
  const { targetList = [], fromClause = [], larg } = query.SelectStmt;
  if (larg) return columnsOfQuery({ SelectStmt: larg }, columnsOf);
  const result: Column[] = [];
  for (const node of targetList) {
    const { name, val } = "ResTarget" in node ? node.ResTarget : {};
    const last = val && "ColumnRef" in val ? val.ColumnRef.fields?.at(-1) : undefined;
    const written = name ?? (last && "String" in last ? last.String.sval : undefined);
    if (written !== undefined) result.push({ name: written, type: "", notNull: false });
    else if (last && "A_Star" in last) {
      const only = fromClause[0];
      const columns =
        fromClause.length === 1 && only && "RangeVar" in only
          ? columnsOf(only.RangeVar)
          : undefined;
      if (!columns) return undefined;
      result.push(...columns.map((column) => ({ ...column, notNull: false })));
    } else return undefined;
  }
  return result;
}

function addKey(facts: TableFacts, columns: string[], primary: boolean): TableFacts {
  const keys = primary ? [columns, ...facts.keys] : [...facts.keys, columns];
  return { ...facts, keys, indexes: [...facts.indexes, columns] };
}

function takeColumns(facts: TableFacts, taken: readonly Column[] | undefined): TableFacts {
  if (!taken || !facts.columns) return { ...facts, columns: undefined };
  // What a column is generated from may be another thing in another table.
  return { ...facts, columns: [...facts.columns, ...taken.map(withoutCopy)] };
}

function withoutCopy(column: Column): Column {
  const written = { ...column };
  delete written.copyOf;
  return written;
}

function withColumns(facts: TableFacts, change: (columns: Column[]) => Column[]): TableFacts {
  return { ...facts, columns: facts.columns && change(facts.columns) };
}
