import type { Catalog, Relation } from "./catalog";
import type { Fill } from "./fill";
import type { Outcome } from "./job";
import type { OpenPassage } from "./judge-passages";
import { type Success, judgeAttempt, whyNotFilled, whyNotJudged } from "./judge-tables";
import type { Origins } from "./origins";
import type { Owners } from "./owners";
import { reproduction } from "./reproduction";
import type { TableJob } from "./table-attacks";
import { type TrialFinding, trialFinding } from "./trial-finding";

/** What findings are written with. */
export interface Shared {
  catalog: Catalog;
  owners: Owners;
  fill: Fill;
  origins: Origins;
}

/** Roles that app can become and that no policy binds. */
export function bypassingRoles({ roles }: Catalog): TrialFinding[] {
  return roles
    .filter(({ bypasses }) => bypasses)
    .map(({ name }) =>
      trialFinding("trial-role", {
        object: `role ${name}`,
        message: `app can become role ${name}, which row level security does not bind; it may become none such`,
        reproduction: `set session authorization app;\nset role ${name};`,
      }),
    );
}

/** What the attempts on a table show, or why they show nothing. */
export function judgeTable(
  relation: Relation,
  attempts: readonly { job: TableJob; outcome: Outcome }[],
  shared: Shared,
): TrialFinding[] {
  const { owners, fill, origins } = shared;
  const place = origins.find("table", relation.name);
  const isOwned = owners.hasRowsOf(relation);
  const successes = attempts.flatMap(
    ({ job, outcome }) => judgeAttempt(job, outcome, isOwned) ?? [],
  );
  const findings = byRule(successes).map((alike) => describe(alike, place, shared));
  const reason = whyNotFilled(relation, fill, isOwned) ?? whyNotJudged(relation, attempts, owners);
  if (reason === undefined || (successes.length > 0 && isOwned)) return findings;
  const message = `table ${relation.sql} was not judged: ${reason}`;
  return [...findings, trialFinding("trial-judged", { object: relation.sql, message, ...place })];
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

function describe(alike: readonly Success[], place: object, shared: Shared): TrialFinding {
  const [first] = alike;
  if (!first) throw new Error("A finding needs a success.");
  const { rule, level, relation, job, what, owners } = first;
  const others = new Set(alike.map((success) => success.job.identity.description));
  others.delete(job.identity.description);
  const also =
    others.size > 0
      ? `; so could ${[...others].slice(0, 3).join(", ")}${others.size > 3 ? ` and ${others.size - 3} more` : ""}`
      : "";
  const people = { ...shared, relations: [relation], people: owners };
  return trialFinding(rule, {
    level,
    object: relation.sql,
    message: `table ${relation.sql}: ${job.identity.description} ${what}${also}`,
    ...place,
    reproduction: reproduction(job.identity, job.shown, what, people),
  });
}

/** A materialized view whose rows were never made. */
export function notRefreshed({ view, reason }: { view: string; reason: string }): TrialFinding {
  const message = `materialized view ${view} was not judged: it cannot be refreshed: ${reason}`;
  return trialFinding("trial-judged", { object: view, message });
}

/** The views and functions that lead around the policies, each once. */
export function judgePassages(open: readonly OpenPassage[], shared: Shared): TrialFinding[] {
  const { catalog, origins } = shared;
  const seen = new Set<string>();
  return open.flatMap(({ passage, identity, what, judged }) => {
    const key = `${passage.object} ${String(judged)}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const { object, kind, shown } = passage;
    const name = nameOf(object, catalog);
    const place = origins.find(kind, name);
    if (!judged) {
      return [
        trialFinding("trial-judged", {
          object,
          message: `${kind} ${object} was not judged: it ${what}`,
          ...place,
        }),
      ];
    }
    const result = `${kind} ${object} ${what}`;
    const relations = catalog.relations.filter(({ kind: one }) => one === "r");
    return [
      trialFinding("trial-passage", {
        object,
        message: `${identity.description}: ${result}`,
        ...place,
        reproduction: reproduction(identity, shown, result, { ...shared, relations, people: [] }),
      }),
    ];
  });
}

function nameOf(object: string, { relations, routines }: Catalog): string {
  const relation = relations.find(({ sql }) => sql === object);
  return relation?.name ?? routines.find(({ signature }) => signature === object)?.name ?? object;
}
