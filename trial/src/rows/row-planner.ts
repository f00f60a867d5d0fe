import type { ClientBase } from "pg";
import {
  type Value,
  candidateValues,
  holdsIdentity,
  isDistinguishing,
  isGivenToFunction,
  isNumber,
  isText,
  worldValues,
} from "./candidate-values";
import type { Column, ForeignKey, Relation } from "./catalog";
import {
  type GeneratedIdentity,
  type Group,
  constrainedGroups,
  generatedIdentities,
} from "./constrained-groups";
import { callEngine } from "./engine";
import { type HintReader, wordsOf } from "./hints";
import type { Link, Links } from "./links";
import type { World } from "./worlds";
import { type Row, literal, quoteIdentifier, writableColumns } from "./statements";

/** What the rows that migrations made take up. */
export interface OwnRows {
  /** By `relation column`, the first free number in unique columns. */
  firstNumbers: ReadonlyMap<string, number>;
  /** By `relation column`, the keys of those rows. */
  keys: ReadonlyMap<string, string[]>;
}

export type { Row } from "./statements";

/** How many rows of each world a table is given, unless a constraint allows fewer. */
export const ROWS_EACH = 6;
/** A table of users has the world's own, and one whom constraints may ask for besides. */
const USERS_EACH = 2;
/** For inserts. */
const SPARE_EACH = 4;
const SEEDS_EACH = ROWS_EACH + SPARE_EACH;
/** With which kind of row each world begins. */
const FIRST_VERSIONS = [0, 0, ROWS_EACH - 1, 2];
const COMBINATIONS = 60;
/** Which combinations are tried in one message. */
const ROUNDS: readonly [number, number][] = [
  [0, 1],
  [1, 6],
  [6, COMBINATIONS],
];

/** Plans the rows of tables: keys within a world, and values that satisfy their constraints. */
export class RowPlanner {
  constructor(
    private readonly client: ClientBase,
    private readonly worlds: readonly World[],
    private readonly links: Links,
    private readonly byId: ReadonlyMap<number, Relation>,
    private readonly hints: HintReader,
    private readonly rowsOf: (id: number) => Row[][] | undefined,
    private readonly ownRows: OwnRows,
  ) {}

  /** The rows of each world: first those to insert, then the spare ones. */
  public async plan(relation: Relation): Promise<Row[][]> {
    const generated = generatedIdentities(relation, this.links);
    const choices = new Map(
      writableColumns(relation).map((column) => [
        column.name,
        this.chooser(relation, column, generated),
      ]),
    );
    const users = this.links.of(relation).filter(({ isUser }) => isUser);
    const fixed: ReadonlySet<string>[][] = [];
    const rows = this.worlds.map((world) => {
      const own: Row[] = [];
      const fixedOfWorld: ReadonlySet<string>[] = [];
      for (let place = 0; place < SEEDS_EACH; place += 1) {
        const version = versionOf(world, place);
        const keys = this.keyValues(relation, world, version, own);
        const row: Row = { ...keys };
        for (const [name, choose] of choices) {
          if (!(name in keys)) row[name] = choose(world, version)[0] ?? null;
        }
        own.push(row);
        fixedOfWorld.push(new Set(Object.keys(keys)));
      }
      fixed.push(fixedOfWorld);
      return own;
    });
    await this.satisfy(
      constrainedGroups(relation, generated, this.worlds),
      rows,
      (name, world, place) => {
        const value = rows[world.index]?.[place]?.[name] ?? null;
        const isFixed = fixed[world.index]?.[place]?.has(name) ?? false;
        if (!isFixed) return choices.get(name)?.(world, versionOf(world, place)) ?? [value];
        const nullable = relation.columns.some((column) => column.name === name && !column.notNull);
        const isUser = users.some(({ columns }) => columns.join() === name);
        const others = isUser ? [this.userOf(world, 1)] : [];
        return [value, ...others, ...(nullable ? [null] : [])];
      },
    );
    return rows;
  }

  /** A column's values for a row, the one to take first. */
  private chooser(
    relation: Relation,
    column: Column,
    generated: readonly GeneratedIdentity[],
  ): (world: World, version: number) => Value[] {
    const unique = this.mustDiffer(relation, column);
    const place = relation.columns.indexOf(column);
    const hints = this.hints.of(relation, column);
    const makesIdentity = generated.some(({ columns }) => columns.includes(column.name));
    const clauses = this.links.identityClauses(relation, column);
    const isPart = clauses.some((clause) => isGivenToFunction(column.name, clause));
    const link = this.links.of(relation).find(({ columns }) => columns.join() === column.name);
    const isUsersKey = this.links.usersKey(relation) === column.name;
    const isEmail = column.name.includes("mail") && holdsIdentity(column) && column.base !== "uuid";
    const isAlike = !unique && !isDistinguishing(column);
    const isBound = wordsOf(relation.partitionCheck ?? "").has(column.name);
    const firstNumber = this.ownRows.firstNumbers.get(`${relation.id} ${column.name}`);
    const known: Value[][] = [];
    const rank = [...this.byId.keys()].indexOf(relation.id);
    const isPlain =
      !unique && link === undefined && !isBound && (isText(column) || isNumber(column));
    return (world, version) => {
      // Keys that are numbers must not happen to be those of the same world in another table.
      const turn = isNumber(column) ? (world.index + rank) % this.worlds.length : world.index;
      const number = turn * SEEDS_EACH + version;
      // What names nothing is the same in all worlds: it can be guessed.
      const seed = isAlike ? 0 : isPlain ? version : number;
      const values = (known[seed] ??= candidateValues(relation, column, {
        seed,
        unique,
        hints,
        isBound,
        firstNumber,
      }));
      const naming: Value[] = [];
      if (isUsersKey) naming.push(...(version < USERS_EACH ? [this.userOf(world, version)] : []));
      else if (isEmail && (version === 0 || (!unique && version % 2 === 0)))
        naming.push(world.email);
      else if (makesIdentity)
        naming.push(...worldValues(column, world, hints, number, { isPart: true, isEmail }));
      else if (link?.isUser && (version === 0 || !unique || isPart))
        naming.push(
          ...worldValues(column, world, hints, number, {
            isPart,
            isEmail: clauses.some((clause) => clause.includes("mail")),
          }),
        );
      if (link?.key === undefined && link?.targets.length && version % 5 !== 4)
        naming.unshift(...this.keysOfTargets(link.targets, column, world, version));
      // A row without a user, where the table allows that.
      if (naming.length > 0 && !column.notNull && !unique && version === ROWS_EACH - 1)
        naming.unshift(null);
      if (naming.length > 0 || unique) return [...naming, ...values];
      if (!column.notNull && version === 3 + (place % 2)) return [null, ...values];
      // Columns step at different speeds, so that their values meet in different pairs; but for the
      // first two rows, in which all have what they are compared with first.
      const step = version < 2 ? version : version + (place % 3) * (version - 1);
      const first = step % Math.max(1, values.length);
      return [...values.slice(first), ...values.slice(0, first)];
    };
  }

  /** The user of a world, or a second one in it. */
  private userOf(world: World, nth: number): string {
    return nth === 0 ? world.id : world.id.replace("0000000-", "1111111-");
  }

  private keysOfTargets(
    targets: Link["targets"],
    column: Column,
    world: World,
    version: number,
  ): Value[] {
    const { element } = column;
    return targets.flatMap(({ relation, key }) => {
      const rows = this.rowsOf(relation.id)?.[world.index] ?? [];
      const value = rows[version % Math.max(1, rows.length)]?.[key];
      if (value === undefined || value === null) return [];
      if (element !== null) return [`{${value}}`];
      // A text may hold it, and more: it begins with it, as a path does.
      return isText(column) ? [`${value}/${version}`, value] : [value];
    });
  }

  /** Whether a unique constraint is kept by making this column's values differ. */
  private mustDiffer(relation: Relation, column: Column): boolean {
    const isKey = (name: string) =>
      relation.foreignKeys.some(({ columns }) => columns.includes(name));
    const bounds = wordsOf(relation.partitionCheck ?? "");
    return relation.uniques.some((columns) => {
      const free = columns.filter((name) => {
        const one = relation.columns.find((candidate) => candidate.name === name);
        return one && !isKey(name) && isDistinguishing(one);
      });
      const unbound = free.filter((name) => !bounds.has(name));
      return (unbound.length > 0 ? unbound : free).at(-1) === column.name;
    });
  }

  private keyValues(relation: Relation, world: World, version: number, earlier: Row[]): Row {
    const row: Row = {};
    for (const key of relation.foreignKeys) {
      const values =
        this.namedKey(relation, key, version) ??
        this.parentValues(relation, key, world, version, earlier);
      key.columns.forEach((name, index) => (row[name] = values[index] ?? null));
    }
    for (const { columns, isUser, key } of this.links.of(relation)) {
      const [name] = columns;
      if (!key || !isUser || name === undefined) continue;
      const column = relation.columns.find((one) => one.name === name);
      const isNone = column && !column.notNull && version === ROWS_EACH - 1;
      row[name] = isNone ? null : world.id;
    }
    return row;
  }

  /** The key of a row of nobody's that the migrations made and policies name: in every second row. */
  private namedKey(
    relation: Relation,
    { columns, target, targetColumns }: ForeignKey,
    version: number,
  ): Value[] | undefined {
    const column = relation.columns.find(({ name }) => name === columns[0]);
    if (!column || columns.length > 1 || version % 2 > 0) return undefined;
    const existing = this.ownRows.keys.get(`${target} ${targetColumns.join()}`) ?? [];
    const named = this.hints.of(relation, column).literals.filter((one) => existing.includes(one));
    return named.length > 0 ? [named[(version / 2) % named.length] ?? null] : undefined;
  }

  private parentValues(
    relation: Relation,
    { columns, target, targetColumns }: ForeignKey,
    world: World,
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
        : this.predicted(parent, targetColumns, world, version);
    }
    const rows = this.rowsOf(target)?.[world.index];
    if (!rows) return this.predicted(parent, targetColumns, world, version % ROWS_EACH);
    const row = rows[version % Math.max(1, rows.length)];
    return targetColumns.map((name) => row?.[name] ?? null);
  }

  /** The key that a row will have: where two tables refer to each other, one has to begin. */
  private predicted(parent: Relation, names: string[], world: World, version: number): Value[] {
    return names.map((name) => {
      const column = parent.columns.find((one) => one.name === name);
      return column ? (this.chooser(parent, column, [])(world, version)[0] ?? null) : null;
    });
  }

  /** Gives the columns of each group of constraints values that together satisfy them. */
  private async satisfy(
    groups: readonly Group[],
    rows: Row[][],
    optionsOf: (name: string, world: World, version: number) => Value[],
  ): Promise<void> {
    let open = groups.map((group) => ({
      ...group,
      rows: group.worlds.flatMap((world) =>
        Array.from({ length: SEEDS_EACH }, (_, version) => ({
          row: rows[world.index]?.[version],
          options: group.columns.map(({ name }) => optionsOf(name, world, version)),
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

/** Where a table takes one row of each world, those of the last worlds are of other kinds. */
function versionOf({ index }: World, place: number): number {
  return place < ROWS_EACH ? (place + (FIRST_VERSIONS[index] ?? 0)) % ROWS_EACH : place;
}

function listOf(values: readonly Value[], columns: readonly Column[]): string {
  return columns.map((column, index) => literal(values[index] ?? null, column)).join(", ");
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
