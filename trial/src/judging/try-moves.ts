import type { ClientBase } from "pg";
import { type Given, type WorldRows, givenRows } from "../attacks/given-rows";
import type { Identity } from "../attacks/identities";
import { type SharedRows, listsOf } from "../attacks/lists";
import { type Move, movesOf, orphaned } from "../attacks/moves";
import { probesOf } from "../attacks/probes";
import { callEngine } from "../rows/engine";
import type { Fill } from "../rows/fill";
import type { HintReader } from "../rows/hints";
import type { Row } from "../rows/row-planner";
import { quoteIdentifier } from "../rows/statements";
import { type World, victimOf } from "../rows/worlds";
import { type Gain, type Privilege, type State, gainsOf, privilegesOf } from "./gains";
import type { Shared } from "./shared";

/** How many moves an attacker makes one after the other. */
const ROUNDS = 3;
const MOST_SHARED = 5;

/** What moves have shown. */
export interface MovesTried {
  gains: Gain[];
  privileges: Privilege[];
  attempts: number;
}

/**
 * Lets a user make each write that may let them into another world, one, two and three after the other, and
 * compares what they can do then with what they were given.
 */
export async function tryMoves(
  client: ClientBase,
  identity: Identity,
  shared: Shared,
  hints: HintReader,
): Promise<MovesTried> {
  const { catalog, links, fill } = shared;
  const { role, login, settings, world = null } = identity;
  if (!world) throw new Error("Moves are a user's.");
  const victim = victimOf(world);
  const worlds = {
    attacker: rowsOf(fill, world),
    victim: rowsOf(fill, victim),
  };
  const lists = listsOf(catalog, hints, links, await readShared(client, shared, worlds.attacker));
  const givens = [...givenRows(catalog, lists, worlds), ...orphaned(catalog, worlds, role)];
  const moves = movesOf(catalog, lists, worlds, role, givens);
  const own = givens.filter(({ kind }) => kind === "own");
  if (moves.length === 0 && own.length === 0) return { gains: [], privileges: [], attempts: 0 };
  const probes = probesOf(catalog, lists, links, worlds, role);
  const job = {
    role,
    login,
    settings,
    victim: victim.index,
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

function rowsOf(fill: Fill, world: World): WorldRows {
  return {
    world,
    rows: (relation) => fill.of(relation).rows[world.index] ?? [],
    spare: (relation) => fill.of(relation).spare[world.index] ?? [],
  };
}

/**
 * The rows of tables that are nobody's, and that others refer to: roles, plans. Where the migrations made
 * none, the attacker's stand for them.
 */
async function readShared(
  client: ClientBase,
  { catalog: { relations }, links, fill }: Shared,
  attacker: WorldRows,
): Promise<SharedRows> {
  const found = new Map<number, Row[]>();
  const targets = new Set(relations.flatMap((one) => one.foreignKeys.map(({ target }) => target)));
  for (const relation of relations) {
    if (relation.kind !== "r" || !targets.has(relation.id) || !links.isShared(relation)) continue;
    const texts = relation.columns.map(({ name }) => `${quoteIdentifier(name)}::text`).join(", ");
    const { rows } = await client.query<Row>(
      `select ${texts} from only ${relation.sql} order by ctid limit ${MOST_SHARED}`,
    );
    const [key = []] = relation.uniques;
    const isFilled = (row: Row) =>
      fill
        .of(relation)
        .rows.flat()
        .some((one) => key.every((name) => one[name] === row[name]));
    const seeded = rows.filter((row) => !isFilled(row));
    found.set(relation.id, seeded.length > 0 ? seeded : attacker.rows(relation));
  }
  return found;
}
