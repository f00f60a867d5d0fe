import type { Given } from "../attacks/given-rows";
import type { Move } from "../attacks/moves";
import type { Probe } from "../attacks/probes";
import type { Link } from "../rows/links";

/** What the attacker can do after moves; without moves, what was given allows. */
export interface State {
  given: Given;
  moves: Move[];
  /** The number of a probe, and the row that it reached. */
  powers: ReadonlySet<string>;
}

/** Something gained by moves that nobody gave. */
export interface Gain {
  given: Given;
  moves: Move[];
  /** What was gained, each with the number of rows. */
  probes: { probe: Probe; rows: number }[];
}

/** What moves gained beyond what was given, the shortest ways first. */
export function gainsOf(states: readonly State[], probes: readonly Probe[]): Gain[] {
  return states
    .flatMap((state): Gain[] => {
      const allowed = allowedOf(state, states, probes);
      const gained = without(state.powers, allowed);
      return gained.length === 0 || isAdministered(state, states, probes)
        ? []
        : [{ given: state.given, moves: state.moves, probes: countProbes(gained, probes) }];
    })
    .sort(
      (left, right) =>
        left.moves.length - right.moves.length ||
        Number(left.given.kind !== "nothing") - Number(right.given.kind !== "nothing"),
    );
}

/** The plainest way for each table or function that was used. */
export function plainestOf(gains: readonly Gain[]): Gain[] {
  const plainest = new Map<unknown, Gain>();
  for (const gain of gains) {
    const target = gain.moves[0]?.target;
    if (!plainest.has(target)) plainest.set(target, gain);
  }
  return [...plainest.values()];
}

/** What values of their own rows give the attacker, without a move; they cannot choose them. */
export function privilegesOf(states: readonly State[], probes: readonly Probe[]): Gain[] {
  const nothing = powersGiven(states, ({ kind }) => kind === "nothing")[0] ?? new Set();
  const found = new Map<unknown, Gain>();
  for (const { given, moves, powers } of states) {
    if (moves.length > 0 || given.kind !== "own" || !given.list) continue;
    const gained = without(powers, nothing);
    if (gained.length > 0 && !found.has(given.list.relation))
      found.set(given.list.relation, { given, moves, probes: countProbes(gained, probes) });
  }
  return [...found.values()];
}

/**
 * What the attacker may do in a state: what is possible with nothing given, what is given, and, where that
 * is an invitation, what it invites to.
 */
function allowedOf(
  { given }: State,
  states: readonly State[],
  probes: readonly Probe[],
): Set<string> {
  const nothing = powersGiven(states, ({ kind }) => kind === "nothing")[0] ?? new Set();
  const own = powersGiven(states, (one) => one === given)[0] ?? new Set();
  const allowed = new Set([...nothing, ...own]);
  // What users enter themselves, a request, invites nobody.
  const isRequest = states.some(
    ({ given: { kind }, moves: [first] }) =>
      kind === "nothing" &&
      first?.isEntry === true &&
      first.list?.relation === given.list?.relation,
  );
  if (isRequest || !isInvitation(given, without(own, nothing), probes)) return allowed;
  const reached = states
    .filter((state) => state.given === given && state.moves.length > 0)
    .map(({ powers }) => without(powers, allowed))
    .filter((gained) => gained.length > 0);
  // Whoever is invited may become one thing: of what can be chosen, the least.
  const invited = powersGiven(states, (other) => fitsInvitation(given, other))
    .filter((powers) => reached.some((gained) => gained.every((power) => powers.has(power))))
    .sort((left, right) => left.size - right.size);
  return new Set([...allowed, ...(invited[0] ?? [])]);
}

/** Whether what is given opens nothing but itself and what it is for. */
function isInvitation({ list, row }: Given, gained: readonly string[], probes: readonly Probe[]) {
  if (!list || !row) return false;
  const shown: (number | undefined)[] = [list.relation.id, ...list.links.flatMap(targetsOf)];
  return gained.every((power) => {
    const probe = probes[Number(power.split(" ")[0]) - 1];
    // What a function tells of an invitation is not looked at.
    return probe?.kind === "call" || (probe?.kind === "read" && shown.includes(probe.relation?.id));
  });
}

/** Whether a place in another list is what an invitation is to: for the same row, with the same values. */
function fitsInvitation(invitation: Given, { list, row, choice = {} }: Given): boolean {
  const from = invitation.list;
  if (!from || !list || !row || list.relation === from.relation) return false;
  const places = from.links.flatMap(targetsOf);
  const isSamePlace = list.links.flatMap(targetsOf).some((id) => places.includes(id));
  return (
    isSamePlace &&
    Object.entries(choice).every(([name, value]) => {
      const asked = invitation.choice?.[name];
      return asked === undefined || asked === value;
    })
  );
}

/** The ids of the tables that a link leads to. */
function targetsOf({ key, targets }: Link): number[] {
  return [...(key ? [key.target] : []), ...targets.map(({ relation }) => relation.id)];
}

/** Whether what was given lets the attacker change other users' rows of the tables that they write. */
function isAdministered(
  { given, moves }: State,
  states: readonly State[],
  probes: readonly Probe[],
): boolean {
  const nothing = powersGiven(states, ({ kind }) => kind === "nothing")[0] ?? new Set();
  const own = powersGiven(states, (one) => one === given)[0] ?? new Set();
  return moves.some(({ list }) =>
    without(own, nothing).some((power) => {
      const probe = probes[Number(power.split(" ")[0]) - 1];
      return list !== undefined && probe?.relation === list.relation && probe.kind !== "read";
    }),
  );
}

function powersGiven(
  states: readonly State[],
  isGiven: (given: Given) => boolean,
): ReadonlySet<string>[] {
  return states
    .filter(({ given, moves }) => moves.length === 0 && isGiven(given))
    .map(({ powers }) => powers);
}

function without(powers: ReadonlySet<string>, known: ReadonlySet<string>): string[] {
  return [...powers].filter((power) => !known.has(power));
}

function countProbes(powers: readonly string[], probes: readonly Probe[]): Gain["probes"] {
  const counts = new Map<Probe, number>();
  for (const power of powers) {
    const probe = probes[Number(power.split(" ")[0]) - 1];
    if (probe) counts.set(probe, (counts.get(probe) ?? 0) + 1);
  }
  return [...counts].map(([probe, rows]) => ({ probe, rows }));
}
