import type { ColumnRef, Node } from "libpg-query";
import type { Table } from "./schema";

/** Where a value is written: a syntax tree and the names that are visible there. */
export interface Side {
  node: Node;
  frame: Frame;
}

/** A row source of a query; the row that a policy judges is the one with number 0. */
export interface Source {
  id: number;
  alias: string;
  /** Undefined for what is no table: a view, a function, a sub-query. */
  table: Table | undefined;
  /** An outer join may leave it out: then all of its columns are null. */
  optional?: boolean;
  /** Columns of the table that may decide whether its row is found. */
  tested?: readonly string[];
  /** What the columns of a sub-query in FROM stand for. */
  derived?: ReadonlyMap<string, Side>;
}

/** The names that one query level or one function body sees. */
export interface Frame {
  sources: readonly Source[];
  /** A function's parameters, by name and by `$n`. */
  params: ReadonlyMap<string, Side>;
  outer: Frame | undefined;
  /** Reads with the rights of a function's owner, whom policies may not confine. */
  definer: boolean;
}

/** What a column reference stands for. */
export type Resolved =
  { kind: "column"; source: Source; column: string } | { kind: "value"; side: Side };

/** Finds what a column reference means, innermost query first, as PostgreSQL does. */
export function resolve({ fields = [] }: ColumnRef, frame: Frame): Resolved | undefined {
  const parts = fields.flatMap((field) => ("String" in field ? [field.String.sval ?? ""] : []));
  const column = parts.at(-1);
  if (column === undefined || parts.length !== fields.length) return undefined;
  const qualifier = parts.at(-2);
  return qualifier === undefined ? byColumn(column, frame) : byAlias(qualifier, column, frame);
}

/** The value of `$n`, or of a parameter by its name. */
export function parameter(name: string, frame: Frame): Side | undefined {
  for (let at: Frame | undefined = frame; at; at = at.outer) {
    const side = at.params.get(name);
    if (side) return side;
  }
  return undefined;
}

function byAlias(alias: string, column: string, frame: Frame): Resolved | undefined {
  for (let at: Frame | undefined = frame; at; at = at.outer) {
    const source = at.sources.find((candidate) => candidate.alias === alias);
    if (source) return columnOf(source, column);
  }
  // `function_name.parameter`.
  const side = parameter(column, frame);
  return side && { kind: "value", side };
}

function byColumn(column: string, frame: Frame): Resolved | undefined {
  let guess: Source | undefined;
  for (let at: Frame | undefined = frame; at; at = at.outer) {
    const source = at.sources.find(
      ({ table, derived }) =>
        derived?.has(column) || table?.columns?.some(({ name }) => name === column),
    );
    if (source && !(guess && isUsual(column))) return columnOf(source, column);
    guess ??= at.sources.find(({ table, derived }) => !derived && !table?.columns);
    const side = at.params.get(column);
    if (side && !guess) return { kind: "value", side };
  }
  if (guess) return { kind: "column", source: guess, column };
  const side = parameter(column, frame);
  return side && { kind: "value", side };
}

function columnOf(source: Source, column: string): Resolved {
  const side = source.derived?.get(column);
  return side ? { kind: "value", side } : { kind: "column", source, column };
}

/** Names that most tables have, also one whose columns are not known. */
function isUsual(column: string): boolean {
  return column === "id" || column === "user_id";
}
