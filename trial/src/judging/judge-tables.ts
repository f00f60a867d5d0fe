import type { TrialRuleName } from "@app-data/rules";
import type { Identity } from "../attacks/identities";
import type { AddedRow, Measured, Outcome } from "../attacks/job";
import { PRIVILEGE_WORDS, type PrivilegeAttack } from "../attacks/privilege-attacks";
import type { Attack, TableJob } from "../attacks/table-attacks";
import type { Relation } from "../rows/catalog";
import { type World, countRows, describeWorlds } from "../rows/worlds";
import type { Shared } from "./shared";

/** An attempt that succeeded where it must not. */
export interface Success {
  rule: TrialRuleName;
  level: "mandatory" | "advisory";
  relation: Relation;
  job: TableJob;
  /** What was done, and what would have been allowed. */
  what: string;
  /** The worlds concerned. */
  worlds: number[];
}

/** An attempt and what came of it. */
export interface Attempt {
  job: TableJob;
  outcome: Outcome;
}

/** The rows of others that each identity reads from tables. */
export type SeenBy = ReadonlyMap<Identity, ReadonlySet<string>>;

const NOTHING: ReadonlySet<string> = new Set();

/** What each identity read. */
export function rowsSeen(attempts: readonly Attempt[]): SeenBy {
  const seen = new Map<Identity, Set<string>>();
  for (const { job, outcome } of attempts) {
    const rows = job.attack === "read" ? (outcome.measured?.rows ?? []) : [];
    seen.set(job.identity, new Set([...(seen.get(job.identity) ?? []), ...rows]));
  }
  return seen;
}

/** What the attempts on a table show. */
export function judgeAttempts(
  relation: Relation,
  attempts: readonly Attempt[],
  seenBy: SeenBy,
  shared: Shared,
): Success[] {
  const pairs = writtenPairs(attempts, shared);
  return attempts.flatMap(({ job, outcome }) => {
    const known = { pairs, seen: seenBy.get(job.identity) ?? NOTHING };
    return judgeAttempt(relation, job, outcome, known, shared) ?? [];
  });
}

function judgeAttempt(
  relation: Relation,
  job: TableJob,
  outcome: Outcome,
  known: Seen,
  shared: Shared,
): Success | undefined {
  const { attack, victim } = job;
  const { world } = job.identity;
  const { error, measured, affected = 0 } = outcome;
  const success = (rule: TrialRuleName, what: string, rest: Partial<Success> = {}): Success => ({
    rule,
    level: "mandatory",
    relation,
    job,
    what: `${what}; 0 are allowed`,
    worlds: [victim.index],
    ...rest,
  });
  if (error !== undefined) return undefined;
  if (isPrivilege(attack))
    return { ...success("trial-privilege", ""), what: PRIVILEGE_WORDS[attack] };
  const { links } = shared;
  const nobodys = links.isShared(relation);
  if (attack === "read") {
    const count = (nobodys ? (measured?.nobodys ?? 0) : 0) + (measured?.foreign ?? 0);
    if (count === 0) return undefined;
    if (nobodys || links.isListed(relation)) {
      const whose = nobodys ? "a table whose rows belong to no user" : "a table that is shared";
      const what = `read ${countRows(count)} of ${whose}`;
      return { ...success("trial-ownerless", ""), what, level: "advisory", worlds: [] };
    }
    const worlds = measured?.worlds ?? [];
    const flags = (measured?.flags ?? []).filter((flag) => flag !== null);
    const which = flags.length > 0 ? `, those whose ${flags.join(" and ")}` : "";
    const what = `read ${countRows(count)} of ${describeWorlds(worlds)}${which}`;
    return success("trial-read", what, { worlds });
  }
  if (nobodys) {
    if (affected === 0) return undefined;
    const what = `${PAST[attack]} ${countRows(affected)} of a table whose rows belong to no user`;
    return { ...success("trial-ownerless", ""), what, worlds: [] };
  }
  const others = measured?.others ?? 0;
  if (attack === "take over") {
    const taken = (measured?.added ?? []).filter(
      (row) =>
        row.relation === relation.id &&
        !row.refers.some((one) => one.user && one.world === victim.index),
    );
    if (taken.length === 0) return undefined;
    return success(
      "trial-owner",
      `named in ${countRows(taken.length)} of other users, took it over`,
    );
  }
  if (others > 0) {
    if (attack === "steal")
      return success("trial-owner", `took over ${countRows(others)} of other users`);
    const done = attack === "insert" ? "inserted a row, which changed" : PAST[attack];
    return success("trial-change", `${done} ${countRows(others)} of other users`);
  }
  if ((measured?.rewritten ?? 0) > 0) {
    const what = `${PAST[attack]} a row, which rewrote ${countRows(measured?.rewritten ?? 0)} that every user shares`;
    return success("trial-change", what);
  }
  const leak = leakingRow(measured, world, known, shared, attack !== "insert");
  if (!leak) return undefined;
  const whose = describeWorlds(leak.worlds);
  const { worlds } = leak;
  if (leak.row.relation !== relation.id && !leak.isPart) {
    const what = `${PAST[attack]} a row, which wrote 1 row of ${leak.table} for other users`;
    return success("trial-insert", what, { worlds });
  }
  if (attack !== "insert") {
    const given = leak.target === "" ? `away to ${whose}` : `to ${leak.target} of ${whose}`;
    return success("trial-owner", `gave ${countRows(affected)} ${given}`, { worlds });
  }
  const to = leak.target === "" ? `for ${whose}` : `that refers to ${leak.target} of ${whose}`;
  return success("trial-insert", `inserted ${countRows(affected)} ${to}`, { worlds });
}

/** What is known of an attacker by other attempts. */
export interface Seen {
  /** Which columns rows may name the attacker and another user in. */
  pairs: ReadonlySet<string>;
  /** The rows of others that the attacker reads, "relation place". */
  seen: ReadonlySet<string>;
}

/** A row that was added and must not have been. */
interface LeakingRow {
  row: AddedRow;
  table: string;
  /** Whether its table is a partition or child of another. */
  isPart: boolean;
  worlds: number[];
  /** The column by which it refers to a row of another world; empty where it names a user alone. */
  target: string;
}

/** The first row among those added that another world must not find in its rows. */
export function leakingRow(
  measured: Measured | null | undefined,
  world: World | null,
  { pairs, seen }: Seen,
  { catalog, links }: Shared,
  isUpdate = false,
): LeakingRow | undefined {
  const [seenBySelf, seenByVictim] = (measured?.views ?? []).map(
    (rows) => new Set(rows.map(([relation, place]) => `${relation} ${place}`)),
  );
  for (const row of measured?.added ?? []) {
    const relation = catalog.relations.find(({ id }) => id === row.relation);
    if (!relation || links.isShared(relation)) continue;
    // What is shared may be referred to by whoever reads it.
    const foreign = row.refers.filter(
      (one) =>
        one.world !== world?.index &&
        !(links.leadsToShared(relation, one.columns) && one.row !== null && seen.has(one.row)),
    );
    if (foreign.length === 0) continue;
    const self = row.refers.filter((one) => one.user && one.world === world?.index);
    const isList = links.isList(relation);
    const worlds = [...new Set(foreign.map((one) => one.world))];
    const rows = foreign.filter(({ user }) => !user);
    const found = (target: string): LeakingRow => ({
      row,
      table: relation.sql,
      isPart: relation.parents.length > 0,
      worlds,
      target,
    });
    if (rows.length > 0) {
      // Who enters a list by themselves is judged by what they gain by it.
      if (isList && self.length > 0 && links.isAsked(relation)) continue;
      return found(rows[0]?.columns ?? "");
    }
    // Whoever may enter others enters them into something of their own.
    if (isList && row.refers.some((one) => one.world === world?.index)) continue;
    const isNeeded = foreign.every(({ columns }) =>
      relation.columns.some(({ name, notNull }) => name === columns && notNull),
    );
    const place = `${row.relation} ${row.place}`;
    const isHidden = seenByVictim?.has(place) === true && seenBySelf?.has(place) === false;
    const isSwapped = self.some((mine) =>
      foreign.some(
        (theirs) =>
          mine.columns !== theirs.columns &&
          pairs.has(`${row.relation} ${mine.columns} ${theirs.columns}`) &&
          pairs.has(`${row.relation} ${theirs.columns} ${mine.columns}`) &&
          !relation.uniques.some(
            (unique) => [...unique].sort().join() === [mine.columns, theirs.columns].sort().join(),
          ),
      ),
    );
    // What stays in one's own world through another row may be signed by somebody else, if it was written before.
    const stays = isUpdate && row.refers.some((one) => !one.user && one.world === world?.index);
    if ((self.length === 0 && isNeeded && !stays) || isHidden || isSwapped) return found("");
  }
  return undefined;
}

/** Which columns rows that were inserted name the attacker and another user in. */
function writtenPairs(attempts: readonly Attempt[], { links }: Shared): ReadonlySet<string> {
  const pairs = attempts.flatMap(({ job, outcome }) => {
    if (job.attack !== "insert" || links.isShared(job.relation)) return [];
    return (outcome.measured?.added ?? []).flatMap(({ relation, refers }) => {
      const users = refers.filter(({ user }) => user);
      const mine = users.filter(({ world }) => world === job.identity.world?.index);
      const theirs = users.filter(({ world }) => world !== job.identity.world?.index);
      return mine.flatMap((one) =>
        theirs.map((other) => `${relation} ${one.columns} ${other.columns}`),
      );
    });
  });
  return new Set(pairs);
}

function isPrivilege(attack: Attack): attack is PrivilegeAttack {
  return attack in PRIVILEGE_WORDS;
}

const PAST: Record<Exclude<Attack, PrivilegeAttack>, string> = {
  read: "read",
  update: "updated",
  delete: "deleted",
  insert: "inserted",
  "give away": "gave away",
  steal: "took over",
  "take over": "took over",
};

/** Why a table could not be filled; undefined when it was, with rows of the two worlds that attack. */
export function whyNotFilled(relation: Relation, { fill, links }: Shared): string | undefined {
  if (relation.kind === "f") return "it is a foreign table, whose rows are elsewhere";
  const { rows: filled, refusals } = fill.of(relation);
  const missing = ["A", "B"].filter((_, index) => (filled[index]?.length ?? 0) === 0);
  if (missing.length === 0) return undefined;
  // A row of nobody's shows the same whoever it was made for.
  if (links.isShared(relation) && filled.some(({ length }) => length > 0)) return undefined;
  // The rows of a world all go into one partition, where they are divided by user.
  const isSomeones = relation.isPartition && filled.some(({ length }) => length > 0);
  const isReached = Object.keys(relation.rights).length > 0;
  if (relation.isPartition && (isSomeones || !isReached)) return undefined;
  const names = missing.map((name) => `user ${name}`).join(" and ");
  return `no row of ${names} could be inserted: ${refusals[0] ?? "there is no partition for it"}`;
}

/**
 * Why the attempts on a table say nothing: what ended them was neither a missing right nor a policy,
 * or no user saw a row of their own, so that seeing none of others means nothing.
 */
export function whyNotJudged(
  relation: Relation,
  attempts: readonly Attempt[],
  { links, contract }: Shared,
): string | undefined {
  const isUser = ({ identity }: TableJob) =>
    identity.world !== null && contract.signedInRoles.includes(identity.role);
  for (const { job, outcome } of attempts) {
    const { error, message = "", constraint, table } = outcome;
    if (error === undefined || job.identity.isTrick) continue;
    if (error === "57014") return `${job.shown} did not end in time`;
    const isStopped = error.startsWith("23") && table === relation.name;
    // A user in no world is in no table, so that no key can name them.
    const isNowhere = error === "23503" && job.identity.world === null;
    if (isStopped && ATTEMPTS_TO_WRITE.has(job.attack) && !job.isMixed && !isNowhere) {
      return `${job.identity.description}, "${job.shown}" is let through by the policies, and only ${constraint === "" ? message : `constraint ${constraint}`} stopped it`;
    }
    if (isUser(job) && !isExpected(error))
      return `${job.identity.description}, "${job.shown}" fails: ${message}`;
  }
  if (links.isShared(relation)) return undefined;
  const reads = attempts.filter(({ job }) => job.attack === "read" && isUser(job));
  const sawOwn = attempts.some(({ outcome }) => (outcome.measured?.own ?? 0) > 0);
  const mayRead = relation.policies.some(
    ({ command, permissive, roles, using }) =>
      permissive &&
      (command === "select" || command === "all") &&
      (roles.includes("public") || roles.some((role) => contract.signedInRoles.includes(role))) &&
      using !== "false",
  );
  if (reads.length === 0 || sawOwn || !mayRead) return undefined;
  return "no user sees a row of their own, so that seeing none of others shows nothing";
}

/** Whether an error is one that policies, rights, constraints and guards end attempts with. */
export function isExpected(error: string): boolean {
  return error === "42501" || error === "P0001" || error.startsWith("23");
}

const ATTEMPTS_TO_WRITE = new Set<Attack>(["insert", "update", "give away", "steal"]);
