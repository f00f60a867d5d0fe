import type { Value } from "../candidate-values";
import type { Catalog, Column, ForeignKey, Relation } from "../catalog";
import { type HintReader, wordsOf } from "../hints";
import type { Row } from "../row-planner";

/**
 * A table whose rows decide what their user may do: it is asked by policies, or says who belongs to what.
 */
export interface List {
  relation: Relation;
  /** The column of the user who is listed. */
  user: string;
  /** Columns that hold a user, {@link List.user} among them. */
  users: string[];
  /** Foreign keys to what the user is listed for; none in a table of users, profiles or roles. */
  links: ForeignKey[];
  /** The listed user has one row and no other. */
  isSingle: boolean;
  /** Columns that conditions look at, with the values that they are compared with. */
  deciding: Deciding[];
}

/** A column whose value decides. */
export interface Deciding {
  column: Column;
  values: Value[];
}

/** Values of deciding columns; one that is missing has its default. */
export type Choice = Readonly<Record<string, Value>>;

const MOST_VALUES = 5;
const MOST_CHOICES = 16;
const FAR_FUTURE = "2099-01-01";

/** What the columns of tables name. */
export interface Naming {
  /** The columns that hold a user. */
  usersOf(relation: Relation): string[];
  /** The keys of a table whose rows are nobody's, of roles say; undefined for any other table. */
  sharedKeys(id: number, columns: readonly string[]): Row[] | undefined;
}

/** The lists of a schema. */
export function listsOf(catalog: Catalog, hints: HintReader, naming: Naming): List[] {
  const asked = new AskedColumns(catalog);
  return catalog.relations.flatMap((relation) => {
    if ((relation.kind !== "r" && relation.kind !== "p") || relation.isPartition) return [];
    const users = naming.usersOf(relation);
    const links = relation.foreignKeys.filter(
      ({ columns, target, targetColumns }) =>
        columns.every((name) => !users.includes(name)) &&
        naming.sharedKeys(target, targetColumns) === undefined,
    );
    return users.flatMap((user): List[] => {
      const isListed = relation.uniques.some((key) => key.length > 1 && key.includes(user));
      if (!isListed && !asked.has(relation, user)) return [];
      const isSingle = relation.uniques.some((key) => key.join() === user);
      const deciding = relation.columns.flatMap((column): Deciding[] => {
        const values = decidingValues(relation, column, users, user, { hints, naming, asked });
        return values.length > 0 ? [{ column, values: values.slice(0, MOST_VALUES) }] : [];
      });
      return [{ relation, user, users, links, isSingle, deciding }];
    });
  });
}

/** Each combination of the values that decide, the defaults first. */
export function choicesOf(
  { deciding }: Pick<List, "deciding">,
  isWritable: (name: string) => boolean = () => true,
): Choice[] {
  const open = deciding.filter(({ column }) => isWritable(column.name));
  const options = open.map(({ column, values }) =>
    // What there is a single value of may also stay as it is.
    [...(values.length === 1 ? [undefined] : []), ...optionsOf(column, values)].map(
      (value): Choice => (value === undefined ? {} : { [column.name]: value }),
    ),
  );
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

/** The values of a column, and `undefined` for its default where that need not be one of them. */
function optionsOf({ typeKind, base, hasDefault }: Column, values: readonly Value[]) {
  const isListed = typeKind === "e" || base === "bool";
  return hasDefault && !isListed ? [undefined, ...values] : values;
}

function decidingValues(
  relation: Relation,
  column: Column,
  users: readonly string[],
  user: string,
  { hints, naming, asked }: { hints: HintReader; naming: Naming; asked: AskedColumns },
): Value[] {
  const { name, generated, notNull } = column;
  const key = relation.foreignKeys.find(({ columns }) => columns.includes(name));
  if (name === user || generated !== "" || !asked.has(relation, name)) return [];
  // Another user, who invited or approved, or has not yet.
  if (users.includes(name)) return notNull ? [] : [null];
  if (!key) return comparedValues(relation, column, hints);
  const rows = naming.sharedKeys(key.target, key.targetColumns) ?? [];
  const place = key.targetColumns[key.columns.indexOf(name)] ?? "";
  return [...new Set(rows.map((row) => row[place] ?? null))];
}

function comparedValues(relation: Relation, column: Column, hints: HintReader): Value[] {
  const { typeKind, labels, base, notNull, hasDefault } = column;
  const { literals, numbers } = hints.of(relation, column);
  if (typeKind === "e") return labels;
  if (base === "bool") return ["false", "true"];
  if (/^(?:int\d|numeric|float\d)$/.test(base)) {
    const extremes = numbers.length > 0 ? [Math.min(...numbers) - 1, Math.max(...numbers) + 1] : [];
    return [...new Set(extremes.map(String))];
  }
  if (/^(?:text|varchar|bpchar|citext)$/.test(base)) return literals;
  if (/^(?:timestamp|date)/.test(base) && !hasDefault)
    return notNull ? [FAR_FUTURE] : [null, FAR_FUTURE];
  return [];
}

/** Which columns conditions look at: policies, and functions, whose bodies PostgreSQL does not resolve. */
class AskedColumns {
  private readonly texts: { relation: Relation | undefined; words: ReadonlySet<string> }[];

  constructor({ relations, routines }: Catalog) {
    this.texts = [
      ...relations.flatMap((relation) =>
        relation.policies.map(({ using, check }) => ({
          relation,
          words: wordsOf(`${using ?? ""} ${check ?? ""}`),
        })),
      ),
      // A trigger's function decides nothing by itself.
      ...routines
        .filter(({ returns }) => returns !== "trigger")
        .map(({ source }) => ({ relation: undefined, words: wordsOf(source) })),
    ];
  }

  /** Whether what decides about other tables, or a function, reads this column of this table. */
  public has({ id, name }: Relation, column: string): boolean {
    return this.texts.some(
      ({ relation, words }) => relation?.id !== id && words.has(name) && words.has(column),
    );
  }
}
