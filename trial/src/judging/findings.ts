import type { Attempt, SeenBy, Success } from "./judge-tables";
import { judgeAttempts, whyNotFilled, whyNotJudged } from "./judge-tables";
import type { OpenPassage } from "./judge-passages";
import { reproduction } from "./reproduction";
import type { Shared } from "./shared";
import { type Shown, showAttempts } from "./shown";
import { type TrialFinding, trialFinding } from "./trial-finding";
import type { Relation } from "../rows/catalog";
import { quoteIdentifier } from "../rows/statements";

/** A table, view or function that was attacked. */
export interface Tried {
  object: string;
  attempts: number;
  /** Whether the attempts tell anything of it. */
  judged: boolean;
  /** Why they do not. */
  reason?: string;
}

/** Roles that the application can become and that no policy binds. */
export function bypassingRoles({ catalog, contract }: Shared): TrialFinding[] {
  return catalog.roles
    .filter(({ bypasses }) => bypasses)
    .map(({ name }) =>
      trialFinding("trial-role", {
        object: `role ${name}`,
        message: `${contract.loginRole} can become role ${name}, which row level security does not bind; it may become none such`,
        reproduction: `set session authorization ${quoteIdentifier(contract.loginRole)};\nset role ${quoteIdentifier(name)};`,
      }),
    );
}

/** What the attempts on a table show, or why they show nothing. */
export function judgeTable(
  relation: Relation,
  attempts: readonly Attempt[],
  seenBy: SeenBy,
  shared: Shared,
): { findings: TrialFinding[]; tried: Tried; shown: Shown[] } {
  const successes = judgeAttempts(relation, attempts, seenBy, shared);
  const findings = byRule(successes).map((alike) => describe(alike, shared));
  const reason = whyNotFilled(relation, shared) ?? whyNotJudged(relation, attempts, shared);
  const shown = showAttempts(attempts, successes);
  const object = relation.sql;
  const tried = { object, attempts: attempts.length };
  const isShown = successes.some(({ level }) => level === "mandatory");
  if (reason === undefined || isShown)
    return { findings, tried: { ...tried, judged: true }, shown };
  const message = `table ${object} was not judged: ${reason}`;
  return {
    findings: [...findings, trialFinding("trial-judged", { object, message })],
    tried: { ...tried, judged: false, reason },
    shown,
  };
}

/** Successes of one kind; tricks count where plain identities had none. */
function byRule(successes: readonly Success[]): Success[][] {
  const groups = new Map<string, Success[]>();
  for (const success of successes) {
    const { rule, level, job } = success;
    const key = [
      rule,
      level,
      job.attack === "give away" || job.attack === "steal" ? job.attack : "",
    ].join();
    groups.set(key, [...(groups.get(key) ?? []), success]);
  }
  // Of a table that nobody owns, writing says more than reading.
  const written = successes.some(
    ({ rule, level }) => rule === "trial-ownerless" && level === "mandatory",
  );
  return [...groups.values()].filter(
    ([first]) => !(written && first?.rule === "trial-ownerless" && first.level === "advisory"),
  );
}

function describe(alike: readonly Success[], shared: Shared): TrialFinding {
  const [first] = alike;
  if (!first) throw new Error("A finding needs a success.");
  const { rule, level, relation, job, what, worlds } = first;
  const others = new Set(alike.map((success) => success.job.identity.description));
  others.delete(job.identity.description);
  const also =
    others.size > 0
      ? `; so could ${[...others].slice(0, 3).join(", ")}${others.size > 3 ? ` and ${others.size - 3} more` : ""}`
      : "";
  const about = { ...shared, relations: [relation], worlds };
  return trialFinding(rule, {
    level,
    object: relation.sql,
    message: `table ${relation.sql}: ${job.identity.description} ${what}${also}`,
    reproduction: reproduction(job.identity, job.shown, what, about),
  });
}

/** A materialized view whose rows were never made. */
export function notRefreshed({ view, reason }: { view: string; reason: string }): TrialFinding {
  const message = `materialized view ${view} was not judged: it cannot be refreshed: ${reason}`;
  return trialFinding("trial-judged", { object: view, message });
}

/** The views and functions that lead around the policies, each once. */
export function judgePassages(open: readonly OpenPassage[], shared: Shared): TrialFinding[] {
  const { catalog } = shared;
  const seen = new Set<string>();
  return open.flatMap(({ passage, identity, what, judged }) => {
    const key = `${passage.object} ${String(judged)}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const { object, kind, shown } = passage;
    const isRoutine = kind === "function" || kind === "procedure";
    const name = isRoutine ? object : `${kind} ${object}`;
    if (!judged) {
      return [
        trialFinding("trial-judged", {
          object,
          message: `${name} was not judged: it ${what}`,
        }),
      ];
    }
    const result = `${name} ${what}`;
    const relations = catalog.relations.filter(({ kind: one }) => one === "r");
    return [
      trialFinding("trial-passage", {
        object,
        message: `${identity.description}: ${result}`,
        reproduction: reproduction(identity, shown, result, { ...shared, relations, worlds: [] }),
      }),
    ];
  });
}
