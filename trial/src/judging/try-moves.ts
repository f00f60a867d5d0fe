import type { ClientBase } from "pg";
import { type Given, type WorldRows, givenRows, guests } from "../attacks/given-rows";
import type { Identity } from "../attacks/identities";
import { type SharedRows, listsOf, usersOf } from "../attacks/lists";
import { type Move, movesOf, orphaned } from "../attacks/moves";
import { MOVES_SQL } from "../attacks/moves-sql";
import { type Probe, probesOf } from "../attacks/probes";
import type { Relation } from "../rows/catalog";
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

/** What a user may try, and how it is measured. */
interface Plan {
  givens: Given[];
  moves: Move[];
  probes: Probe[];
  /** The powers that something given brings, and those after each series of moves. */
  statesOf(given: Given, moves: readonly Move[]): Promise<State[]>;
}

/**
 * Where values in a user's own row open other worlds, a role or a flag, gives all users values that open
 * least, so that what is attacked is not what an administrator may do.
 */
export async function quietOwnRows(
  client: ClientBase,
  identity: Identity,
  shared: Shared,
  hints: HintReader,
): Promise<void> {
  const { givens, statesOf } = await planMoves(client, identity, shared, hints, false);
  const own = givens.filter(({ kind, choice }) => kind === "own" && choice);
  if (own.length === 0) return;
  await client.query(MOVES_SQL);
  const [nothing] = await statesOf({ kind: "nothing", description: "", before: [] }, []);
  const least = new Map<Relation, State>();
  for (const given of own) {
    const [state] = await statesOf(given, []);
    const relation = given.list?.relation;
    const known = (relation && least.get(relation)) ?? nothing;
    if (relation && state && known && state.powers.size < known.powers.size)
      least.set(relation, state);
  }
  for (const [relation, { given }] of least)
    await shared.fill.replace(relation, given.choice ?? {});
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
  const plan = await planMoves(client, identity, shared, hints, true);
  const { givens, moves, probes, statesOf } = plan;
  if (moves.length === 0 && !givens.some(({ kind }) => kind === "own" || kind === "listed"))
    return { gains: [], privileges: [], attempts: 0 };
  await client.query(MOVES_SQL);
  const states: State[] = [];
  for (const given of givens) states.push(...(await statesOf(given, moves)));
  return {
    gains: gainsOf(states, probes),
    privileges: privilegesOf(states, probes),
    attempts: givens.length * moves.length + states.length * probes.length,
  };
}

async function planMoves(
  client: ClientBase,
  { role, login, settings, world }: Identity,
  shared: Shared,
  hints: HintReader,
  isRemembered: boolean,
): Promise<Plan> {
  const { catalog, links, fill } = shared;
  if (!world) throw new Error("Moves are made by the user of a world.");
  const victim = victimOf(world);
  const worlds = { attacker: rowsOf(fill, world), victim: rowsOf(fill, victim) };
  const roles = await readShared(client, shared, worlds.attacker);
  const lists = listsOf(catalog, hints, links, roles);
  const givens = [
    ...givenRows(catalog, lists, worlds),
    ...guests(catalog, links, worlds, role),
    ...orphaned(catalog, worlds, role),
  ];
  const probes = probesOf(catalog, lists, links, worlds, role);
  const tables = catalog.relations.filter(({ kind }) => kind === "r").map(({ id }) => id);
  const asked = probes.map(({ kind, relation, statement, grant = null, relations }) => ({
    kind,
    statement,
    grant,
    relations,
    // A row that leads to more than users stays where that is.
    isOwned: links.of(relation).every(({ isUser }) => isUser),
    key: relation.primaryKey.filter((name) => !usersOf(relation, links).includes(name)),
  }));
  return {
    givens,
    moves: movesOf(catalog, lists, worlds, role, givens),
    probes,
    async statesOf(given, moves) {
      const found = await callEngine<{ path: number[]; powers: string[] }[]>(client, "moves", {
        role,
        login,
        settings,
        victim: victim.index,
        ...(isRemembered ? { attacker: world.index } : {}),
        tables,
        probes: asked,
        before: given.before,
        ...(given.changes
          ? { given: { relation: given.changes.relation.id, world: given.changes.world } }
          : {}),
        moves: moves.map(({ statement }) => statement),
        again: moves.flatMap(({ again }, index) => (again === true ? [index + 1] : [])),
        rounds: ROUNDS,
      });
      return found.map(({ path, powers }) => ({
        given,
        moves: path.flatMap((number) => moves[number - 1] ?? []),
        powers: new Set(powers),
      }));
    },
  };
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
