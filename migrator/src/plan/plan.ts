import { splitStatements } from "@app-data/rules";
import type { ClientBase } from "pg";
import type { ConnectionSettings } from "../database/settings";
import { withConnection } from "../database/connection";
import { readDrift } from "../judge/drift/find-drift";
import { CODES, MigratorError } from "../errors";
import { compareHistory } from "../log/history";
import { type LogEntry, readLog, readSql } from "../log/log";
import { demandServerReads } from "../database/server-syntax";
import { inReadOnlyTransaction } from "../database/transaction";
import { type Trio, noRollbackOf } from "../files/trio";
import { isWanted } from "../files/version";
import { type Content, readContent } from "./content";
import { rebuiltIn, unquoted } from "../files/rollback-comments";
import type { Loss } from "../sql/effects/effect";
import { readEffect } from "../sql/effects/effects";
import { type RollbackContent, planMigration, planRollback } from "./plan-migration";
import { type History, planHash } from "./hash";
import { type LiveFacts, readLiveFacts } from "./live-facts";
import { mayReadLog } from "./log-access";
import { Timeline } from "./timeline";
import { unlessLocked } from "./relation-facts";
import type { Plan, PlannedDrift } from "./types";

/** What a plan is made of. */
export interface PlanRequest {
  /** The migrations to apply, in order. */
  pending: readonly Trio[];
  /** The migrations to roll back, newest first. @default none */
  toRollBack?: readonly RollbackContent[];
  /** What the log says of every migration that it knows; undefined when it could not be read. */
  history: readonly History[] | undefined;
}

/** Up to where to plan. */
export interface Target {
  /** Version of the newest migration to have; undefined for all that there are files of. */
  target?: string | undefined;
}

/**
 * Plans what is pending: in one read-only transaction, without a lock that anybody waits for and
 * without waiting for one, with no more rights than to read.
 * @throws what the files are refused for: MIG002, MIG008, MIG009, MIG011, MIG012, MIG060, MIG061,
 * SqlSyntaxError.
 */
export function readPlan(
  client: ClientBase,
  trios: readonly Trio[],
  { target }: Target = {},
): Promise<Plan> {
  return reading(client, async () => {
    if (await mayReadLog(client)) {
      const history = await readLog(client);
      const { pending, toRollBack } = await compareHistory(client, history, trios, target);
      return planLive(client, {
        pending,
        toRollBack: await readRollbacks(client, toRollBack),
        history,
      });
    }
    return planLive(client, { pending: upTo(trios, target), history: undefined });
  });
}

/**
 * As {@link readPlan}, on a connection of its own. Where the database cannot be reached, the plan is
 * made from the files and says so, with the reason.
 */
export async function reachPlan(
  settings: ConnectionSettings,
  trios: readonly Trio[],
  { target }: Target = {},
): Promise<Plan> {
  let isConnected = false;
  try {
    return await withConnection(settings, (client) => {
      isConnected = true;
      return readPlan(client, trios, { target });
    });
  } catch (error) {
    if (isConnected || !(error instanceof MigratorError)) throw error;
    const request = { pending: upTo(trios, target), history: undefined };
    return makePlan(undefined, request, { unreachable: error.message });
  }
}

/**
 * Plans given migrations.
 * @param client undefined when the database cannot be reached: the plan is made from the files.
 * @param options.unreachable why it cannot, a sentence.
 */
export async function makePlan(
  client: ClientBase | undefined,
  request: PlanRequest,
  { unreachable = "The database was not asked." }: { unreachable?: string } = {},
): Promise<Plan> {
  if (client) return reading(client, () => planLive(client, request));
  const contents = await Promise.all(request.pending.map(readContent));
  const limit =
    `${unreachable} This plan is made from the files alone: all of them count as pending, and sizes, ` +
    "rows and sessions are not known.";
  return assemblePlan(contents, { ...request, history: undefined }, undefined, [limit]);
}

/**
 * Makes sure, under the migration lock and before the first change, that a run is the one that was
 * approved.
 * @param approved hash of the approved plan.
 * @throws MigratorError MIG020 when files, database or what is applied to it have changed.
 */
export async function refuseChangedPlan(
  client: ClientBase,
  trios: readonly Trio[],
  approved: string,
  { target }: Target = {},
): Promise<void> {
  const plan = await readPlan(client, trios, { target });
  if (plan.hash === approved && plan.limits.length === 0) return;
  const pending = plan.migrations.map(({ name }) => name).join(", ") || "nothing";
  throw new MigratorError(
    CODES.planChanged,
    `The plan that was approved (${approved}) is not the plan of now (${plan.hash}): since then a ` +
      "file, the catalog, or what is applied has changed, or it was made for another database or " +
      `without one. Pending now: ${pending}. ${plan.limits.map((limit) => `${limit} `).join("")}` +
      "Nothing was run. Look at the new plan with `npx migrator plan`, and approve that.",
  );
}

function reading<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  return inReadOnlyTransaction(client, async () => {
    // The catalog's own texts, and so its digest, depend on it.
    await client.query("set local search_path = ''");
    return work();
  });
}

async function planLive(client: ClientBase, request: PlanRequest): Promise<Plan> {
  const contents = await Promise.all(request.pending.map(readContent));
  await demandServerReads(client, request.pending);
  const undone = request.toRollBack?.flatMap(({ effects }) => effects) ?? [];
  const live = await readLiveFacts(client, contents, undone);
  const limits: string[] = [];
  if (!request.history) {
    limits.push(
      "This role may not read migrations.log, so that all files count as pending: grant it " +
        "pg_read_all_data.",
    );
  }
  const drift = await readPlannedDrift(client, request);
  if (live.catalogDigest === undefined || drift === undefined) {
    limits.push("The catalog could not be read, because another session holds a lock: try again.");
  }
  return assemblePlan(contents, request, live, limits, drift);
}

/** Undefined when somebody held a lock against reading the catalog. */
async function readPlannedDrift(
  client: ClientBase,
  { pending, history }: PlanRequest,
): Promise<PlannedDrift[] | undefined> {
  // What a half-done migration did so far would look like drift.
  if (pending.length === 0 || !history || halfDoneOf(history).length > 0) return [];
  const drifts = await unlessLocked(client, () => readDrift(client));
  return drifts?.map(({ what, healable, remedy }) => ({ what, healable, remedy }));
}

function assemblePlan(
  contents: readonly Content[],
  { history, toRollBack = [] }: PlanRequest,
  live: LiveFacts | undefined,
  limits: string[],
  drift: PlannedDrift[] = [],
): Plan {
  const timeline = new Timeline(live?.relations);
  const rollbacks = toRollBack.map((each) => planRollback(each, timeline, live));
  const isHalfApplied = (version: string) =>
    history?.find((entry) => entry.version === version)?.event === "begin apply";
  return {
    hash: planHash({
      database: live?.database,
      history,
      toRollBack: toRollBack.map(({ name }) => name),
      pending: contents.map(({ trio: { name }, digests }) => ({ name, digests })),
      catalogDigest: live?.catalogDigest,
    }),
    database: live?.database,
    limits,
    applied: history?.filter(({ applied }) => applied).map(({ name }) => name),
    rollbacks,
    halfDone: halfDoneOf(history ?? []),
    drift,
    migrations: contents.map((content) =>
      planMigration(content, timeline, live, isHalfApplied(content.trio.version)),
    ),
  };
}

/** Reads the rollback SQL that the log keeps. */
async function readRollbacks(
  client: ClientBase,
  entries: readonly LogEntry[],
): Promise<RollbackContent[]> {
  if (entries.length === 0) return [];
  const stored = await readSql(client, entries);
  return Promise.all(
    entries.map(async ({ version, name }) => {
      const { forward = "", rollback = "" } = stored.get(version) ?? {};
      const statements = await splitStatements(rollback, `${name}_rollback.sql (as applied)`);
      const rebuilt = rebuiltIn(rollback);
      const isLost = ({ relation }: Loss) => !rebuilt.has(unquoted(relation));
      const effects = statements.map(({ tree, text }) => readEffect(tree, text));
      return {
        name,
        impossible: noRollbackOf(forward),
        effects: effects.map((each) => ({ ...each, losses: each.losses.filter(isLost) })),
      };
    }),
  );
}

function halfDoneOf(history: readonly History[]): string[] {
  return history
    .filter(({ event }) => event.startsWith("begin "))
    .map(({ name }) => name)
    .reverse();
}

function upTo(trios: readonly Trio[], target: string | undefined): Trio[] {
  return trios.filter(({ version }) => isWanted(version, target));
}
