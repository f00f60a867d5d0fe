import { type Contract, type SqlFile, defaultContract } from "@app-data/rules";
import type { ClientBase } from "pg";
import { Identities, namedUsers } from "./attacks/identities";
import { type FailedAttempt, runJobs } from "./attacks/job";
import { MOVES_SQL } from "./attacks/moves-sql";
import { TableAttacks } from "./attacks/table-attacks";
import {
  type Tried,
  bypassingRoles,
  judgePassages,
  judgeTable,
  notRefreshed,
} from "./judging/findings";
import { tryPassages } from "./judging/judge-passages";
import { type Attempt, isExpected, rowsSeen } from "./judging/judge-tables";
import type { Shown } from "./judging/shown";
import { judgeMoves } from "./judging/move-findings";
import type { TrialFinding } from "./judging/trial-finding";
import { type MovesTried, quietOwnRows, tryMoves } from "./judging/try-moves";
import { type Relation, readCatalog } from "./rows/catalog";
import { shuttingOut } from "./rows/emptiness";
import { callEngine } from "./rows/engine";
import { ENGINE_SQL } from "./rows/engine-sql";
import { Fill } from "./rows/fill";
import { HintReader } from "./rows/hints";
import { Links } from "./rows/links";
import { worldsWith } from "./rows/worlds";
import { givePartitions, rememberRows, rememberUsers, runSeeds, thinOut } from "./rows/prepare";

/** What a trial has shown. */
export interface Trial {
  findings: TrialFinding[];
  /** How many tables were attacked. */
  tables: number;
  /** How many attempts were made. */
  attempts: number;
  /** What was attacked, and whether that tells anything. */
  tried: Tried[];
  /** What the attempts on tables came to, by table, role and what was tried. */
  shown: Shown[];
  /** Attempts that ended in an error which is neither a refusal nor a constraint's. */
  unexpected: Unexpected[];
}

/** Attempts on an object that ended in the same error. */
export interface Unexpected {
  object: string;
  /** The first of them. */
  statement: string;
  identity: string;
  sqlState: string;
  message: string;
  count: number;
}

/** How a database is tried. */
export interface DatabaseTrialOptions {
  /** @default the contract of this project */
  contract?: Contract;
  /** SQL files with rows that the trial cannot make up itself. @default none */
  seeds?: readonly SqlFile[];
}

/**
 * Fills the tables of a database with rows of several worlds, and tries, as every role and identity, to get
 * at rows of another. What it makes is left behind: the database is to be thrown away, or the transaction
 * that the client is in.
 * @param client the superuser's.
 */
export async function tryDatabase(
  client: ClientBase,
  { contract = defaultContract, seeds = [] }: DatabaseTrialOptions = {},
): Promise<Trial> {
  await client.query(ENGINE_SQL + MOVES_SQL);
  await givePartitions(client);
  const catalog = await readCatalog(client, contract);
  const hints = new HintReader(catalog, contract);
  const links = new Links(catalog, contract, hints);
  const ownRows = await thinOut(client, catalog);
  const worlds = worldsWith(namedUsers(catalog));
  const fill = new Fill(
    client,
    worlds,
    catalog,
    links,
    hints,
    ownRows,
    shuttingOut(catalog),
    seeds.length > 0,
  );
  await rememberUsers(client, worlds);
  await runSeeds(client, worlds, seeds);
  await fill.all();
  const identities = new Identities(catalog, contract, worlds);
  const shared = { catalog, contract, hints, links, fill };
  for (const role of contract.signedInRoles)
    await quietOwnRows(client, identities.ofRole(role).attacker, shared);
  await rememberRows(client, worlds, catalog, links, fill);
  const unrefreshed = await callEngine<{ view: string; reason: string }[]>(client, "refresh");

  const attacks = new TableAttacks(catalog, contract, links, fill, identities);
  const tables = catalog.relations.filter(
    ({ kind }) => kind === "r" || kind === "p" || kind === "f",
  );
  const jobs = identities.all.flatMap((identity) =>
    tables.flatMap((table) => attacks.of(identity, table)),
  );
  const outcomes = await runJobs(client, jobs);
  const attempts: Attempt[] = [];
  const attemptsOn = new Map<Relation, Attempt[]>(tables.map((table) => [table, []]));
  jobs.forEach((job, index) => {
    const attempt = { job, outcome: outcomes[index] ?? {} };
    attempts.push(attempt);
    attemptsOn.get(job.relation)?.push(attempt);
  });
  const seenBy = rowsSeen(attempts);
  const passages = await tryPassages(client, identities.all, seenBy, shared);
  const moves: MovesTried[] = [];
  for (const role of contract.signedInRoles)
    moves.push(await tryMoves(client, identities.ofRole(role), shared));

  const judged = tables.map((table) =>
    judgeTable(table, attemptsOn.get(table) ?? [], seenBy, shared),
  );
  const failed = [
    ...attempts.map(({ job: { identity, shown, relation }, outcome }) => ({
      identity,
      shown,
      object: relation.sql,
      outcome,
    })),
    ...passages.failures,
    ...moves.flatMap(({ failures }) => failures),
  ];
  const triedPassages = [...passages.tried].map(
    ([object, { attempts: count, answered, reason }]): Tried => ({
      object,
      attempts: count,
      ...(answered > 0 || moves.some(({ called }) => called.has(object))
        ? { judged: true }
        : { judged: false, reason: `no call of it succeeded: ${reason}` }),
    }),
  );
  const tried = [...judged.map((one) => one.tried), ...triedPassages];
  return {
    findings: [
      ...bypassingRoles(shared),
      ...unrefreshed.map(notRefreshed),
      ...judged.flatMap(({ findings }) => findings),
      ...judgePassages(passages.open, shared),
      ...moves.flatMap((one) => judgeMoves(one, shared)),
    ],
    tables: tables.length,
    attempts: [...tried, ...moves].reduce((sum, one) => sum + one.attempts, 0),
    tried,
    shown: judged.flatMap(({ shown }) => shown),
    unexpected: countUnexpected(failed),
  };
}

/** Errors by object and SQLSTATE. A trick, or claims, that PostgreSQL cannot read are none. */
function countUnexpected(failed: readonly FailedAttempt[]): Unexpected[] {
  const found = new Map<string, Unexpected>();
  for (const { identity, shown, object, outcome } of failed) {
    const { error: sqlState, message = "" } = outcome;
    if (sqlState === undefined || isExpected(sqlState)) continue;
    if (identity.isTrick || identity.readsOnly) continue;
    const key = `${object} ${sqlState}`;
    const one = found.get(key);
    if (one) one.count += 1;
    else
      found.set(key, {
        object,
        statement: shown,
        identity: identity.description,
        sqlState,
        message,
        count: 1,
      });
  }
  return [...found.values()];
}
