import type { Value } from "../rows/candidate-values";
import type { Catalog, Relation } from "../rows/catalog";
import type { Links } from "../rows/links";
import type { Row } from "../rows/row-planner";
import type { World } from "../rows/worlds";
import { insertStatement, literal, quoteIdentifier } from "../rows/statements";
import { type Choice, type List, choicesOf, usersOf } from "./lists";

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

/** What others made of the attacker before the attack, and what that attack is measured against. */
export interface Given {
  /** A place in a list, other values in a row of one's own, keys that the victim left behind. */
  kind: "nothing" | "listed" | "own" | "left";
  /** What a reader is told of the attacker. */
  description: string;
  /** By the superuser. */
  before: string[];
  /** Whose rows change, and whose world those that are new are of. */
  changes?: { relation: Relation; world: number };
  list?: List;
  choice?: Choice;
  row?: Row;
}

/**
 * Nothing; and each row that others could have given the attacker: a place in a list of the victim's world,
 * another value of a row of their own, or none.
 */
export function givenRows(catalog: Catalog, lists: readonly List[], worlds: TwoWorlds): Given[] {
  return [
    { kind: "nothing", description: "", before: [] },
    ...lists.flatMap((list) => {
      if (list.links.length > 0) return listed(catalog, list, worlds);
      // A list of pairs of users: what the other one wrote is their consent, and what the attacker can
      // write is a move.
      return list.users.length > 1 && !list.isSingle ? [] : described(list, worlds);
    }),
  ];
}

/** The victim's rows name the attacker in an array, whom they let in beside their owner. */
export function guests(
  { relations }: Catalog,
  links: Links,
  { attacker, victim }: TwoWorlds,
  role: string,
): Given[] {
  return relations.flatMap((relation) => {
    const mayUpdate = (relation.rights[role]?.updateColumns ?? []).length > 0;
    // A row that names users in an array alone is all of theirs.
    if (relation.kind !== "r" || !mayUpdate || usersOf(relation, links).length === 0) return [];
    const names = links.of(relation).flatMap(({ isUser, columns }) => (isUser ? columns : []));
    return relation.columns
      .filter(({ name, element }) => names.includes(name) && element !== null)
      .map((column): Given => {
        const name = quoteIdentifier(column.name);
        const own = literal(attacker.world.id, { type: column.element ?? "" });
        const theirs = victim
          .rows(relation)
          .map((row) => keyCondition(relation, row))
          .join(" or ");
        return {
          kind: "listed",
          description: `whom user ${victim.world.name} names in ${column.name} of ${relation.sql}`,
          before: [`update ${relation.sql} set ${name} = array[${own}] where ${theirs}`],
          changes: { relation, world: victim.world.index },
        };
      });
  });
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

/** The condition that a row's first key finds it by. */
export function keyCondition(relation: Relation, row: Row): string {
  const [key = []] = relation.uniques;
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

function describeChoice(choice: Choice): string {
  const told = Object.entries(choice).map(([name, value]) => `${name} ${value ?? "null"}`);
  return told.length > 0 ? ` (${told.join(", ")})` : "";
}
