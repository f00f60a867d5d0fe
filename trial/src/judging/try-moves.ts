import type { ClientBase } from "pg";
import {
  type Given,
  type WorldRows,
  NOTHING,
  abandoned,
  assignments,
  givenRows,
  keyCondition,
  signedUp,
} from "../attacks/given-rows";
import type { Identity, Movers } from "../attacks/identities";
import type { FailedAttempt } from "../attacks/job";
import { type SharedRows, choicesOf, listsOf } from "../attacks/lists";
import { type Move, callsOf, movesOf, orphaned } from "../attacks/moves";
import { signUpsOf } from "../attacks/sign-ups";
import { type Probe, callProbes, probesOf } from "../attacks/probes";
import { reachOf } from "../attacks/reach";
import type { Relation, Routine } from "../rows/catalog";
import { callEngine } from "../rows/engine";
import type { Fill } from "../rows/fill";
import type { HintReader } from "../rows/hints";
import type { Row } from "../rows/row-planner";
import { insertStatement, quoteIdentifier } from "../rows/statements";
import { type World, victimOf } from "../rows/worlds";
import { type Gain, type State, gainsOf, plainestOf, privilegesOf, signUpGains } from "./gains";
import type { Shared } from "./shared";

/** How many moves an attacker makes one after the other. */
const ROUNDS = 3;
const MOST_SHARED = 5;

/** What moves have shown. */
export interface MovesTried {
  /** Who made them. */
  identity: Identity;
  gains: Gain[];
  privileges: Gain[];
  /** What newcomers get by what they choose for themselves, the plainest of each table of users. */
  signUps: Gain[];
  attempts: number;
  /** Functions that did something when they were called, with what was given or after other moves. */
  called: ReadonlySet<string>;
  failures: readonly FailedAttempt[];
  /** Why moves say nothing. */
  reason?: string;
}

/** A series of moves, by their numbers, and what is possible after it, or the error that its last one ended in. */
interface Found {
  path: number[];
  powers?: string[];
  /** Errors of probes, by their numbers, that were neither refusals nor constraints'. */
  errors?: { probe: number; error: string; message: string }[];
  /** The SQLSTATE. */
  error?: string;
  message?: string;
}

/** What a user may try, and how it is measured. */
interface Plan {
  failures: FailedAttempt[];
  givens: Given[];
  moves: Move[];
  probes: Probe[];
  /** How many probes were measured for a state. */
  measured(state: State): number;
  /** The powers that something given brings, and those after each series of moves; undefined after too long. */
  statesOf(given: Given, moves: readonly Move[], as?: Identity): Promise<State[] | undefined>;
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
  const { givens, statesOf } = await planMoves(client, identity, shared, hints);
  const own = givens.filter(({ kind, choice }) => kind === "own" && choice);
  if (own.length === 0) return;
  const [nothing] = (await statesOf(NOTHING, [])) ?? [];
  const least = new Map<Relation, State>();
  for (const given of own) {
    const [state] = (await statesOf(given, [])) ?? [];
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
  { attacker, victim, newcomer }: Movers,
  shared: Shared,
  hints: HintReader,
): Promise<MovesTried> {
  const plan = await planMoves(client, attacker, shared, hints);
  const { givens, moves, probes, statesOf } = plan;
  const states: State[] = [];
  let slow: Given | undefined;
  const isIdle = moves.length === 0 && !givens.some(({ kind }) => kind === "own");
  for (const given of isIdle ? [] : givens) {
    const some = await statesOf(given, moves);
    if (!some) slow = given;
    states.push(...(some ?? []));
    if (slow) break;
  }
  const signUps = await trySignUps(newcomer, plan, shared);
  const called = states
    .flatMap((state) => state.moves.map(({ target }) => target))
    .flatMap((target) => ("signature" in target ? [target.signature] : []));
  const tried = {
    identity: attacker,
    attempts:
      (isIdle ? 0 : givens.length * moves.length + sum(states.map(plan.measured))) +
      signUps.attempts,
    signUps: signUps.gains,
    called: new Set(called),
    failures: plan.failures,
  };
  if (slow) {
    // Without what was given to others there is no measure.
    const who = ["user A", slow.description].filter((text) => text !== "").join(", ");
    const reason = `${who}, did not finish their moves in time`;
    return { ...tried, gains: [], privileges: [], reason };
  }
  const gains: Gain[] = [];
  for (const gain of gainsOf(states, probes))
    if (!(await isAcceptance(gain, victim, plan, shared))) gains.push(gain);
  return { ...tried, gains: plainestOf(gains), privileges: privilegesOf(states, probes) };
}

/** Lets users sign up with what they choose for themselves, and compares what they can do then. */
async function trySignUps(
  newcomer: (email: string) => Identity,
  { probes, statesOf }: Plan,
  { catalog, contract, fill }: Shared,
): Promise<{ gains: Gain[]; attempts: number }> {
  const victim = victimOf(null);
  const rowsOfVictim = (relation: Relation) => fill.of(relation).rows[victim.index] ?? [];
  const gains: Gain[] = [];
  let attempts = 0;
  for (const signUps of signUpsOf(catalog, contract, rowsOfVictim)) {
    const states: State[] = [];
    for (const signUp of signUps)
      states.push(...((await statesOf(signedUp(signUp), [], newcomer(signUp.email))) ?? []));
    gains.push(...signUpGains(states, probes).slice(0, 1));
    attempts += states.length * probes.length;
  }
  return { gains, attempts };
}

/**
 * Whether the attacker says yes to what the victim has entered them for: the victim may write the row as it
 * was, and nobody but the one who is listed may give it the values that count.
 */
async function isAcceptance(
  { given: { list, row, changes }, moves: [move, ...others] }: Gain,
  victim: Identity,
  { statesOf }: Plan,
  shared: Shared,
): Promise<boolean> {
  if (!list || !row || !move?.values || others.length > 0) return false;
  const columns = list.relation.rights[victim.role]?.insertColumns ?? [];
  const insert = (values: Row) => insertStatement(list.relation, { ...row, ...values }, columns);
  const made = [insert({}), insert(move.values), move.statement].map((statement): Move => ({
    statement,
    target: list.relation,
  }));
  const paths: string[] = [];
  const [theirs = {}] = shared.fill.of(list.relation).rows[victim.world?.index ?? 0] ?? [];
  // Whatever the victim is in the list: a member, or whoever may invite.
  for (const choice of choicesOf(list)) {
    const set = assignments(list.relation, choice);
    const where = keyCondition(list.relation, theirs);
    const before = set === "" ? [] : [`update ${list.relation.sql} set ${set} where ${where}`];
    const given = { ...NOTHING, before, ...(changes && { changes }) };
    const states = (await statesOf(given, made, victim)) ?? [];
    paths.push(...states.map(({ moves }) => moves.map((one) => made.indexOf(one)).join()));
  }
  return paths.includes("0") && paths.every((path) => ["", "0"].includes(path));
}

async function planMoves(
  client: ClientBase,
  identity: Identity,
  shared: Shared,
  hints: HintReader,
): Promise<Plan> {
  const { catalog, links, fill } = shared;
  const { role, world } = identity;
  if (!world) throw new Error("Moves are made by the user of a world.");
  const victim = victimOf(world);
  const worlds = { attacker: rowsOf(fill, world), victim: rowsOf(fill, victim) };
  const roles = await readShared(client, shared);
  const lists = listsOf(catalog, hints, links, roles);
  const givens = [
    ...givenRows(catalog, lists, worlds),
    ...abandoned(lists, worlds, role),
    ...orphaned(catalog, worlds, role),
  ];
  const calls = callsOf(catalog, lists, worlds, role, givens);
  const probes = [...probesOf(catalog, lists, links, worlds, role), ...callProbes(calls)];
  const tables = catalog.relations.filter(({ kind }) => kind === "r").map(({ id }) => id);
  const asked = probes.map(({ kind, statement, grant = null, relations }) => ({
    kind,
    statement,
    grant,
    relations,
  }));
  const reached = new Map<Relation | Routine, number[] | null>();
  const reach = (target: Relation | Routine) => {
    const known = reached.get(target) ?? reachOf(target, probes, catalog, links.reads);
    reached.set(target, known);
    return known;
  };
  const failures: FailedAttempt[] = [];
  return {
    failures,
    givens,
    moves: movesOf(catalog, lists, worlds, role, calls),
    probes,
    measured({ moves: made }) {
      const numbers = made.map(({ target }) => reach(target));
      return made.length === 0 || numbers.includes(null)
        ? probes.length
        : new Set(numbers.flatMap((some) => some ?? [])).size;
    },
    async statesOf(given, moves, actor = identity) {
      const stateOf = ({ path, powers, errors = [], error, message }: Found): State[] => {
        const made = path.flatMap((number) => moves[number - 1] ?? []);
        for (const { probe: number, ...outcome } of errors) {
          const probe = probes[number - 1];
          if (probe) failures.push({ identity: actor, ...probe, outcome });
        }
        if (powers) return [{ given, moves: made, powers: new Set(powers) }];
        const last = made.at(-1);
        if (last && error !== undefined)
          failures.push({
            identity: actor,
            shown: last.statement,
            object: objectOf(last.target),
            outcome: { error, ...(message !== undefined && { message }) },
          });
        return [];
      };
      const job = {
        role: actor.role,
        login: actor.login,
        settings: actor.settings,
        attacker: world.index,
        victim: victim.index,
        tables,
        probes: asked,
        before: given.before,
        ...(given.changes
          ? { given: { relation: given.changes.relation.id, world: given.changes.world } }
          : {}),
        moves: moves.map(({ statement }) => statement),
        reach: moves.map(({ target }) => reach(target)),
        again: moves.flatMap(({ again }, index) => (again === true ? [index + 1] : [])),
      };
      for (const rounds of [ROUNDS, 1]) {
        const found = await callEngine<Found[] | null>(client, "moves", { ...job, rounds });
        if (found) return found.flatMap(stateOf);
      }
      return undefined;
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** How findings call a table or a function. */
export function objectOf(target: Relation | Routine): string {
  return "columns" in target ? target.sql : target.signature;
}

function rowsOf(fill: Fill, world: World): WorldRows {
  return {
    world,
    rows: (relation) => fill.of(relation).rows[world.index] ?? [],
    spare: (relation) => fill.of(relation).spare[world.index] ?? [],
  };
}

/** Rows of tables that are nobody's, and that others refer to, those of the migrations first: roles, plans. */
async function readShared(
  client: ClientBase,
  { catalog: { relations }, links }: Shared,
): Promise<SharedRows> {
  const found = new Map<number, Row[]>();
  const targets = new Set(relations.flatMap((one) => one.foreignKeys.map(({ target }) => target)));
  for (const relation of relations) {
    if (relation.kind !== "r" || !targets.has(relation.id) || !links.isShared(relation)) continue;
    const texts = relation.columns.map(({ name }) => `${quoteIdentifier(name)}::text`).join(", ");
    const { rows } = await client.query<Row>(
      `select ${texts} from only ${relation.sql} order by ctid limit ${MOST_SHARED}`,
    );
    found.set(relation.id, rows);
  }
  return found;
}
