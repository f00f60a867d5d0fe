import type { TrialRuleName } from "@app-data/rules";
import type { ForeignKey, Relation } from "./catalog";
import type { Fill } from "./fill";
import type { Outcome } from "./job";
import type { Owners } from "./owners";
import { PEOPLE, countRows, describeOwners } from "./people";
import { PRIVILEGE_WORDS, type PrivilegeAttack } from "./privilege-attacks";
import type { Attack, TableJob } from "./table-attacks";

/** An attempt that succeeded where it must not. */
export interface Success {
  rule: TrialRuleName;
  level: "mandatory" | "advisory";
  relation: Relation;
  job: TableJob;
  /** What was done, and what would have been allowed. */
  what: string;
  /** Ids of the users concerned. */
  owners: string[];
}

/** What an attempt shows, if it shows anything. */
export function judgeAttempt(
  job: TableJob,
  outcome: Outcome,
  isOwned: boolean,
): Success | undefined {
  const { attack, relation, victim } = job;
  const { error, measured, affected = 0 } = outcome;
  const success = (rule: TrialRuleName, what: string, rest: Partial<Success> = {}): Success => ({
    rule,
    level: "mandatory",
    relation,
    job,
    what,
    owners: [victim.id],
    ...rest,
  });
  if (error !== undefined) return undefined;
  if (isPrivilege(attack)) return success("trial-privilege", PRIVILEGE_WORDS[attack]);
  if (!isOwned) return ownerless(attack, outcome, success);
  const foreign = measured?.foreign ?? 0;
  const others = measured?.others ?? 0;
  const given = measured?.given ?? 0;
  if (attack === "read") {
    if (foreign === 0) return undefined;
    const owners = [...new Set((measured?.owners ?? []).flat())];
    const whose = describeOwners(owners.sort());
    return success("trial-read", `read ${countRows(foreign)} of ${whose}; 0 are allowed`, {
      owners,
    });
  }
  if (attack === "insert") {
    if (given === 0) return undefined;
    return success(
      "trial-insert",
      `inserted ${countRows(affected)} for user ${victim.name}; 0 are allowed`,
    );
  }
  if (attack === "give away") {
    if (given === 0 || (measured?.own ?? 0) === 0) return undefined;
    return success(
      "trial-owner",
      `gave ${countRows(given)} away to user ${victim.name}; 0 are allowed`,
    );
  }
  if (attack === "insert own" && others === 0) {
    if (given === 0) return undefined;
    const what = `inserted a row of their own, which wrote ${countRows(given)} for other users`;
    return success("trial-insert", `${what}; 0 are allowed`);
  }
  if (attack === "update" && others === 0 && given > 0) {
    const what = `updated rows of their own, which wrote ${countRows(given)} for other users`;
    return success("trial-insert", `${what}; 0 are allowed`);
  }
  if (others === 0) return undefined;
  if (attack === "steal") {
    return success("trial-owner", `took over ${countRows(others)} of other users; 0 are allowed`);
  }
  const done =
    attack === "insert own" ? "inserted a row of their own, which changed" : PAST[attack];
  return success("trial-change", `${done} ${countRows(others)} of other users; 0 are allowed`);
}

function isPrivilege(attack: Attack): attack is PrivilegeAttack {
  return attack in PRIVILEGE_WORDS;
}

function ownerless(
  attack: Exclude<Attack, PrivilegeAttack>,
  { affected = 0, reads }: Outcome,
  success: (rule: TrialRuleName, what: string, rest?: Partial<Success>) => Success,
): Success | undefined {
  const count = attack === "read" ? (reads?.[0]?.rows?.length ?? 0) : affected;
  if (count === 0) return undefined;
  const what = `${PAST[attack]} ${countRows(count)} of a table whose rows belong to no user`;
  return success("trial-ownerless", what, {
    level: attack === "read" ? "advisory" : "mandatory",
    owners: [],
  });
}

const PAST: Record<Exclude<Attack, PrivilegeAttack>, string> = {
  read: "read",
  update: "updated",
  delete: "deleted",
  insert: "inserted",
  "insert own": "inserted",
  "give away": "gave away",
  steal: "took over",
};

/** Why a table could not be filled; undefined when it was, with rows of the two who attack. */
export function whyNotFilled(relation: Relation, fill: Fill, isOwned: boolean): string | undefined {
  if (relation.kind === "f") return "it is a foreign table, whose rows are elsewhere";
  const { rows: filled, refusals } = fill.of(relation);
  const missing = PEOPLE.slice(0, 2).filter(({ index }) => (filled[index]?.length ?? 0) === 0);
  if (missing.length === 0) return undefined;
  // A row of nobody's shows the same whoever it was made for.
  if (!isOwned && filled.some(({ length }) => length > 0)) return undefined;
  // The rows of a person all go into one partition, where they are divided by person.
  const isSomeones = relation.isPartition && filled.some(({ length }) => length > 0);
  const isReached = Object.keys(relation.rights).length > 0;
  if (relation.isPartition && (isSomeones || !isReached)) return undefined;
  const names = missing.map(({ name }) => `user ${name}`).join(" and ");
  return `no row of ${names} could be inserted: ${refusals[0] ?? "there is no partition for it"}`;
}

/**
 * Why the attempts on a table say nothing: what ended them was neither a missing right nor a policy,
 * or no user saw a row of their own, so that seeing none of others means nothing.
 */
export function whyNotJudged(
  relation: Relation,
  attempts: readonly { job: TableJob; outcome: Outcome }[],
  owners: Owners,
): string | undefined {
  const isOwner = ({ columns }: ForeignKey) =>
    columns.every((name) => owners.of(relation)?.columns.includes(name));
  for (const { job, outcome } of attempts) {
    const { error, message = "", constraint, table } = outcome;
    if (error === undefined || job.identity.isTrick) continue;
    if (error === "57014") return `${job.shown} did not end in time`;
    const stopped = error.startsWith("23") && table === relation.name;
    const key = relation.foreignKeys.find(({ name }) => name === constraint);
    // No other value would have passed it either; or the row was of a user who does not exist.
    if (stopped && key && (owners.holdsToOwner(relation, key) || isOwner(key))) continue;
    if (stopped && ATTEMPTS_TO_WRITE.has(job.attack)) {
      return `${job.identity.description}, "${job.shown}" is let through by the policies, and only ${constraint === "" ? message : `constraint ${constraint}`} stopped it`;
    }
    const isUser = job.identity.person !== null && job.identity.role === "authenticated";
    const isRefusal = error === "42501" || error === "P0001" || error.startsWith("23");
    if (isUser && !isRefusal)
      return `${job.identity.description}, "${job.shown}" fails: ${message}`;
  }
  if (!owners.of(relation)) return undefined;
  const reads = attempts.filter(
    ({ job }) =>
      job.attack === "read" &&
      job.identity.role === "authenticated" &&
      job.identity.person !== null,
  );
  const sawOwn = attempts.some(({ outcome }) => (outcome.measured?.own ?? 0) > 0);
  const mayRead = relation.policies.some(
    ({ command, permissive, roles, using }) =>
      permissive &&
      (command === "select" || command === "all") &&
      (roles.includes("authenticated") || roles.includes("public")) &&
      using !== "false",
  );
  if (reads.length === 0 || sawOwn || !mayRead) return undefined;
  return "no user sees a row of their own, so that seeing none of others shows nothing";
}

const ATTEMPTS_TO_WRITE = new Set<Attack>(["insert", "update", "give away", "steal"]);
