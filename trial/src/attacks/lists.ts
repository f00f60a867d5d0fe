import type { Value } from "../rows/candidate-values";
import type { Catalog, Column, ForeignKey, Relation } from "../rows/catalog";
import { type HintReader, wordsOf } from "../rows/hints";
import type { Link, Links } from "../rows/links";
import type { Row } from "../rows/row-planner";

/**
 * A table whose rows decide what their user may do: it is asked by policies, or says who belongs to what.
 */
export interface List {
  relation: Relation;
  /** The column of the user who is listed. */
  user: string;
  /** Columns that hold a user, {@link List.user} among them. */
  users: string[];
  /** What leads to what the user is listed for; none in a table of users, profiles or roles. */
  links: Link[];
  /** The listed user has one row and no other. */
  isSingle: boolean;
  /** Columns that conditions look at, with the values that they are compared with. */
  deciding: Deciding[];
}

/** A column whose value decides. */
export interface Deciding {
  column: Column;
  values: Value[];
  /** It may also have its default, or stay as it is. */
  hasOther: boolean;
}

/** Values of deciding columns; one that is missing has its default. */
export type Choice = Readonly<Record<string, Value>>;

const MOST_VALUES = 5;
const MOST_CHOICES = 16;
const WORD = /^\w[\w-]*$/;
const FAR_FUTURE = "2099-01-01";
const LONG_AGO = "2001-01-01";

/** Rows of tables that are nobody's, of roles say, by the table's id. */
export type SharedRows = ReadonlyMap<number, Row[]>;

/** The lists of a schema. */
export function listsOf(
  catalog: Catalog,
  hints: HintReader,
  links: Links,
  sharedRows: SharedRows,
): List[] {
  const { reads } = links;
  /** The keys of roles: of rows of nobody's, at which conditions look. */
  const roleKeys = ({ target, columns, targetColumns }: ForeignKey, { name }: Column) => {
    const role = catalog.relations.find(({ id }) => id === target);
    const isLookedAt = role?.columns.some(
      (one) => !targetColumns.includes(one.name) && reads.looksAt(role, one.name),
    );
    const place = targetColumns[columns.indexOf(name)] ?? "";
    const rows = isLookedAt === true ? (sharedRows.get(target) ?? []) : [];
    return [...new Set(rows.map((row) => row[place] ?? null))];
  };
  return catalog.relations.flatMap((relation): List[] => {
    if ((relation.kind !== "r" && relation.kind !== "p") || relation.isPartition) return [];
    const users = usersOf(relation, links);
    const isListed = (user: string) =>
      relation.uniques.some((key) => key.length > 1 && key.includes(user));
    const listing = users.filter((user) => isListed(user) || reads.looksAt(relation, user));
    if (listing.length === 0) return [];
    const decisions = relation.columns.flatMap((column): Deciding[] => {
      // What the table's own policies demand of a value, a row has to have to get in.
      const isDemanded = relation.policies.some(({ check }) =>
        wordsOf(check ?? "").has(column.name),
      );
      if (column.generated !== "" || !(isDemanded || reads.looksAt(relation, column.name)))
        return [];
      const key = relation.foreignKeys.find(({ columns }) => columns.includes(column.name));
      // Another user, who invited or approved, or has not yet.
      const others = column.notNull ? [] : [null];
      const values = users.includes(column.name)
        ? others
        : key
          ? roleKeys(key, column)
          : comparedValues(relation, column, hints);
      if (values.length === 0) return [];
      const isListed =
        column.typeKind === "e" ||
        column.base === "bool" ||
        relation.checks.some(({ columns }) => columns.includes(column.name));
      const hasOther = values.length === 1 || (column.hasDefault && !isListed);
      return [{ column, values: values.slice(0, MOST_VALUES), hasOther }];
    });
    const isDecision = (name: string) => decisions.some(({ column }) => column.name === name);
    return listing.map((user) => ({
      relation,
      user,
      users,
      links: links
        .of(relation)
        .filter(({ isUser, columns }) => !isUser && !columns.some(isDecision)),
      isSingle: relation.uniques.some((key) => key.join() === user),
      deciding: decisions.filter(({ column }) => column.name !== user),
    }));
  });
}

/** The columns of a table that hold a user, and one alone. */
export function usersOf(relation: Relation, links: Links): string[] {
  return links
    .of(relation)
    .filter(({ isUser }) => isUser)
    .flatMap(({ columns }) => columns)
    .filter((name) => relation.columns.some((one) => one.name === name && one.element === null));
}

/** Each combination of the values that decide, the defaults first. */
export function choicesOf(
  { deciding }: Pick<List, "deciding">,
  isWritable: (name: string) => boolean = () => true,
): Choice[] {
  const open = deciding.filter(({ column }) => isWritable(column.name));
  const options = open.map(({ column, values, hasOther }): Choice[] => [
    ...(hasOther ? [{}] : []),
    ...values.map((value) => ({ [column.name]: value })),
  ]);
  const combined = options.reduce((product, { length }) => product * length, 1);
  if (combined <= MOST_CHOICES)
    return options.reduce<Choice[]>(
      (choices, some) => choices.flatMap((choice) => some.map((one) => ({ ...choice, ...one }))),
      [{}],
    );
  // Too many to be combined: one column at a time, beside the first choice of the others.
  const first = Object.assign({}, ...options.map(([one]) => one)) as Choice;
  const others = options.flatMap((some) => some.slice(1).map((one) => ({ ...first, ...one })));
  return [first, ...others].slice(0, MOST_CHOICES);
}

function comparedValues(relation: Relation, column: Column, hints: HintReader): Value[] {
  const { typeKind, labels, base, notNull } = column;
  const { literals, numbers } = hints.of(relation, column);
  if (typeKind === "e") return labels;
  if (base === "bool") return ["false", "true"];
  if (/^(?:int\d|numeric|float\d)$/.test(base)) {
    const extremes = numbers.length > 0 ? [Math.min(...numbers) - 1, Math.max(...numbers) + 1] : [];
    // A constraint may refuse what lies beyond the numbers that it lists.
    const listed = numbersOf(relation, column).flatMap((list) => [
      Math.min(...list),
      Math.max(...list),
    ]);
    return [...new Set([...extremes, ...listed].map(String))];
  }
  if (/^(?:text|varchar|bpchar|citext)$/.test(base)) {
    // What a constraint lists are all that there are.
    const listed = relation.checks
      .filter(({ columns }) => columns.join() === column.name)
      .flatMap(({ expression }) => [...expression.matchAll(/'(\w[\w-]*)'/g)])
      .map(([, text = ""]) => text);
    return listed.length > 0 ? [...new Set(listed)] : literals.filter((text) => WORD.test(text));
  }
  if (/^(?:timestamp|date)/.test(base)) return [...(notNull ? [] : [null]), FAR_FUTURE, LONG_AGO];
  return [];
}

/** The numbers in each constraint on a column alone. */
function numbersOf({ checks }: Relation, { name }: Column): number[][] {
  return checks
    .filter(({ columns }) => columns.join() === name)
    .map(({ expression }) => (expression.match(/(?<![\w.'])-?\d+(?:\.\d+)?/g) ?? []).map(Number))
    .filter(({ length }) => length > 0);
}
