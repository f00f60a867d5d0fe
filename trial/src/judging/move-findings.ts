import type { Identity } from "../attacks/identities";
import type { Catalog, Relation, Routine } from "../rows/catalog";
import { countRows, victimOf } from "../rows/worlds";
import type { Gain, Privilege } from "./gains";
import { reproduction } from "./reproduction";
import type { Shared } from "./shared";
import { type TrialFinding, trialFinding } from "./trial-finding";

const MOST_TOLD = 3;

/** What moves gained, told in their order, and what values open that their user cannot write. */
export function judgeMoves(
  identity: Identity,
  { gains, privileges }: { gains: readonly Gain[]; privileges: readonly Privilege[] },
  shared: Shared,
): TrialFinding[] {
  const broken = gains.flatMap(({ given, moves, probes }): TrialFinding[] => {
    const target = moves[0]?.target ?? probes[0]?.probe.relation;
    if (!target) return [];
    const gained = tellProbes(probes, identity);
    const steps = moves.map(({ statement }) => `"${statement}"`).join(" and then ");
    const what =
      moves.length > 0
        ? `makes ${steps} and then ${gained}, which nobody gave them`
        : `${gained}, so that the row is theirs alone`;
    const who = [identity.description, given.description].filter((text) => text !== "").join(", ");
    return [
      trialFinding(moves.length > 0 ? "trial-moves" : "trial-owner", {
        ...objectOf(target, shared),
        message: `${nameOf(target)}: ${who}, ${what}`,
        reproduction: script({ given, moves, probes }, gained, identity, shared),
      }),
    ];
  });
  const known = new Set(broken.map(({ object }) => object));
  const advice = privileges.flatMap(({ given, probes }): TrialFinding[] => {
    const relation = given.list?.relation;
    if (!relation || known.has(relation.sql)) return [];
    const what = tellProbes(probes, identity);
    const message = `table ${relation.sql}: ${identity.description}, ${given.description}, ${what}; users cannot write that row themselves`;
    return [
      trialFinding("trial-moves", {
        ...objectOf(relation, shared),
        level: "advisory",
        message,
        reproduction: script({ given, moves: [], probes }, what, identity, shared),
      }),
    ];
  });
  return [...broken, ...advice];
}

function tellProbes(probes: Gain["probes"], { world }: Identity): string {
  const told = probes.map(({ probe: { kind, relation }, rows }) =>
    kind === "insert"
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
  return "columns" in target ? `table ${target.sql}` : `function ${target.signature}`;
}

function objectOf(target: Relation | Routine, { origins }: Shared) {
  return "columns" in target
    ? { object: target.sql, ...origins.find("table", target.name) }
    : { object: target.signature, ...origins.find("function", target.name) };
}
