import type { Node, SelectStmt } from "libpg-query";
import { identifiers } from "./expressions";
import type { Source } from "./names-in-scope";

/** A column that a query names, and what it names it by; without a name it is the whole row. */
interface Mention {
  qualifier: string | undefined;
  name: string;
}

/** What a query says of names, those of its sub-queries included. */
interface Mentions {
  columns: readonly Mention[];
  /** What its sub-queries in FROM are called, whose columns are those of what they read. */
  derived: ReadonlySet<string>;
}

const known = new WeakMap<SelectStmt, Mentions>();

/**
 * The columns of a table's row that may decide whether queries find it: all that they name, wherever that
 * is. @param queries the query that reads the table and those around it
 */
export function testedColumns(
  queries: readonly SelectStmt[],
  { alias, table }: Pick<Source, "alias" | "table">,
): string[] {
  const all = queries.map(mentionsOf);
  const isItself = (qualifier: string | undefined) =>
    qualifier === undefined ||
    qualifier === alias ||
    all.some(({ derived }) => derived.has(qualifier));
  const named = all
    .flatMap(({ columns }) => columns)
    .filter(({ qualifier }) => isItself(qualifier))
    .map(({ name }) => name);
  if (!table?.columns) return [...new Set(named)];
  const columns = table.columns.map(({ name }) => name);
  // The row as a whole is named by its alias.
  if (named.includes(alias)) return columns;
  return columns.filter((name) => named.includes(name));
}

function mentionsOf(query: SelectStmt): Mentions {
  const before = known.get(query);
  if (before) return before;
  const columns: Mention[] = [];
  const derived = new Set<string>();
  collect(query, columns, derived);
  const mentions = { columns, derived };
  known.set(query, mentions);
  return mentions;
}

function collect(tree: unknown, columns: Mention[], derived: Set<string>): void {
  if (Array.isArray(tree)) {
    for (const item of tree) collect(item, columns, derived);
    return;
  }
  if (typeof tree !== "object" || tree === null) return;
  const node = tree as Partial<Extract<Node, { ColumnRef: unknown }>> &
    Partial<Extract<Node, { JoinExpr: unknown }>> &
    Partial<Extract<Node, { RangeSubselect: unknown }>>;
  if (node.ColumnRef) {
    const fields = node.ColumnRef.fields ?? [];
    const names = identifiers(fields);
    const name = names.at(-1);
    if (name !== undefined) {
      const isStar = names.length < fields.length;
      columns.push({ qualifier: isStar ? undefined : names.at(-2), name });
    }
    return;
  }
  for (const name of identifiers(node.JoinExpr?.usingClause ?? [])) {
    columns.push({ qualifier: undefined, name });
  }
  const { aliasname } = node.RangeSubselect?.alias ?? node.JoinExpr?.alias ?? {};
  if (aliasname !== undefined) derived.add(aliasname);
  for (const value of Object.values(tree)) collect(value, columns, derived);
}
