import type { Value } from "../rows/candidate-values";
import type { Catalog, Column, Relation, Routine } from "../rows/catalog";
import { wordsOf } from "../rows/hints";
import type { Row } from "../rows/row-planner";
import { insertStatement, literal, quoteIdentifier } from "../rows/statements";
import { argumentValues, writeArguments } from "./arguments";
import {
  type Given,
  type TwoWorlds,
  assignments,
  keyCondition,
  listedRow,
  userIn,
} from "./given-rows";
import { type Choice, type List, choicesOf } from "./lists";

/**
 * A write by which attackers may let themselves into the victim's world: they enter a list, change a row of
 * their own, take a key that the victim's rows name, or call a function.
 */
export interface Move {
  statement: string;
  /** The table that it writes, or the function that it calls. */
  target: Relation | Routine;
  list?: List;
  /** It enters the attacker into the list. */
  isEntry?: boolean;
  /** The values that it gives the attacker's own row. */
  values?: Choice;
  /** It may have an effect on the attacker's own rows, and another after other moves. */
  again?: boolean;
}

/** A call of a function, as SQL. */
export interface Call {
  routine: Routine;
  call: string;
}

const MOST_CALLS = 48;
const STEP = 1009;
const MOST_ARGUMENTS = 8;

/** Every write of a role that may let it into the victim's world. */
export function movesOf(
  catalog: Catalog,
  lists: readonly List[],
  worlds: TwoWorlds,
  role: string,
  calls: readonly Call[],
): Move[] {
  const moves = [
    ...lists.flatMap((list) => listMoves(catalog, list, worlds, role)),
    ...keyMoves(catalog, worlds, role),
    ...calls
      .filter(({ routine }) => routine.volatile)
      .map(({ routine, call }): Move => {
        const verb = routine.kind === "p" ? "call" : "select";
        return { statement: `${verb} ${call}`, target: routine };
      }),
  ];
  const seen = new Set<string>();
  return moves.filter(({ statement }) => !seen.has(statement) && seen.add(statement));
}

function listMoves(catalog: Catalog, list: List, worlds: TwoWorlds, role: string): Move[] {
  const { relation, user, users, links } = list;
  const rights = relation.rights[role];
  const own = worlds.attacker.rows(relation)[0];
  const column = relation.columns.find(({ name }) => name === user);
  if (!rights || !column) return [];
  const move = (statement: string): Move => ({ statement, target: relation, list });
  const inserts = choicesOf(list, (name) => rights.insertColumns.includes(name)).flatMap(
    (choice) => {
      const row = listedRow(catalog, list, worlds, choice, 1);
      if (!row || rights.insertColumns.length === 0) return [];
      // Whoever else is named: the victim, as the one who invites, or the attacker.
      const alone = Object.fromEntries(
        users.map((name) => [name, userIn(worlds.attacker, relation, name)]),
      );
      return [row, { ...row, ...alone }].map((one) => ({
        ...move(insertStatement(relation, one, rights.insertColumns)),
        isEntry: true,
      }));
    },
  );
  if (!own || rights.updateColumns.length === 0) return inserts;
  const mayUpdate = (name: string) => rights.updateColumns.includes(name);
  const mayLookAt = (names: readonly string[]) =>
    names.every((name) => rights.selectColumns.includes(name));
  const theirs = listedRow(catalog, list, worlds, {}, 1) ?? {};
  const leading = links.flatMap(({ columns }) => columns);
  const where = (row: Row, names: readonly string[]) =>
    mayLookAt(names) ? ` where ${keyCondition(relation, row, names)}` : "";
  // The row that leads into the victim's world, where there is one; else all of the attacker's.
  const mine = where(theirs, [user, ...leading]);
  const update = (values: Choice, which: string): Move[] => {
    const set = assignments(relation, values);
    const statement = `update ${relation.sql} set ${set}${which}`;
    return set === "" ? [] : [{ ...move(statement), values, again: leading.length === 0 }];
  };
  // Who else is named in the row may be a condition: who approved it.
  const approved = users.filter((name) => name !== user && mayUpdate(name));
  const choices = [
    ...choicesOf(list, mayUpdate),
    ...approved.map((name) => ({ [name]: userIn(worlds.attacker, relation, user) })),
  ];
  const elsewhere = Object.fromEntries(
    leading
      .filter((name) => mayUpdate(name) && name in theirs)
      .map((name) => [name, theirs[name] ?? null]),
  );
  // Of several rows that went to the same place, a unique key would stop the second.
  const one = where(own, relation.uniques[0] ?? [user]);
  return [
    ...inserts,
    ...choices.flatMap((choice) => update(choice, mine)),
    ...(Object.keys(elsewhere).length > 0
      ? choices.flatMap((choice) => update({ ...choice, ...elsewhere }, one))
      : []),
  ];
}

/** A key that the attacker may choose, and its values that rows of the victim's name without a foreign key. */
interface LooseKey {
  relation: Relation;
  column: Column;
  values: Value[];
}

/** The loose keys of a schema: the victim's rows name them, and a policy compares the two. */
function looseKeys({ relations }: Catalog, { victim }: TwoWorlds, role: string): LooseKey[] {
  return relations.flatMap((relation) => {
    const { id, kind, uniques, columns } = relation;
    const rights = relation.rights[role];
    if (!rights || (kind !== "r" && kind !== "p")) return [];
    const mayChoose = [...rights.insertColumns, ...rights.updateColumns];
    const keys = columns.filter(
      (column) =>
        mayChoose.includes(column.name) && uniques.some((key) => key.join() === column.name),
    );
    const asked =
      keys.length === 0
        ? []
        : relations.flatMap((child) => {
            const reading = child.policies.filter(({ reads }) => reads.includes(id));
            const texts = reading.map(({ using, check }) =>
              wordsOf(`${using ?? ""} ${check ?? ""}`),
            );
            return texts.length > 0 ? [{ child, texts }] : [];
          });
    return keys.flatMap((column): LooseKey[] => {
      const named = asked.flatMap(({ child, texts }) => {
        const asking = texts.filter((words) => words.has(column.name));
        const isHeld = (one: string) =>
          child.foreignKeys.some((key) => key.target === id && key.columns.includes(one));
        return child.columns
          .filter((one) => one.type === column.type && asking.some((words) => words.has(one.name)))
          .filter((one) => !isHeld(one.name))
          .flatMap((one) => victim.rows(child).map((row) => row[one.name] ?? null));
      });
      const values = [...new Set(named)].filter((value) => value !== null);
      return values.length > 0
        ? [{ relation, column, values: values.slice(0, MOST_ARGUMENTS) }]
        : [];
    });
  });
}

/** The victim's rows are gone from tables whose keys the attacker may choose. */
export function orphaned(catalog: Catalog, worlds: TwoWorlds, role: string): Given[] {
  const { world } = worlds.victim;
  return looseKeys(catalog, worlds, role).map(({ relation, column, values }): Given => {
    const keys = values.map((value) => literal(value, column)).join(", ");
    return {
      kind: "left",
      changes: { relation, world: world.index },
      description: `after user ${world.name} deleted their rows of ${relation.sql}`,
      before: [`delete from ${relation.sql} where ${quoteIdentifier(column.name)} in (${keys})`],
    };
  });
}

/** Takes keys that rows of the victim's name. */
function keyMoves(catalog: Catalog, worlds: TwoWorlds, role: string): Move[] {
  return looseKeys(catalog, worlds, role).flatMap(({ relation, column, values }) => {
    const {
      insertColumns = [],
      updateColumns = [],
      selectColumns = [],
    } = relation.rights[role] ?? {};
    const name = quoteIdentifier(column.name);
    const [spare] = worlds.attacker.spare(relation);
    const [own] = worlds.attacker.rows(relation);
    const isFound = own && selectColumns.includes(column.name);
    const where = isFound ? ` where ${name} = ${literal(own[column.name] ?? null, column)}` : "";
    return values
      .flatMap((value) => [
        ...(spare && insertColumns.includes(column.name)
          ? [insertStatement(relation, { ...spare, [column.name]: value }, insertColumns)]
          : []),
        ...(updateColumns.includes(column.name)
          ? [`update ${relation.sql} set ${name} = ${literal(value, column)}${where}`]
          : []),
      ])
      .map((statement) => ({ statement, target: relation }));
  });
}

/** Calls of functions with keys of the victim's rows and the values that lists know. */
export function callsOf(
  catalog: Catalog,
  lists: readonly List[],
  { attacker, victim }: TwoWorlds,
  role: string,
  givens: readonly Given[],
): Call[] {
  const open = catalog.routines.filter(
    ({ returns, executableBy }) => executableBy.includes(role) && !/trigger$/.test(returns),
  );
  return open.flatMap((routine) => {
    const words = wordsOf(routine.source);
    const decided = lists.filter(({ relation }) => words.has(relation.name));
    const rowsOf = (relation: Relation) => [
      ...victim.rows(relation),
      ...givens.flatMap(({ list, row }) => (list?.relation === relation && row ? [row] : [])),
    ];
    const found = argumentValues(routine, catalog, victim.world, rowsOf);
    const choices = routine.arguments.map(({ type }, place): Value[] => {
      const deciding = decided.flatMap((list) =>
        list.deciding.filter(({ column }) => column.type === type).flatMap(({ values }) => values),
      );
      const self = type === "uuid" ? [attacker.world.id] : [];
      const [likeliest, ...others] = found[place] ?? [];
      const values = new Set([...deciding, likeliest ?? null, ...self, ...others]);
      const most = found.length > 1 ? MOST_ARGUMENTS : MOST_CALLS;
      return [...values].filter((value) => value !== null).slice(0, most);
    });
    return combinations(choices).map((values) => ({
      routine,
      call: `${routine.sql}(${writeArguments(routine, values)})`,
    }));
  });
}

/** Every combination of values, or of many a sample. */
function combinations(choices: readonly Value[][]): Value[][] {
  const total = choices.reduce((product, { length }) => product * Math.max(1, length), 1);
  // The step shares no factor with any number of values, so that they meet in ever other pairs.
  const step = total > MOST_CALLS ? STEP : 1;
  return Array.from({ length: Math.min(total, MOST_CALLS) }, (_, index) => {
    let rest = (index * step) % total;
    return choices.map((values) => {
      const value = values[rest % Math.max(1, values.length)] ?? null;
      rest = Math.floor(rest / Math.max(1, values.length));
      return value;
    });
  });
}
