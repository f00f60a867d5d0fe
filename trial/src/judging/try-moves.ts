import type { ClientBase } from "pg";
import type { Catalog } from "../catalog";
import { callEngine } from "../engine";
import type { HintReader } from "../hints";
import { type Given, type TwoWorlds, givenRows } from "../attacks/given-rows";
import { type Naming, listsOf } from "../attacks/lists";
import { type Move, movesOf, orphaned } from "../attacks/moves";
import { type Gain, type Privilege, type State, gainsOf, privilegesOf } from "./gains";
import { probesOf } from "../attacks/probes";

/** How many moves an attacker makes one after the other. */
const ROUNDS = 3;

/** Who makes moves: a signed-in user, as the login role takes them on. */
export interface Mover {
  login: string;
  role: string;
  settings: Record<string, string>;
}

/** What moves have shown. */
export interface MovesTried {
  gains: Gain[];
  privileges: Privilege[];
  attempts: number;
}

/**
 * Lets a user make each write that may let them into another world, one, two and three after the other, and
 * compares what they can do then with what they were given.
 * @param victim the number of the other world.
 */
export async function tryMoves(
  client: ClientBase,
  {
    catalog,
    hints,
    naming,
    worlds,
    victim,
    mover,
  }: {
    catalog: Catalog;
    hints: HintReader;
    naming: Naming;
    worlds: TwoWorlds;
    victim: number;
    mover: Mover;
  },
): Promise<MovesTried> {
  const lists = listsOf(catalog, hints, naming);
  const givens = [...givenRows(catalog, lists, worlds), ...orphaned(catalog, worlds, mover.role)];
  const moves = movesOf(catalog, lists, worlds, mover.role, givens);
  const own = givens.filter(({ kind }) => kind === "own");
  if (moves.length === 0 && own.length === 0) return { gains: [], privileges: [], attempts: 0 };
  const probes = probesOf(catalog, lists, naming.usersOf, worlds, mover.role);
  const job = {
    ...mover,
    victim,
    tables: catalog.relations.filter(({ kind }) => kind === "r").map(({ id }) => id),
    again: moves.flatMap(({ again }, index) => (again === true ? [index + 1] : [])),
    probes: probes.map(({ kind, statement, grant = null, relations }) => ({
      kind,
      statement,
      grant,
      relations,
    })),
  };
  const statesOf = async (given: Given, before: readonly Given[], made: readonly Move[]) => {
    const found = await callEngine<{ path: number[]; powers: string[] }[]>(client, "moves", {
      ...job,
      before: [...before, given].flatMap((one) => one.before),
      moves: made.map(({ statement }) => statement),
      rounds: ROUNDS,
    });
    return found.map(({ path, powers }) => ({
      given,
      moves: path.flatMap((number) => made[number - 1] ?? []),
      powers: new Set(powers),
    }));
  };
  const openings: State[] = [];
  for (const given of own) openings.push(...(await statesOf(given, [], [])));
  const quiet = quietest(openings);
  const states: State[] = [];
  for (const given of givens) {
    const others = quiet.filter(({ list }) => list?.relation !== given.list?.relation);
    states.push(...(await statesOf(given, others, moves)));
  }
  return {
    gains: gainsOf(states, probes),
    privileges: privilegesOf(states, probes),
    attempts: givens.length * moves.length + states.length * probes.length,
  };
}

/** Of each table that gives its user powers by values: the row that gives the least. */
function quietest(states: readonly State[]): Given[] {
  const least = new Map<unknown, State>();
  for (const state of states) {
    const { list, choice } = state.given;
    const known = least.get(list?.relation);
    if (choice && (!known || state.powers.size < known.powers.size))
      least.set(list?.relation, state);
  }
  return [...least.values()].map(({ given }) => given);
}
