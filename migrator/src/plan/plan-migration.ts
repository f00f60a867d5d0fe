import { findBlockers, type LockRequest } from "./blockers";
import { keepsStorage } from "../sql/effects/column-types";
import type { Content, StatementContent } from "./content";
import type { Effect, Hazard, Lock } from "../sql/effects/effect";
import { hazardsOf, withRetypes } from "../sql/effects/effects";
import type { LiveFacts } from "./live-facts";
import { READING_MODES, strongest } from "../sql/lock-mode";
import { summarize } from "../sql/effects/summary";
import { isQualified } from "../sql/names";
import type { Timeline } from "./timeline";
import { noRollbackOf } from "../files/trio";
import type {
  PlannedLock,
  PlannedLoss,
  PlannedMigration,
  PlannedRollback,
  PlannedStatement,
  Presence,
} from "./types";

/**
 * Plans one migration, and moves the timeline past it.
 * @param live undefined when the database could not be asked.
 */
export function planMigration(
  content: Content,
  timeline: Timeline,
  live: LiveFacts | undefined,
  halfApplied: boolean,
): PlannedMigration {
  const { trio, transactional } = content;
  const losses: PlannedLoss[] = [];
  const lockRequests: LockRequest[] = [];
  const statements = content.forward.map((part) => {
    const planned = planStatement(part, trio.forward.file, timeline, live);
    if (planned.hazards.includes("deletes data")) {
      losses.push(...lossesOf(part.effect, timeline, live));
    }
    lockRequests.push(...lockRequestsOf(part.effect, timeline, live));
    timeline.pass(withDropped(part.effect, live));
    return planned;
  });
  const hazards = hazardsOf(
    statements.flatMap((statement) => statement.hazards),
    [],
  );
  const awaitsSnapshots = content.forward.some(
    ({ effect }) => effect.hazards.includes("builds index") && effect.locks.some(isConcurrent),
  );
  const noRollback = noRollbackOf(trio.forward.sql);
  return {
    version: trio.version,
    name: trio.name,
    transactional,
    halfApplied,
    destructive: hazards.includes("deletes data") || hazards.includes("may delete data"),
    hazards,
    statements,
    relations: strongestOf(statements.flatMap(({ locks }) => locks)),
    losses: losses.filter(isThere),
    rollback: {
      exists: content.rollback.length > 0,
      losses: content.rollback.flatMap((effect) => lossesOf(effect, timeline, live)),
      unclear: content.rollback.flatMap(({ unclear }) => unclear),
      ...(noRollback !== undefined && { impossible: noRollback }),
    },
    blockers: live ? findBlockers(live.sessions, lockRequests, awaitsSnapshots) : [],
  };
}

/** A migration to be rolled back, and what its rollback does. */
export interface RollbackContent {
  name: string;
  effects: readonly Effect[];
  /** Why it cannot be, as the migration's header says. */
  impossible: string | undefined;
}

/** Plans a rollback, and moves the timeline past it. */
export function planRollback(
  { name, effects, impossible }: RollbackContent,
  timeline: Timeline,
  live: LiveFacts | undefined,
): PlannedRollback & { name: string } {
  const losses = effects.flatMap((effect) => {
    const lost = lossesOf(effect, timeline, live);
    timeline.pass(withDropped(effect, live));
    return lost.filter(isThere);
  });
  const unclear = [...new Set(effects.flatMap((effect) => effect.unclear))];
  return {
    ...{ name, exists: effects.length > 0, losses, unclear },
    ...(impossible !== undefined && { impossible }),
  };
}

function planStatement(
  { statement, effect, runs }: StatementContent,
  file: string,
  timeline: Timeline,
  live: LiveFacts | undefined,
): PlannedStatement {
  const { text, line, column } = statement;
  const made = timeline.madeBy(effect);
  const locks = strongestOf(
    locksOf(effect, live)
      .map((lock) => planLock(lock, timeline))
      // What a statement makes is seen by nobody else before the commit.
      .filter(({ relation, presence }) => presence === "there" || !made.includes(relation)),
  );
  const rewriting = effect.retypes.filter((retype) => {
    const type = live?.columnTypes.get(`${retype.relation} ${retype.column}`);
    return !type || !keepsStorage(type, retype);
  });
  const { hazards, notes } = withRetypes(effect, rewriting);
  const onlyNew = isOnlyNew(effect, locks, timeline);
  return {
    file,
    line,
    column,
    text: summarize(text),
    runs,
    locks,
    hazards: hazardsOf(
      hazards.filter((hazard) => isFelt(hazard, effect, onlyNew, timeline)),
      locks.filter(isThere),
    ),
    onlyNew,
    unclear: [...new Set([...effect.unclear, ...unqualified(locks)])],
    notes,
  };
}

/** Whether a statement works on what is not there yet, and reads what is there at the most. */
function isOnlyNew(effect: Effect, locks: readonly PlannedLock[], timeline: Timeline): boolean {
  const { changes } = effect;
  const felt = locks.filter(isThere).filter(({ mode }) => !READING_MODES.includes(mode));
  return (
    effect.locks.length + changes.length > 0 &&
    felt.length === 0 &&
    changes.every((relation) => isMade(relation, effect, timeline))
  );
}

/**
 * Nobody feels it on a relation that is not there yet; but who may use that is told, and what works on
 * relations that nobody knows.
 */
function isFelt(hazard: Hazard, effect: Effect, onlyNew: boolean, timeline: Timeline): boolean {
  if (hazard === "changes access" || hazard === "may delete data") return true;
  if (hazard !== "deletes data") return !onlyNew;
  const { losses } = effect;
  return losses.length === 0 || !losses.every(({ relation }) => isMade(relation, effect, timeline));
}

/** Whether a relation is not there now: it is made by an earlier statement, or by this one. */
function isMade(relation: string, effect: Effect, timeline: Timeline): boolean {
  const found = timeline.find(relation);
  if (!isThere(found)) return true;
  return found.presence === "unknown" && timeline.madeBy(effect).includes(relation);
}

/** Whether a relation has rows and users now, as far as is known. */
function isThere({ presence }: { presence: Presence }): boolean {
  return presence === "there" || presence === "unknown";
}

function planLock({ relation, mode, through }: Lock, timeline: Timeline): PlannedLock {
  const { presence, rows, bytes } = timeline.find(relation);
  return through
    ? { relation, mode, presence, rows: null, bytes: null, through: through.what }
    : { relation, mode, presence, rows, bytes, through: null };
}

/** What a statement takes away, by the catalog where its text names a schema alone. */
function lossesOf(effect: Effect, timeline: Timeline, live: LiveFacts | undefined): PlannedLoss[] {
  return withDropped(effect, live).losses.map(({ relation, column }) => {
    const { presence, rows, bytes } = timeline.find(relation);
    return { relation, column, presence, rows, bytes: column === null ? bytes : null };
  });
}

function lockRequestsOf(
  effect: Effect,
  timeline: Timeline,
  live: LiveFacts | undefined,
): LockRequest[] {
  return locksOf(effect, live).flatMap(({ relation, mode, waitsAs, through }) => {
    const { facts } = timeline.find(relation);
    return facts && !through ? [{ relation, oids: facts.members, mode: waitsAs ?? mode }] : [];
  });
}

/** An effect with the tables of the schemas that it drops among what it drops and loses. */
function withDropped(effect: Effect, live: LiveFacts | undefined): Effect {
  const tables = live?.tables.get(effect) ?? [];
  if (tables.length === 0) return effect;
  return {
    ...effect,
    drops: [...effect.drops, ...tables],
    losses: [...effect.losses, ...tables.map((relation) => ({ relation, column: null }))],
  };
}

function locksOf(effect: Effect, live: LiveFacts | undefined): readonly Lock[] {
  return live?.locks.get(effect) ?? effect.locks;
}

function isConcurrent({ waitsAs }: Lock): boolean {
  return waitsAs !== undefined;
}

function unqualified(locks: readonly PlannedLock[]): string[] {
  return locks
    .filter(({ relation, presence }) => presence === "unknown" && !isQualified(relation))
    .map(({ relation }) => `which table ${relation} is, without its schema`);
}

/** Each relation once, in the order in which they come, with the strongest lock. */
function strongestOf(locks: readonly PlannedLock[]): PlannedLock[] {
  const found = new Map<string, PlannedLock>();
  for (const lock of locks) {
    const key = `${lock.relation} ${lock.through ?? ""}`;
    const known = found.get(key);
    found.set(key, known ? { ...known, mode: strongest(known.mode, lock.mode) } : lock);
  }
  return [...found.values()];
}
