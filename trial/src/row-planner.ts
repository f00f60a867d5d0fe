import type { ClientBase } from "pg";
import { type Value, candidateValues, holdsIdentity, isDistinguishing } from "./candidate-values";
import type { Column, ForeignKey, Relation } from "./catalog";
import { type Group, constrainedGroups } from "./constrained-groups";
import { callEngine } from "./engine";
import { type GeneratedOwner, generatedOwners, valuesOfOwner } from "./generated-owners";
import type { HintReader } from "./hints";
import type { Owners } from "./owners";
import { PEOPLE, type Person } from "./people";
import { literal, quoteIdentifier, writableColumns } from "./statements";

/** Values by column. */
export type Row = Record<string, Value>;

/** How many rows of each person a table is given, unless a constraint allows fewer. */
export const ROWS_EACH = 6;
/** Of these, the last is given to those who are no person of the trial. */
const SPARE_EACH = 4;
const SEEDS_EACH = ROWS_EACH + SPARE_EACH;
const COMBINATIONS = 60;
/** Which combinations are tried in one message. */
const ROUNDS: readonly [number, number][] = [
  [0, 1],
  [1, 6],
  [6, COMBINATIONS],
];

/** Plans the rows of tables: keys that fit, and values that satisfy their constraints. */
export class RowPlanner {
  constructor(
    private readonly client: ClientBase,
    private readonly owners: Owners,
    private readonly byId: ReadonlyMap<number, Relation>,
    private readonly hints: HintReader,
    private readonly rowsOf: (id: number) => Row[][] | undefined,
  ) {}

  /** The rows of each person: first those to insert, then the spare ones. */
  public async plan(relation: Relation): Promise<Row[][]> {
    const choices = new Map(
      writableColumns(relation).map((column) => [column.name, this.chooser(relation, column)]),
    );
    const fixed: ReadonlySet<string>[][] = [];
    const rows = PEOPLE.map((person) => {
      const own: Row[] = [];
      const fixedOfPerson: ReadonlySet<string>[] = [];
      for (let version = 0; version < SEEDS_EACH; version += 1) {
        const keys = this.keyValues(relation, person, version, own);
        const row: Row = { ...keys };
        for (const [name, choose] of choices) {
          if (!(name in keys)) row[name] = choose(person, version)[0] ?? null;
        }
        own.push(row);
        fixedOfPerson.push(new Set(Object.keys(keys)));
      }
      fixed.push(fixedOfPerson);
      return own;
    });
    const generated = this.generatedOwners(relation);
    await this.satisfy(constrainedGroups(relation, generated), rows, (name, person, version) => {
      const value = rows[person.index]?.[version]?.[name] ?? null;
      const isFixed = fixed[person.index]?.[version]?.has(name) ?? false;
      if (!isFixed) return choices.get(name)?.(person, version) ?? [value];
      const isKey = relation.foreignKeys.some(({ columns }) => columns.includes(name));
      const nullable = relation.columns.some((column) => column.name === name && !column.notNull);
      return isKey && nullable && value !== null ? [value, null] : [value];
    });
    return rows;
  }

  /** A column's values for a row, the one to take first. */
  private chooser(
    relation: Relation,
    column: Column,
  ): (person: Person, version: number) => Value[] {
    const unique = this.mustDiffer(relation, column);
    const place = relation.columns.indexOf(column);
    const hints = this.hints.of(relation, column);
    const admits = this.owners.admits(relation, column);
    const makesOwner = this.generatedOwners(relation).some(({ columns }) =>
      columns.includes(column.name),
    );
    const isName = this.owners.isUsers(relation) && holdsIdentity(column);
    const isReference =
      column.element !== null ||
      relation.foreignKeys.some(({ columns }) => columns.includes(column.name));
    const isAlike = !unique && !isDistinguishing(column);
    const known: Value[][] = [];
    return (person, version) => {
      const seed = isAlike ? 0 : person.index * SEEDS_EACH + version;
      const values = (known[seed] ??= candidateValues(relation, column, { seed, unique, hints }));
      // Whatever names a user is the same, as it is in the claims, so that policies may ask for any of it.
      if (isName && version === 0) return [person.id, ...values];
      const number = person.index * SEEDS_EACH + version;
      const owning = makesOwner ? valuesOfOwner(column, person, hints, number) : [];
      const guest = admits ? guestOf(column, person, version, unique) : [];
      // What is no user may be the tenant that the claims name, who is everybody's own.
      if (admits && !isReference && version % 4 === 1) guest.unshift(person.id);
      if (unique || makesOwner) return [...owning, ...guest, ...values];
      // Columns step at different speeds, so that their values meet in different pairs; but for the
      // first two rows, in which all have what they are compared with first.
      const step =
        version < 2
          ? version
          : Math.floor((version + person.index) / ((place % 3) + 1)) + (place % 2);
      const first = step % Math.max(1, values.length);
      return [...guest, ...values.slice(first), ...values.slice(0, first)];
    };
  }

  private generatedOwners(relation: Relation): GeneratedOwner[] {
    return generatedOwners(relation, this.owners.of(relation)?.columns ?? []);
  }

  /** Whether a unique constraint is kept by making this column's values differ. */
  private mustDiffer(relation: Relation, column: Column): boolean {
    const isKey = (name: string) =>
      relation.foreignKeys.some(({ columns }) => columns.includes(name));
    return relation.uniques.some((columns) => {
      const free = columns.filter((name) => {
        const one = relation.columns.find((candidate) => candidate.name === name);
        return one && !isKey(name) && isDistinguishing(one);
      });
      return free.at(-1) === column.name;
    });
  }

  private keyValues(relation: Relation, person: Person, version: number, earlier: Row[]): Row {
    const owner = this.owners.of(relation);
    const row: Row = {};
    for (const key of relation.foreignKeys) {
      const values = this.parentValues(relation, key, person, version, earlier);
      key.columns.forEach((name, index) => (row[name] = values[index] ?? null));
    }
    for (const { members, person: name } of owner?.groups ?? []) {
      if (members.id === relation.id) row[name] = person.id;
    }
    // Where a row has several users, each is somebody else.
    owner?.columns.forEach((name, index) => {
      row[name] = PEOPLE[(person.index + index) % PEOPLE.length]?.id ?? null;
    });
    return row;
  }

  private parentValues(
    relation: Relation,
    { columns, target, targetColumns }: ForeignKey,
    person: Person,
    version: number,
    earlier: Row[],
  ): Value[] {
    const parent = this.byId.get(target);
    const nullable = columns.some((name) =>
      relation.columns.some((column) => column.name === name && !column.notNull),
    );
    if (!parent) return columns.map(() => null);
    if (target === relation.id) {
      const previous = earlier.at(-1);
      if (previous) return targetColumns.map((name) => previous[name] ?? null);
      return nullable
        ? columns.map(() => null)
        : this.predicted(parent, targetColumns, person, version);
    }
    // A second user of a row is not its owner, nor always the same.
    const isUser = this.isUser(parent, targetColumns);
    const index = isUser ? (person.index + 1 + (version % 3)) % PEOPLE.length : person.index;
    const rows = this.rowsOf(target)?.[index];
    if (!rows)
      return this.predicted(parent, targetColumns, PEOPLE[index] ?? person, version % ROWS_EACH);
    const row = rows[version % Math.max(1, rows.length)];
    return targetColumns.map((name) => row?.[name] ?? null);
  }

  private isUser(parent: Relation, targetColumns: readonly string[]): boolean {
    return this.owners.of(parent)?.columns[0] === targetColumns[0];
  }

  /** The key that a row will have: where two tables refer to each other, one has to begin. */
  private predicted(parent: Relation, names: string[], person: Person, version: number): Value[] {
    return names.map((name) => {
      const column = parent.columns.find((one) => one.name === name);
      return column ? (this.chooser(parent, column)(person, version)[0] ?? null) : null;
    });
  }

  /** Gives the columns of each group of constraints values that together satisfy them. */
  private async satisfy(
    groups: readonly Group[],
    rows: Row[][],
    optionsOf: (name: string, person: Person, version: number) => Value[],
  ): Promise<void> {
    let open = groups.map((group) => ({
      ...group,
      rows: group.people.flatMap((person) =>
        Array.from({ length: SEEDS_EACH }, (_, version) => ({
          row: rows[person.index]?.[version],
          options: group.columns.map(({ name }) => optionsOf(name, person, version)),
        })),
      ),
    }));
    // The first few nearly always do.
    for (const [from, to] of ROUNDS) {
      const tried = open.map((group) => ({
        ...group,
        rows: group.rows.map((one) => ({
          ...one,
          combinations: combine(one.options, from, to).map((values) => ({
            values,
            text: listOf(values, group.columns),
          })),
        })),
      }));
      const questions = tried.map(({ columns, condition, rows: some }) => ({
        columns: columns.map(({ name }) => quoteIdentifier(name)).join(", "),
        condition,
        candidates: [
          ...new Set(some.flatMap(({ combinations }) => combinations.map(({ text }) => text))),
        ],
      }));
      if (questions.every(({ candidates }) => candidates.length === 0)) return;
      const verdicts = await callEngine<(boolean[] | null)[]>(this.client, "satisfying", questions);
      open = tried
        .map((group, index) => {
          const verdict = verdicts[index];
          const good = new Set(questions[index]?.candidates.filter((_, place) => verdict?.[place]));
          const left = group.rows.filter(({ row, combinations }) => {
            const found = combinations.find(({ text }) => good.has(text));
            if (row && found)
              group.columns.forEach(({ name }, place) => (row[name] = found.values[place] ?? null));
            return !found;
          });
          return { ...group, rows: left };
        })
        .filter((group) => group.rows.length > 0);
    }
  }
}

function listOf(values: readonly Value[], columns: readonly Column[]): string {
  return columns.map((column, index) => literal(values[index] ?? null, column)).join(", ");
}

/** Somebody else's id, in a column that admits users without owning the row; in some rows of a person. */
function guestOf(
  { element }: Column,
  { index }: Person,
  version: number,
  unique: boolean,
): Value[] {
  if (unique ? version > 0 : version % 2 > 0) return [];
  const guest = PEOPLE[(index + 1 + version) % PEOPLE.length];
  return guest ? [element === null ? guest.id : `{${guest.id}}`] : [];
}

/**
 * Some of the combinations of options, from one number to another: of all where they are few, else of a
 * sample in which each option occurs.
 */
function combine(options: readonly Value[][], from: number, to: number): Value[][] {
  const total = options.reduce((product, values) => product * Math.max(1, values.length), 1);
  const end = Math.min(total, COMBINATIONS, to);
  return Array.from({ length: Math.max(0, end - from) }, (_, offset) => {
    const index = from + offset;
    let rest =
      total <= COMBINATIONS ? index : index < 12 ? -1 : Math.floor((index * total) / COMBINATIONS);
    return options.map((values, place) => {
      if (rest < 0) return values[(index + (index > 5 ? place : 0)) % values.length] ?? null;
      const value = values[rest % values.length] ?? null;
      rest = Math.floor(rest / values.length);
      return value;
    });
  });
}
