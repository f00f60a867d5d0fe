import type { Value } from "../rows/candidate-values";
import { type Catalog, type Column, type Relation, type Routine, isSecret } from "../rows/catalog";
import { wordsOf } from "../rows/hints";
import { insertStatement, literal, quoteIdentifier } from "../rows/statements";
import {
  type Given,
  type TwoWorlds,
  assignments,
  keyCondition,
  listedRow,
  userIn,
} from "./given-rows";
import { type Choice, type List, choicesOf } from "./lists";

/** A write by which the attacker may gain something. */
export interface Move {
  statement: string;
  /** The table that it writes, or the function that it calls. */
  target: Relation | Routine;
  list?: List;
  /** It may have an effect on the attacker's own rows, and another after other moves. */
  again?: boolean;
}

const MOST_CALLS = 32;
const STEP = 1009;
const MOST_ARGUMENTS = 8;

/** Every write of a role that may let it into the victim's world. */
export function movesOf(
  catalog: Catalog,
  lists: readonly List[],
  worlds: TwoWorlds,
  role: string,
  givens: readonly Given[],
): Move[] {
  const moves = [
    ...lists.flatMap((list) => listMoves(catalog, list, worlds, role)),
    ...catalog.relations.flatMap((relation) => keyMoves(catalog, relation, worlds, role)),
    ...calls(catalog, lists, worlds, role, givens),
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
      return [row, { ...row, ...alone }].map((one) =>
        move(insertStatement(relation, one, rights.insertColumns)),
      );
    },
  );
  if (!own || rights.updateColumns.length === 0) return inserts;
  const mayUpdate = (name: string) => rights.updateColumns.includes(name);
  const mayLookAt = (names: readonly string[]) =>
    names.every((name) => rights.selectColumns.includes(name));
  const mine = mayLookAt([user])
    ? ` where ${quoteIdentifier(user)} = ${literal(userIn(worlds.attacker, relation, user), column)}`
    : "";
  const update = (values: Choice, where: string) => {
    const set = assignments(relation, values);
    const statement = `update ${relation.sql} set ${set}${where}`;
    return set === "" ? [] : [{ ...move(statement), again: true }];
  };
  // Who else is named in the row may be a condition: who approved it.
  const approved = users.filter((name) => name !== user && mayUpdate(name));
  const choices = [
    ...choicesOf(list, mayUpdate),
    ...approved.map((name) => ({ [name]: userIn(worlds.attacker, relation, user) })),
  ];
  const theirs = listedRow(catalog, list, worlds, {}, 1) ?? {};
  const elsewhere = Object.fromEntries(
    links
      .flatMap(({ columns }) => columns)
      .filter((name) => mayUpdate(name) && name in theirs)
      .map((name) => [name, theirs[name] ?? null]),
  );
  // Of several rows that went to the same place, a unique key would stop the second.
  const isFound = mayLookAt(relation.uniques[0] ?? [user]);
  const one = isFound ? ` where ${keyCondition(relation, own)}` : mine;
  return [
    ...inserts,
    ...choices.flatMap((choice) => update(choice, mine)),
    ...(Object.keys(elsewhere).length > 0
      ? choices.flatMap((choice) => update({ ...choice, ...elsewhere }, one))
      : []),
  ];
}

/** The victim's rows are gone from tables whose keys the attacker may take. */
export function orphaned(catalog: Catalog, { victim }: TwoWorlds, role: string): Given[] {
  return catalog.relations.flatMap((relation) =>
    takenKeys(relation, role).flatMap((column): Given[] => {
      const values = danglingValues(catalog, relation, column.name, victim);
      if (values.length === 0) return [];
      const keys = values.map((value) => literal(value, column)).join(", ");
      return [
        {
          kind: "left",
          changes: { relation, world: victim.world.index },
          description: `after user B deleted their rows of ${relation.sql}`,
          before: [
            `delete from ${relation.sql} where ${quoteIdentifier(column.name)} in (${keys})`,
          ],
        },
      ];
    }),
  );
}

/** The keys of a table that a role may choose. */
function takenKeys(relation: Relation, role: string): Column[] {
  const rights = relation.rights[role];
  if (!rights || (relation.kind !== "r" && relation.kind !== "p")) return [];
  return relation.columns.filter(
    ({ name }) =>
      relation.uniques.some((names) => names.join() === name) &&
      (rights.insertColumns.includes(name) || rights.updateColumns.includes(name)),
  );
}

/** Takes a key that rows of the victim's refer to without a foreign key. */
function keyMoves(
  catalog: Catalog,
  relation: Relation,
  { attacker, victim }: TwoWorlds,
  role: string,
): Move[] {
  const rights = relation.rights[role];
  const [spare] = attacker.spare(relation);
  const [own] = attacker.rows(relation);
  if (!rights) return [];
  return takenKeys(relation, role).flatMap((column) => {
    const name = quoteIdentifier(column.name);
    return danglingValues(catalog, relation, column.name, victim).flatMap((value): Move[] => {
      const inserts =
        spare && rights.insertColumns.includes(column.name)
          ? [insertStatement(relation, { ...spare, [column.name]: value }, rights.insertColumns)]
          : [];
      const isFound = own && rights.selectColumns.includes(column.name);
      const where = isFound ? ` where ${name} = ${literal(own[column.name] ?? null, column)}` : "";
      const updates = rights.updateColumns.includes(column.name)
        ? [`update ${relation.sql} set ${name} = ${literal(value, column)}${where}`]
        : [];
      return [...inserts, ...updates].map((statement) => ({ statement, target: relation }));
    });
  });
}

/** Values of the victim's rows that a policy compares with a key, and no foreign key holds to it. */
export function danglingValues(
  { relations }: Catalog,
  { id, name, columns }: Relation,
  key: string,
  victim: TwoWorlds["victim"],
): Value[] {
  const type = columns.find((column) => column.name === key)?.type;
  const found = relations
    .filter((child) => child.id !== id)
    .flatMap((child) => {
      const words = child.policies.map(({ using, check }) =>
        wordsOf(`${using ?? ""} ${check ?? ""}`),
      );
      const asking = words.filter((some) => some.has(name) && some.has(key));
      return child.columns
        .filter((column) => column.type === type && asking.some((some) => some.has(column.name)))
        .filter(
          (column) =>
            !child.foreignKeys.some(
              ({ columns: held, target }) => target === id && held.includes(column.name),
            ),
        )
        .flatMap((column) => victim.rows(child).map((row) => row[column.name] ?? null));
    });
  return [...new Set(found)].filter((value) => value !== null).slice(0, MOST_ARGUMENTS);
}

/** Calls of functions that write, with keys of the victim's rows and the values that lists know. */
function calls(
  catalog: Catalog,
  lists: readonly List[],
  { attacker, victim }: TwoWorlds,
  role: string,
  givens: readonly Given[],
): Move[] {
  return catalog.routines
    .filter(
      ({ returns, volatile, executableBy }) =>
        volatile && executableBy.includes(role) && !/trigger$/.test(returns),
    )
    .flatMap((routine) => {
      const words = wordsOf(routine.source);
      const tables = catalog.relations.filter(({ name }) => words.has(name));
      const known = tables.flatMap((relation) => {
        const given = givens.flatMap(({ list, row }) =>
          list?.relation === relation && row ? [row] : [],
        );
        const rows = [
          ...victim.rows(relation).slice(0, 1),
          ...given,
          ...attacker.rows(relation).slice(0, 1),
        ];
        const { deciding = [] } = lists.find((list) => list.relation === relation) ?? {};
        const isKey = (column: string) =>
          [...relation.uniques, ...relation.foreignKeys.map(({ columns }) => columns)].some(
            (names) => names.includes(column),
          );
        return relation.columns
          .filter((column) => isKey(column.name) && !isSecret(relation, column))
          .map(({ name, type }) => ({ type, values: rows.map((row) => row[name] ?? null) }))
          .concat(deciding.map(({ column, values }) => ({ type: column.type, values })));
      });
      return argumentLists(routine, known).map((list): Move => {
        const call = `${routine.sql}(${list})`;
        return {
          statement: `${routine.kind === "p" ? "call" : "select"} ${call}`,
          target: routine,
        };
      });
    });
}

/** Every combination of fitting values for the arguments, or of many a sample. */
function argumentLists(
  { arguments: given }: Routine,
  known: readonly { type: string; values: Value[] }[],
): string[] {
  const bare = (type: string) => type.replace(/\(.*\)/, "").replace(/^character varying$/, "text");
  const choices = given.map(({ type }) => {
    const fitting = known.filter((one) => bare(one.type) === bare(type));
    const found = fitting.flatMap(({ values }) => values).filter((value) => value !== null);
    const values = found.length > 0 ? [...new Set(found)] : [defaultOf(type)];
    return values.slice(0, MOST_ARGUMENTS).map((value) => literal(value, { type }));
  });
  const total = choices.reduce((product, { length }) => product * length, 1);
  // The step shares no factor with any number of values, so that they meet in ever other pairs.
  const step = total > MOST_CALLS ? STEP : 1;
  return Array.from({ length: Math.min(total, MOST_CALLS) }, (_, index) => {
    let rest = (index * step) % total;
    return choices
      .map((values) => {
        const value = values[rest % values.length];
        rest = Math.floor(rest / values.length);
        return value;
      })
      .join(", ");
  });
}

function defaultOf(type: string): Value {
  if (type === "boolean") return "true";
  if (type === "text" || type === "character varying") return "a";
  if (/^(?:smallint|integer|bigint|numeric)$/.test(type)) return "1";
  return null;
}
