import type { Given } from "../attacks/given-rows";
import type { Move } from "../attacks/moves";
import type { Probe } from "../attacks/probes";
import type { Link } from "../rows/links";

/** What the attacker can do after moves; without moves, what was given allows. */
export interface State {
  given: Given;
  moves: Move[];
  /** Each the number of a probe, and the row that it reached. */
  powers: ReadonlySet<string>;
}

/** What an attacker can do to the victim's world after moves, and nobody gave them: a leak. */
export interface Gain {
  given: Given;
  moves: Move[];
  /** What was gained, each with the number of rows. */
  probes: { probe: Probe; rows: number }[];
}

/** What moves gained beyond what was given, the shortest ways first. */
export function gainsOf(states: readonly State[], probes: readonly Probe[]): Gain[] {
  return new Comparison(states, probes).gains();
}

/** The plainest way for each table or function that was used. */
export function plainestOf(gains: readonly Gain[]): Gain[] {
  return firstOfEach(gains, ({ moves: [first] }) => first?.target);
}

/** What the sign-ups after the first have beyond it: what a newcomer gets by what they chose for themselves. */
export function signUpGains(states: readonly State[], probes: readonly Probe[]): Gain[] {
  const [plain] = states;
  const comparison = new Comparison(states, probes);
  return states.slice(1).flatMap((state) => comparison.gain(state, plain?.powers ?? new Set()));
}

/** What values of their own rows give the attacker, without a move; they cannot choose them. */
export function privilegesOf(states: readonly State[], probes: readonly Probe[]): Gain[] {
  return new Comparison(states, probes).privileges();
}

/** Compares what is possible after moves with what is possible without. */
class Comparison {
  /** With nothing given. */
  private readonly nothing: ReadonlySet<string>;

  constructor(
    private readonly states: readonly State[],
    private readonly probes: readonly Probe[],
  ) {
    const first = states.find(({ given, moves }) => given.kind === "nothing" && moves.length === 0);
    this.nothing = first?.powers ?? new Set();
  }

  public gains(): Gain[] {
    return this.states
      .flatMap((state) =>
        this.isAdministered(state) ? [] : this.gain(state, this.allowed(state.given)),
      )
      .sort(
        (left, right) =>
          left.moves.length - right.moves.length ||
          Number(left.given.kind !== "nothing") - Number(right.given.kind !== "nothing"),
      );
  }

  public privileges(): Gain[] {
    const found = this.states
      .filter(({ given, moves }) => moves.length === 0 && given.kind === "own")
      .flatMap((state) => this.gain(state, this.nothing));
    return firstOfEach(found, ({ given }) => given.list?.relation);
  }

  public gain({ given, moves, powers }: State, allowed: ReadonlySet<string>): Gain[] {
    const counts = new Map<Probe, number>();
    for (const power of without(powers, allowed)) {
      const probe = this.probeOf(power);
      if (probe) counts.set(probe, (counts.get(probe) ?? 0) + 1);
    }
    const probes = [...counts].map(([probe, rows]) => ({ probe, rows }));
    return probes.length === 0 ? [] : [{ given, moves, probes }];
  }

  private probeOf(power: string): Probe | undefined {
    return this.probes[Number(power.split(" ")[0]) - 1];
  }

  /** What a thing that was given brings, by itself and beyond what nothing brings. */
  private broughtBy(given: Given): string[] {
    const state = this.states.find((one) => one.given === given && one.moves.length === 0);
    return without(state?.powers ?? new Set(), this.nothing);
  }

  /** What is possible with nothing given, what is given, and, where that is an invitation, what it invites to. */
  private allowed(given: Given): Set<string> {
    const brought = this.broughtBy(given);
    const allowed = new Set([...this.nothing, ...brought]);
    if (this.isRequest(given) || !this.isInvitation(given, brought)) return allowed;
    const reached = this.states
      .filter((state) => state.given === given && state.moves.length > 0)
      .map(({ powers }) => without(powers, allowed))
      .filter((gained) => gained.length > 0);
    // Whoever is invited may become one thing: of what can be chosen, the least.
    const [invited] = this.states
      .filter((other) => other.moves.length === 0 && fitsInvitation(given, other.given))
      .filter(({ powers }) => reached.some((gained) => gained.every((power) => powers.has(power))))
      .sort((left, right) => left.powers.size - right.powers.size);
    return new Set([...allowed, ...(invited?.powers ?? [])]);
  }

  /** What users enter themselves, a request, invites nobody. */
  private isRequest({ list }: Given): boolean {
    return this.states.some(
      ({ given, moves: [first] }) =>
        given.kind === "nothing" &&
        first?.isEntry === true &&
        first.list?.relation === list?.relation,
    );
  }

  /** Whether what is given opens nothing but itself and what it is for. */
  private isInvitation({ list, row }: Given, brought: readonly string[]): boolean {
    if (!list || !row) return false;
    const shown: (number | undefined)[] = [list.relation.id, ...list.links.flatMap(targetsOf)];
    return brought.every((power) => {
      const probe = this.probeOf(power);
      // What a function tells of an invitation is not looked at.
      return (
        probe?.kind === "call" || (probe?.kind === "read" && shown.includes(probe.relation?.id))
      );
    });
  }

  /** Whether what was given lets the attacker change other users' rows of the tables that they write. */
  private isAdministered({ given, moves }: State): boolean {
    const changed = this.broughtBy(given)
      .map((power) => this.probeOf(power))
      .filter((probe) => probe?.kind !== "read")
      .map((probe) => probe?.relation);
    return moves.some(({ list }) => list !== undefined && changed.includes(list.relation));
  }
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

function without(powers: ReadonlySet<string>, known: ReadonlySet<string>): string[] {
  return [...powers].filter((power) => !known.has(power));
}

function firstOfEach(gains: readonly Gain[], subject: (gain: Gain) => unknown): Gain[] {
  const first = new Map<unknown, Gain>();
  for (const gain of gains) if (!first.has(subject(gain))) first.set(subject(gain), gain);
  return [...first.values()];
}
