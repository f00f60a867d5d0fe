import type { Value } from "../rows/candidate-values";
import type { Catalog, Relation } from "../rows/catalog";
import type { Row } from "../rows/row-planner";
import type { World } from "../rows/worlds";
import { insertStatement, literal, quoteIdentifier } from "../rows/statements";
import { type Choice, type List, choicesOf } from "./lists";
import type { SignUp } from "./sign-ups";

/** The rows of two worlds: the attacker's and the victim's. */
export interface TwoWorlds {
  attacker: WorldRows;
  victim: WorldRows;
}

/** The rows of one world. */
export interface WorldRows {
  world: World;
  /** The rows that are in a table. */
  rows(relation: Relation): Row[];
  /** Rows of this world that a table could hold, and does not. */
  spare(relation: Relation): Row[];
}

/**
 * What others have made of the attacker before the attack: a member, somebody invited, a user with a flag; or
 * what they left behind. What the attacker can do then is no leak. Moves are measured against it.
 */
export interface Given {
  kind:
    | "nothing"
    /** A place in a list of the victim's world. */
    | "listed"
    /** Other values in a row of the attacker's own, or no such row. */
    | "own"
    /** Rows that the victim deleted, whose keys others still name or whose places are free. */
    | "left"
    /** Who signs up, and what they chose for themselves. */
    | "signed up";
  /** What a reader is told of the attacker. */
  description: string;
  /** By the superuser. */
  before: string[];
  /** The table of users in which they sign up. */
  users?: Relation;
  /** Whose rows change, and whose world those that are new are of. */
  changes?: { relation: Relation; world: number };
  list?: List;
  choice?: Choice;
  row?: Row;
}

/** Nobody made anything of the attacker. */
export const NOTHING: Given = { kind: "nothing", description: "", before: [] };

/**
 * Nothing; and each row that others could have given the attacker: a place in a list of the victim's world,
 * another value of a row of their own, or none.
 */
export function givenRows(catalog: Catalog, lists: readonly List[], worlds: TwoWorlds): Given[] {
  return [
    NOTHING,
    ...lists.flatMap((list) => {
      if (list.links.length > 0) return listed(catalog, list, worlds);
      // A list of pairs of users: what the other one wrote is their consent, and what the attacker can
      // write is a move.
      return list.users.length > 1 && !list.isSingle ? [] : described(list, worlds);
    }),
  ];
}

/** The attacker's row of a list of the victim's world. */
export function listedRow(
  { relations }: Catalog,
  { relation, user, users, links, deciding }: List,
  { attacker, victim }: TwoWorlds,
  choice: Choice,
  version = 0,
): Row | undefined {
  const [first] = victim.rows(relation);
  const spare = victim.spare(relation);
  const row = spare[version % Math.max(1, spare.length)];
  if (!row) return undefined;
  const isDeciding = (name: string) =>
    !users.includes(name) && deciding.some(({ column }) => column.name === name);
  // The same row of the victim's for each list, so that an invitation and a membership meet.
  const linked = links.flatMap(({ columns, key, targets: [target] }): [string, Value][] => {
    const parent = target?.relation ?? relations.find(({ id }) => id === key?.target);
    const named = parent && parent !== relation ? victim.rows(parent)[0] : undefined;
    const names = key?.targetColumns ?? [target?.key ?? ""];
    return columns.flatMap((name, place): [string, Value][] => {
      const value = named?.[names[place] ?? ""];
      return value === undefined ? [] : [[name, value]];
    });
  });
  const alike = relation.uniques
    .filter((key) => key.includes(user))
    .flat()
    .filter((name) => !users.includes(name) && first?.[name] !== undefined)
    .map((name): [string, Value] => [name, first?.[name] ?? null]);
  const kept = Object.entries(row).filter(([name]) => !isDeciding(name));
  return Object.fromEntries([
    ...kept,
    ...alike.filter(([name]) => !isDeciding(name)),
    ...linked,
    ...users.map((name): [string, Value] => [name, userIn(victim, relation, name)]),
    ...Object.entries(choice),
    [user, userIn(attacker, relation, user)],
  ]);
}

/** What a column holds of the user of a world: the id, a number or an address. */
export function userIn({ world, rows, spare }: WorldRows, relation: Relation, name: string): Value {
  const { id, number, email } = world;
  const value = rows(relation)[0]?.[name] ?? spare(relation)[0]?.[name] ?? null;
  // A row that names several users has others of the world beside.
  return value === number || value === email ? value : id;
}

function listed(catalog: Catalog, list: List, worlds: TwoWorlds): Given[] {
  const { relation } = list;
  return choicesOf(list).flatMap((choice): Given[] => {
    const row = listedRow(catalog, list, worlds, choice);
    if (!row) return [];
    return [
      {
        kind: "listed",
        description: `whom others entered into ${relation.sql}${describeChoice(choice)}`,
        before: [
          ...(list.isSingle ? withoutOwn(list, worlds) : []),
          insertStatement(relation, row),
        ],
        list,
        choice,
        row,
      },
    ];
  });
}

/** Everybody has left a list that users enter themselves into: nobody but the first may do that, perhaps. */
export function abandoned(lists: readonly List[], { victim }: TwoWorlds, role: string): Given[] {
  return lists.flatMap(({ relation, user, links }): Given[] => {
    const theirs = victim.rows(relation).map((row) => keyCondition(relation, row));
    const mayEnter = relation.rights[role]?.insertColumns.includes(user) === true;
    if (links.length === 0 || !mayEnter || theirs.length === 0) return [];
    return [
      {
        kind: "left",
        description: `after user ${victim.world.name} left ${relation.sql}`,
        before: [`delete from ${relation.sql} where ${theirs.join(" or ")}`],
        changes: { relation, world: victim.world.index },
      },
    ];
  });
}

function withoutOwn({ relation, user }: List, { attacker }: TwoWorlds): string[] {
  const column = relation.columns.find(({ name }) => name === user);
  if (!column) return [];
  const own = literal(userIn(attacker, relation, user), column);
  return [`delete from ${relation.sql} where ${quoteIdentifier(user)} = ${own}`];
}

/** The attacker's own row with other values, and no such row. */
function described(list: List, worlds: TwoWorlds): Given[] {
  const { relation, deciding } = list;
  const own = worlds.attacker.rows(relation)[0];
  if (!own || deciding.length === 0) return [];
  const without = withoutOwn(list, worlds);
  const changes = { relation, world: worlds.attacker.world.index };
  const common = { kind: "own" as const, list, changes };
  return [
    { ...common, description: `who has no row in ${relation.sql}`, before: without },
    ...choicesOf(list).map((choice): Given => ({
      ...common,
      description: `whose row in ${relation.sql} says${describeChoice(choice)}`,
      before: [...without, insertStatement(relation, { ...own, ...choice })],
      choice,
    })),
  ];
}

/** The condition that finds a row by columns, its first key if none are named. */
export function keyCondition(
  relation: Relation,
  row: Row,
  key: readonly string[] = relation.uniques[0] ?? [],
): string {
  const parts = relation.columns
    .filter(({ name }) => key.includes(name))
    .map(
      (column) => `${quoteIdentifier(column.name)} = ${literal(row[column.name] ?? null, column)}`,
    );
  return parts.length > 0 ? `(${parts.join(" and ")})` : "false";
}

/** `a = 'x'::text, b = …`, for SET. */
export function assignments(relation: Relation, values: Choice): string {
  return relation.columns
    .filter(({ name }) => name in values)
    .map(
      (column) =>
        `${quoteIdentifier(column.name)} = ${literal(values[column.name] ?? null, column)}`,
    )
    .join(", ");
}

/** A user who has signed up, as the superuser enters them, with triggers on. */
export function signedUp({ relation, statement }: SignUp): Given {
  return {
    kind: "signed up",
    description: `who signs up as "${statement}"`,
    before: ["set local session_replication_role = origin", statement],
    users: relation,
  };
}

function describeChoice(choice: Choice): string {
  const told = Object.entries(choice).map(([name, value]) => `${name} ${value ?? "null"}`);
  return told.length > 0 ? ` (${told.join(", ")})` : "";
}
