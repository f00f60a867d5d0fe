import type { Statement } from "@app-data/rules";
import type { Node, RangeVar, SelectStmt } from "libpg-query";
import { CODES, MigratorError } from "../../errors";
import type { SqlFile } from "../../files/trio";
import { type BatchMark, type MarkedTree, columnName, markTree } from "./marks";
import { nodesIn } from "./syntax-tree";

/** What of a directive bears on whether batches are equal to the whole. */
interface WalkedKey {
  table: { schema: string; name: string };
  key: string[];
}

const MISPLACED =
  "a mark is not a condition of its own in a WHERE clause. Write WHERE true before it where there is " +
  "none, put what stands before it into parentheses where that contains OR, and no mark into ON, " +
  "HAVING or an arm of UNION";

// Functions that make one row of many, of those that come with PostgreSQL.
const AGGREGATES =
  /^(count|sum|min|max|avg|bool_and|bool_or|every|any_value|array_agg|string_agg|xmlagg|jsonb?_(object_)?agg\w*|range_agg|bit_(and|or|xor)|stddev\w*|var(iance|_\w+)|regr_\w+|corr|covar_\w+|mode|percentile_\w+)$/;

/**
 * Refuses a statement that can be seen to give another result in batches than at once. What is asked
 * for: each statement that writes is limited by a mark of its own, so that the ranges of the key share
 * the written rows out among the batches; and no limited query makes one row of several keys.
 * @throws MigratorError MIG061 that says what to write.
 */
export function refuseUnequal(
  statement: Statement,
  marks: readonly BatchMark[],
  { table, key }: WalkedKey,
  file: SqlFile,
): void {
  const refuse = (found: string): never => {
    const place = `${file.file}:${statement.line}:${statement.column}`;
    throw new MigratorError(
      CODES.notBatchable,
      `${place}: the statement cannot be run in batches: ${found}. In batches it would not do what it ` +
        "does at once. Correct it, or remove the directive and the marks.",
    );
  };
  const example = `/* batch: ${key.length > 1 ? `(${key.join(", ")})` : (key[0] ?? "")} */`;
  if (marks.length === 0) {
    refuse(`it has no mark. Write ${example}, with the alias, at the end of its WHERE clause`);
  }
  const mark = marks.find(({ columns }) => columns.length !== key.length);
  if (mark) refuse(`a mark names ${mark.columns.length} columns, and the key has ${key.length}`);
  const marked = markTree(statement, marks);
  if (!marked) refuse(MISPLACED);
  else judge(marked, { table, key }, marks.length, refuse);
}

function judge(
  marked: MarkedTree,
  walked: WalkedKey,
  count: number,
  refuse: (found: string) => never,
): void {
  const { tree } = marked;
  const selects = nodesIn(tree, "SelectStmt").map(({ SelectStmt }) => SelectStmt);
  const updates = nodesIn(tree, "UpdateStmt").map(({ UpdateStmt }) => UpdateStmt);
  const deletes = nodesIn(tree, "DeleteStmt").map(({ DeleteStmt }) => DeleteStmt);
  const inserts = nodesIn(tree, "InsertStmt").map(({ InsertStmt }) => InsertStmt);

  const placed = [...selects, ...updates, ...deletes].flatMap((each) =>
    marked.marksIn(each.whereClause),
  );
  if (placed.length < count) refuse(MISPLACED);
  if (nodesIn(tree, "MergeStmt").length > 0) {
    refuse(
      "MERGE takes rows out of the range for rows that do not match. Write INSERT … ON CONFLICT",
    );
  }
  const sources = inserts.map(({ selectStmt }) =>
    selectStmt && "SelectStmt" in selectStmt ? selectStmt.SelectStmt : undefined,
  );
  const main = "SelectStmt" in tree ? [tree.SelectStmt] : [];
  const writes = [...updates, ...deletes, ...sources, ...main];
  if (writes.length === 0) refuse("it is not an INSERT, UPDATE, DELETE or SELECT");
  if (writes.some((each) => marked.marksIn(each?.whereClause).length === 0)) {
    refuse("an INSERT, UPDATE or DELETE of it, or it itself, has no mark in its own WHERE clause");
  }

  const isWalked = (relation: { schemaname?: string; relname?: string } | undefined) =>
    relation?.relname === walked.table.name &&
    (relation.schemaname ?? walked.table.schema) === walked.table.schema;
  if (inserts.some(({ relation }) => isWalked(relation))) {
    refuse("it inserts into the table whose keys are walked, and would meet its own rows");
  }
  const moves = updates.some((update) => {
    const set = (update.targetList ?? []).flatMap((target) =>
      "ResTarget" in target ? [target.ResTarget.name ?? ""] : [],
    );
    const key = isWalked(update.relation) ? walked.key : [];
    const marks = marked.marksIn(update.whereClause);
    return [...key, ...ownColumns(update.relation, marks)].some((name) => set.includes(name));
  });
  if (moves)
    refuse("it changes the key that is walked, or a marked column, and would meet a row twice");
  for (const select of selects) {
    const reason = mixesKeys(select, marked);
    if (reason !== undefined) refuse(reason);
  }
}

/** The marked columns that are, or without an alias may be, those of the table that is written. */
function ownColumns(target: RangeVar | undefined, marks: readonly BatchMark[]): string[] {
  const alias = target?.alias?.aliasname ?? target?.relname;
  return marks.flatMap(({ columns }) =>
    columns.flatMap((parts) => {
      const qualifier = parts.at(-2);
      return qualifier === undefined || qualifier === alias ? parts.slice(-1) : [];
    }),
  );
}

/** Why rows of several keys could become one in a limited query; undefined when they cannot. */
function mixesKeys(select: SelectStmt, { marksIn }: MarkedTree): string | undefined {
  const marks = marksIn(select.whereClause);
  if (marks.length === 0) return undefined;
  // By the column's own name: the alias may be left out in one of the two places.
  const holdsKey = (expressions: Node[] = []) => {
    const names = expressions.map((each) => columnName(each)?.at(-1));
    return marks.some(({ columns }) => columns.every((column) => names.includes(column.at(-1))));
  };
  if (select.limitCount ?? select.limitOffset) return "a limited query has LIMIT or OFFSET";

  const output = (select.targetList ?? []).flatMap((target) =>
    "ResTarget" in target && target.ResTarget.val ? [target.ResTarget.val] : [],
  );
  const distinct = select.distinctClause;
  // DISTINCT without ON is one empty expression.
  const distinctBy = distinct?.some((each) => Object.keys(each).length > 0) ? distinct : output;
  if (distinct && !holdsKey(distinctBy)) {
    return "a limited query has DISTINCT without the marked columns";
  }

  if (select.groupClause) {
    if (!holdsKey(select.groupClause)) {
      return "a limited query has GROUP BY without the marked columns";
    }
  } else if (select.havingClause ?? output.some(isAggregate)) {
    return "a limited query makes one row of all. Group it by the marked columns";
  }
  const windows = [
    ...(select.windowClause ?? []).flatMap((each) => ("WindowDef" in each ? [each.WindowDef] : [])),
    // One with a name is among those above.
    ...output
      .flatMap(calls)
      .flatMap(({ over }) => (over && !over.name && !over.refname ? [over] : [])),
  ];
  return windows.every(({ partitionClause }) => holdsKey(partitionClause))
    ? undefined
    : "a window function of a limited query is not partitioned by the marked columns";
}

function isAggregate(expression: Node): boolean {
  return calls(expression).some(({ funcname = [], over, agg_star, agg_order, agg_filter }) => {
    const name = funcname.at(-1);
    const known = name && "String" in name && AGGREGATES.test(name.String.sval ?? "");
    return !over && Boolean(known || agg_star || agg_order || agg_filter);
  });
}

/** The calls of an expression, those of its sub-queries left out. */
function calls(expression: Node) {
  const inner = nodesIn(nodesIn(expression, "SubLink"), "FuncCall").map(({ FuncCall }) => FuncCall);
  return nodesIn(expression, "FuncCall")
    .map(({ FuncCall }) => FuncCall)
    .filter((call) => !inner.includes(call));
}
