import type { Attempt, Success } from "./judge-tables";

/** What the attempts of one role came to that tried one thing on one table. */
export interface Shown {
  object: string;
  role: string;
  /** What was tried: "read", "update", "give away". */
  attack: string;
  attempts: number;
  /** How many ended in an error: a missing right, a policy, a constraint. */
  refused: number;
  /** How many did what they must not. */
  successes: number;
}

/** Counts attempts on tables by table, role and what was tried. */
export function showAttempts(attempts: readonly Attempt[], successes: readonly Success[]): Shown[] {
  const wrong = new Set(successes.map(({ job }) => job));
  const shown = new Map<string, Shown>();
  for (const { job, outcome } of attempts) {
    const [object, role, attack] = [job.relation.sql, job.identity.role, job.attack];
    const key = `${object} ${role} ${attack}`;
    const one = shown.get(key) ?? { object, role, attack, attempts: 0, refused: 0, successes: 0 };
    one.attempts += 1;
    if (outcome.error !== undefined) one.refused += 1;
    if (wrong.has(job)) one.successes += 1;
    shown.set(key, one);
  }
  return [...shown.values()];
}
