import { isDeepStrictEqual } from "node:util";
import { SqlSyntaxError } from "@app-data/rules";
import type { ClientBase } from "pg";
import type { ConnectionSettings } from "../database/settings";
import { withConnection } from "../database/connection";
import { MigratorError } from "../errors";
import { type DatabaseIdentity, databaseIdentity, isSameDatabase } from "../database/identity";
import { type LogPosition, otherPast, readLogPosition, refuseOtherPast } from "../log/log-position";
import {
  type Plan,
  describeLoss,
  makePlan,
  readPlan,
  refuseChangedPlan,
  renderPlan,
} from "../plan";
import { type Snapshot, pruneSnapshots, takeSnapshot } from "../snapshot";
import { regionOf } from "../database/credentials";
import { inReadOnlyTransaction } from "../database/transaction";
import { rollbackTo } from "../run/rollback";
import { readTrios } from "../files/trio";
import { isWanted, versionOf } from "../files/version";
import { type CheckResult, type WaiversInput, isKnown, reasonInStack, waiversOf } from "./resource";

/** The plan of a deployment as a resource: what it is made of. */
export interface PlanInputs {
  connection: ConnectionSettings;
  /** Folder of the migrations. */
  directory: string;
  /** Version of the newest migration to have, "" for all. */
  target: string;
  /** Hash of the plan that was approved, "" when any will do. */
  approvedPlan: string;
  /** Whether a rollback may lose rows. */
  allowDataLoss: boolean;
  /** Which waivers the gate knows, for what is rolled back. */
  waivers: WaiversInput;
  /** The RDS instance to take a snapshot of before data is deleted; null for no snapshots. */
  snapshots: { instanceIdentifier: string; keep: number } | null;
  /** Which database it is; filled in by the provider, like all that follows. */
  database?: DatabaseIdentity | null;
  /** Newest entry of the migrator's log, null without one: it stays there for ever. */
  newestEntry?: LogPosition | null;
  /** Names of what will be applied; once the plan was accepted, of what was pending then. */
  pending?: string[];
  /** Names of what will be rolled back, newest first. */
  toRollBack?: string[];
  /** Whether data that is there now will be deleted, or may be. */
  destructive?: boolean;
  /** What `up` can be held to; "" when the database cannot be asked. */
  hash?: string;
  /** The plan in words; "" when nothing is to be done. */
  text?: string;
}

/** The plan of a deployment as a resource: what is known once it was accepted. */
export interface PlanState extends Required<PlanInputs> {
  /** Name of the snapshot that was taken, "" when none was needed. */
  snapshot: string;
  /** The AWS command that makes an instance of it, "" without one. */
  restoreCommand: string;
}

/** What happens to a plan resource, step by step. It comes before the first migration. */
export const planLifecycle = {
  /**
   * Plans what is to be done, on the live database where it can be reached; refuses files that do not
   * belong to it, and a database that is not the one that the state knows.
   */
  async check(olds: Partial<PlanInputs>, news: PlanInputs): Promise<CheckResult<PlanInputs>> {
    try {
      const facts = isKnown(news.connection)
        ? await planWhereReachable(olds, news)
        : await planFromFiles(news, "The database is not there yet.");
      return { inputs: { ...news, ...facts }, failures: [] };
    } catch (error) {
      if (!(error instanceof MigratorError || error instanceof SqlSyntaxError)) throw error;
      return {
        inputs: news,
        failures: [{ property: "directory", reason: reasonInStack(error, news.waivers) }],
      };
    }
  },

  /** Something is to be done, or the state would destroy another database, or with other flags. */
  diff(olds: PlanState, news: PlanInputs): { changes: boolean } {
    const { pending = [], toRollBack = [] } = news;
    const ofDelete = ({ connection, allowDataLoss, waivers }: PlanInputs) => [
      connection,
      allowDataLoss,
      waivers,
    ];
    const differs = !isDeepStrictEqual(ofDelete(olds), ofDelete(news));
    return { changes: pending.length + toRollBack.length > 0 || differs };
  },

  /**
   * Holds the deployment to the approved plan, takes a snapshot before data is deleted, and rolls back what
   * is above the target: here the new configuration is known, and the attestation comes after.
   */
  async create(inputs: PlanInputs): Promise<{ id: string; outs: PlanState }> {
    return { id: inputs.connection.database, outs: await accept(inputs) };
  },

  /** As create. */
  async update(news: PlanInputs): Promise<{ outs: PlanState }> {
    return { outs: await accept(news) };
  },

  /** When the stack is destroyed: rolls everything back, as its last deployment allows. */
  async delete({
    connection,
    allowDataLoss,
    waivers,
  }: Pick<PlanState, "connection" | "allowDataLoss" | "waivers">): Promise<void> {
    const options = { allowDataLoss, waivers: waiversOf(waivers), report };
    await rollbackTo(connection, undefined, options);
  },

  /** A refresh takes over the database that is there, also one that was restored or replaced. */
  async read(
    id: string,
    state: PlanState,
  ): Promise<{ id: string; props: PlanState; inputs: PlanInputs }> {
    const { snapshot, restoreCommand, ...known } = state;
    const found = await withConnection(state.connection, identify);
    const inputs = { ...known, ...found, pending: [] };
    return { id, props: { ...inputs, snapshot, restoreCommand }, inputs };
  },
};

type Facts = Required<
  Pick<
    PlanInputs,
    "database" | "newestEntry" | "pending" | "toRollBack" | "destructive" | "hash" | "text"
  >
>;

/** Which database it is, and how far its log goes. */
type Found = { database: DatabaseIdentity; newestEntry: LogPosition | null };

/** Plans on the live database; without a connection the plan is made from the files. */
async function planWhereReachable(olds: Partial<PlanInputs>, inputs: PlanInputs): Promise<Facts> {
  let isConnected = false;
  try {
    return await withConnection(inputs.connection, async (client) => {
      isConnected = true;
      const found = await identify(client);
      refuseOtherDatabase(olds, found);
      await inReadOnlyTransaction(client, () => refuseOtherPast(client, olds.newestEntry));
      return planLive(client, inputs, found);
    });
  } catch (error) {
    if (isConnected || !(error instanceof MigratorError)) throw error;
    return planFromFiles(inputs, `The database could not be reached: ${error.message}`);
  }
}

async function planLive(client: ClientBase, inputs: PlanInputs, found: Found): Promise<Facts> {
  const { directory, target } = inputs;
  return factsOf(await readPlan(client, readTrios(directory), targetOf(target)), inputs, found);
}

/** @param unreachable why the database cannot be asked, a sentence. */
async function planFromFiles(inputs: PlanInputs, unreachable: string): Promise<Facts> {
  const { target } = targetOf(inputs.target);
  const pending = readTrios(inputs.directory).filter(({ version }) => isWanted(version, target));
  const plan = await makePlan(undefined, { pending, history: undefined }, { unreachable });
  return { ...factsOf(plan, inputs, { database: null, newestEntry: null }), hash: "" };
}

function factsOf(
  plan: Plan,
  inputs: PlanInputs,
  found: Pick<Facts, "database" | "newestEntry">,
): Facts {
  const { hash } = plan;
  const toRollBack = plan.rollbacks.map(({ name }) => name);
  const pending = plan.migrations.map(({ name }) => name);
  const destructive =
    toRollBack.length > 0 || plan.migrations.some((migration) => migration.destructive);
  const isWork = pending.length + toRollBack.length > 0;
  const text = isWork ? describePlan(plan, destructive, inputs) : "";
  return { ...found, pending, toRollBack, destructive, hash, text };
}

/** The plan, what it would be refused for, and whether a snapshot comes first. */
function describePlan(
  plan: Plan,
  destructive: boolean,
  { snapshots, allowDataLoss }: PlanInputs,
): string {
  const lines = [renderPlan(plan)];
  const losses = plan.rollbacks.flatMap((each) => each.losses).filter(({ rows }) => rows !== 0);
  if (losses.length > 0 && !allowDataLoss) {
    lines.push(
      "REFUSED while it loses rows (MIG017), because migrations.allowDataLoss is false: " +
        `${losses.map(describeLoss).join(", ")}.`,
    );
  }
  if (snapshots && destructive) {
    const names = plan.migrations.filter((each) => each.destructive).map(({ name }) => name);
    const why = [...names, ...plan.rollbacks.map(({ name }) => `the rollback of ${name}`)].join(
      ", ",
    );
    lines.push(`A snapshot of ${snapshots.instanceIdentifier} is taken first, because of: ${why}.`);
  }
  return lines.join("\n");
}

function targetOf(target: string): { target: string | undefined } {
  return { target: target || undefined };
}

function identify(client: ClientBase): Promise<Found> {
  return inReadOnlyTransaction(client, async () => ({
    database: await databaseIdentity(client),
    newestEntry: await readLogPosition(client),
  }));
}

async function accept(inputs: PlanInputs): Promise<PlanState> {
  const { connection, directory, target, approvedPlan, snapshots } = inputs;
  const facts = await withConnection(connection, async (client) => {
    const upTo = targetOf(target);
    if (approvedPlan) await refuseChangedPlan(client, readTrios(directory), approvedPlan, upTo);
    return planLive(client, inputs, await identify(client));
  });
  const taken =
    snapshots && facts.destructive ? await takeFirst(connection, facts, snapshots) : undefined;
  if (facts.toRollBack.length > 0) {
    const { allowDataLoss } = inputs;
    const options = { allowDataLoss, waivers: waiversOf(inputs.waivers), report };
    await rollbackTo(connection, target, options);
  }
  // What was to be done is done, or about to be: the state holds no plan that is out of date.
  const done = { toRollBack: [], destructive: false, text: "" };
  const { name: snapshot = "", restoreCommand = "" } = taken ?? {};
  return { ...inputs, ...facts, ...done, snapshot, restoreCommand };
}

/** Takes a snapshot and deletes the oldest; that one could not be deleted stops nothing. */
async function takeFirst(
  { credentials }: ConnectionSettings,
  { pending, toRollBack }: Facts,
  { instanceIdentifier, keep }: NonNullable<PlanInputs["snapshots"]>,
): Promise<Snapshot> {
  const region = regionOf(credentials);
  const instance = { instanceIdentifier, ...(region !== undefined && { region }) };
  const versions = [...pending, ...toRollBack].map((name) => versionOf(name) ?? name);
  const snapshot = await takeSnapshot({ ...instance, versions, report });
  await pruneSnapshots({ ...instance, keep }).catch((error: unknown) => report(String(error)));
  return snapshot;
}

/** The engine shows what a provider prints. */
function report(line: string): void {
  console.log(line);
}

/** @throws MigratorError MIG013 when the database is not the one that the state knows. */
function refuseOtherDatabase({ database }: Partial<PlanInputs>, now: Found): void {
  if (!database || isSameDatabase(database, now.database)) return;
  throw otherPast(
    `This is not the database that the state knows: it has system identifier ${now.database.systemIdentifier} ` +
      `and object identifier ${now.database.databaseOid}, the state knows ${database.systemIdentifier} ` +
      `and ${database.databaseOid}. It was replaced, or loaded from a dump.`,
  );
}
