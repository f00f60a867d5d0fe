import type { Identity } from "../attacks/identities";
import type { Catalog, Relation, Routine } from "../rows/catalog";
import { countRows, victimOf } from "../rows/worlds";
import type { Gain } from "./gains";
import { reproduction } from "./reproduction";
import type { Shared } from "./shared";
import { type TrialFinding, trialFinding } from "./trial-finding";
import { type MovesTried, objectOf } from "./try-moves";

const MOST_TOLD = 3;

/** What moves gained, told in their order, and what values open that their user cannot write. */
export function judgeMoves(
  { identity, gains, privileges, signUps, reason }: MovesTried,
  shared: Shared,
): TrialFinding[] {
  const broken = gains.flatMap((gain): TrialFinding[] => {
    const { given, moves, probes } = gain;
    const [first] = moves;
    if (!first) return [];
    const steps = moves.map(({ statement }) => `"${statement}"`).join(" and then ");
    const what = `${tellProbes(probes, identity)}, which nobody gave them`;
    const who = [identity.description, given.description].filter((text) => text !== "").join(", ");
    return [
      trialFinding("trial-moves", {
        object: objectOf(first.target),
        message: `${nameOf(first.target)}: ${who}, makes ${steps} and then ${what}`,
        reproduction: script(gain, what, identity, shared),
      }),
    ];
  });
  const known = new Set(broken.map(({ object }) => object));
  const advice = privileges.flatMap((privilege): TrialFinding[] => {
    const { given, probes } = privilege;
    const relation = given.list?.relation;
    if (!relation || known.has(relation.sql)) return [];
    const what = tellProbes(probes, identity);
    const message = `table ${relation.sql}: ${identity.description}, ${given.description}, ${what}; users cannot write that row themselves`;
    return [
      trialFinding("trial-moves", {
        object: relation.sql,
        level: "advisory",
        message,
        reproduction: script(privilege, what, identity, shared),
      }),
    ];
  });
  const signedUp = signUps.flatMap((gain): TrialFinding[] => {
    const { users, description } = gain.given;
    if (!users) return [];
    const what = `${tellProbes(gain.probes, identity)}, which nobody gave them`;
    return [
      trialFinding("trial-moves", {
        object: users.sql,
        message: `table ${users.sql}: ${identity.role}, ${description}, ${what}; what users choose for themselves must open nothing before it has been checked`,
        reproduction: script(gain, what, identity, shared),
      }),
    ];
  });
  const object = "moves";
  const message = `moves were not judged: ${reason ?? ""}`;
  const unjudged = reason === undefined ? [] : [trialFinding("trial-judged", { object, message })];
  return [...broken, ...signedUp, ...advice, ...unjudged];
}

function tellProbes(probes: Gain["probes"], { world }: Identity): string {
  const told = probes.map(({ probe: { kind, relation, shown }, rows }) =>
    relation === undefined
      ? `reads of ${countRows(rows)} by "${shown}"`
      : kind === "insert"
        ? `inserts into ${relation.sql}`
        : `${kind}s ${countRows(rows)} of ${relation.sql}`,
  );
  const shown = [...new Set(told)];
  const more = shown.length > MOST_TOLD ? ` and ${shown.length - MOST_TOLD} more` : "";
  return `${shown.slice(0, MOST_TOLD).join(", ")}${more} of user ${victimOf(world).name}`;
}

function script(
  { given, moves, probes }: Gain,
  result: string,
  identity: Identity,
  shared: Shared,
): string {
  const [probe] = probes;
  const relations = [
    given.list?.relation,
    given.users,
    ...moves.flatMap(({ target }) => tablesOf(target, shared.catalog)),
    probe?.probe.relation,
  ].filter((relation) => relation !== undefined);
  const prelude = [...identity.prelude, ...moves.map(({ statement }) => statement)];
  return reproduction({ ...identity, prelude }, probe?.probe.shown ?? "", result, {
    ...shared,
    relations,
    worlds: [],
    given: given.before,
  });
}

function tablesOf(target: Relation | Routine, { relations }: Catalog): Relation[] {
  if ("columns" in target) return [target];
  return relations.filter(({ name }) => target.source.includes(name));
}

function nameOf(target: Relation | Routine): string {
  return "columns" in target ? `table ${target.sql}` : target.signature;
}
