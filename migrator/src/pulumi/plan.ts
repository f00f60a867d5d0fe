import { SqlSyntaxError } from "@app-data/rules";
import type { ClientBase } from "pg";
import type { ConnectionSettings } from "../database/settings";
import { withConnection } from "../database/connection";
import { MigratorError } from "../errors";
import { type DatabaseIdentity, databaseIdentity, isSameDatabase } from "../database/identity";
import { type LogPosition, otherPast, readLogPosition, refuseOtherPast } from "../log/log-position";
import { type Plan, makePlan, readPlan, refuseChangedPlan, renderPlan } from "../plan";
import { type Snapshot, pruneSnapshots, takeSnapshot } from "../snapshot";
import { regionOf } from "../database/credentials";
import { inReadOnlyTransaction } from "../database/transaction";
import { rollbackMigration } from "../run/rollback";
import { readTrios } from "../files/trio";
import { isWanted, versionOf } from "../files/version";
import {
  type CheckResult,
  type WaiversInput,
  isEqual,
  isKnown,
  reasonInStack,
  waiversOf,
} from "./resource";

/** The plan of a deployment as a resource: what it is made of. */
export interface PlanInputs {
  connection: ConnectionSettings;
  /** Folder of the migrations. */
  directory: string;
  /** Version of the newest migration to have, "" for all. */
  target: string;
  /** Hash of the plan that was approved, "" when any will do. */
  approvedPlan: string;
  /** Whether undoing what is half applied may lose rows. */
  allowDataLoss: boolean;
  /** Which waivers the gate knows, for what is undone. */
  waivers: WaiversInput;
  /** The RDS instance to take a snapshot of before data is deleted; null for no snapshots. */
  snapshots: { instanceIdentifier: string; keep: number } | null;
  /** Which database it is; filled in by the provider, like all that follows. */
  database?: DatabaseIdentity | null;
  /** Newest entry of the migrator's log, null without one: it stays there for ever. */
  newestEntry?: LogPosition | null;
  /** Names of what will be applied. */
  pending?: string[];
  /** Names of what will be rolled back, newest first. */
  surplus?: string[];
  /** Names of what is half applied or half undone, newest first. */
  halfDone?: string[];
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
      if (!isKnown(news.connection))
        return { inputs: { ...news, ...(await blind(news)) }, failures: [] };
      const facts = await reach(news, async (client) => {
        const found = await identify(client);
        refuseOtherDatabase(olds, found);
        await inReadOnlyTransaction(client, () => refuseOtherPast(client, olds.newestEntry));
        return live(client, news, found);
      });
      return { inputs: { ...news, ...facts }, failures: [] };
    } catch (error) {
      if (!(error instanceof MigratorError || error instanceof SqlSyntaxError)) throw error;
      return {
        inputs: news,
        failures: [{ property: "directory", reason: reasonInStack(error, news.waivers) }],
      };
    }
  },

  /** Something is to be done, or something else than before is connected to. */
  diff(olds: PlanState, news: PlanInputs): { changes: boolean } {
    const work = [...(news.pending ?? []), ...(news.surplus ?? [])];
    const moved = !isEqual(olds.connection, news.connection);
    return { changes: work.length > 0 || moved };
  },

  /**
   * Holds the deployment to the approved plan, takes a snapshot before data is deleted, and undoes what is
   * half applied above the target: no resource stands for that, so nothing else would.
   */
  async create(inputs: PlanInputs): Promise<{ id: string; outs: PlanState }> {
    return { id: inputs.connection.database, outs: await accept(inputs) };
  },

  /** As create. */
  async update(news: PlanInputs): Promise<{ outs: PlanState }> {
    return { outs: await accept(news) };
  },

  /** A refresh takes over the database that is there, also one that was restored or replaced. */
  async read(
    id: string,
    state: PlanState,
  ): Promise<{ id: string; props: PlanState; inputs: PlanInputs }> {
    const { snapshot, restoreCommand, ...known } = state;
    const inputs = { ...known, ...(await withConnection(state.connection, identify)) };
    return { id, props: { ...inputs, snapshot, restoreCommand }, inputs };
  },
};

type Facts = Required<
  Pick<
    PlanInputs,
    | "database"
    | "newestEntry"
    | "pending"
    | "surplus"
    | "halfDone"
    | "destructive"
    | "hash"
    | "text"
  >
>;

async function live(client: ClientBase, inputs: PlanInputs, found: Found): Promise<Facts> {
  const { directory, target } = inputs;
  const plan = await readPlan(client, readTrios(directory), { target: target || undefined });
  const pending = plan.migrations.map(({ name }) => name);
  const { surplus, halfDone, hash } = plan;
  return {
    ...found,
    pending,
    surplus,
    halfDone,
    destructive: isDestructive(plan),
    hash,
    text: pending.length + surplus.length > 0 ? inWords(plan, inputs) : "",
  };
}

function isDestructive({ surplus, migrations }: Plan): boolean {
  return surplus.length > 0 || migrations.some(({ destructive }) => destructive);
}

/** The plan, and whether a snapshot comes first. */
function inWords(plan: Plan, { snapshots }: PlanInputs): string {
  if (!snapshots || !isDestructive(plan)) return renderPlan(plan);
  const names = plan.migrations.filter(({ destructive }) => destructive).map(({ name }) => name);
  const why = [...names, ...plan.surplus.map((name) => `the rollback of ${name}`)].join(", ");
  const told = `A snapshot of ${snapshots.instanceIdentifier} is taken first, because of: ${why}.`;
  return `${renderPlan(plan)}\n${told}`;
}

/** Which database it is, and how far its log goes. */
interface Found {
  database: DatabaseIdentity;
  newestEntry: LogPosition | null;
}

function identify(client: ClientBase): Promise<Found> {
  return inReadOnlyTransaction(client, async () => ({
    database: await databaseIdentity(client),
    newestEntry: await readLogPosition(client),
  }));
}

/** The plan of a database that cannot be asked, because it is not there yet or not reachable. */
async function blind(
  inputs: PlanInputs,
  unreachable = "The database is not there yet.",
): Promise<Facts> {
  const { directory, target } = inputs;
  const upTo = target || undefined;
  const pending = readTrios(directory).filter(({ version }) => isWanted(version, upTo));
  const plan = await makePlan(undefined, { pending, history: undefined }, { unreachable });
  return {
    database: null,
    newestEntry: null,
    pending: pending.map(({ name }) => name),
    surplus: [],
    halfDone: [],
    destructive: isDestructive(plan),
    hash: "",
    text: inWords(plan, inputs),
  };
}

/** Runs `work` with a connection; without one the plan is made from the files. */
async function reach(
  inputs: PlanInputs,
  work: (client: ClientBase) => Promise<Facts>,
): Promise<Facts> {
  let connected = false;
  try {
    return await withConnection(inputs.connection, (client) => {
      connected = true;
      return work(client);
    });
  } catch (error) {
    if (connected || !(error instanceof MigratorError)) throw error;
    return blind(inputs, `The database could not be reached: ${error.message}`);
  }
}

async function accept(inputs: PlanInputs): Promise<PlanState> {
  const { connection, directory, target, approvedPlan, snapshots } = inputs;
  const facts = await withConnection(connection, async (client) => {
    const upTo = { target: target || undefined };
    if (approvedPlan) await refuseChangedPlan(client, readTrios(directory), approvedPlan, upTo);
    return live(client, inputs, await identify(client));
  });
  const taken =
    snapshots && facts.destructive ? await secure(connection, facts, snapshots) : undefined;
  await undoHalfDone(inputs, facts);
  return {
    ...inputs,
    ...facts,
    // What was to be done is about to be: the state holds no plan that is out of date.
    pending: [],
    surplus: [],
    halfDone: [],
    destructive: false,
    text: "",
    snapshot: taken?.name ?? "",
    restoreCommand: taken?.restoreCommand ?? "",
  };
}

async function undoHalfDone(
  { connection, allowDataLoss, ...inputs }: PlanInputs,
  { surplus, halfDone }: Facts,
): Promise<void> {
  const options = { allowDataLoss, waivers: waiversOf(inputs.waivers) };
  for (const name of surplus.filter((each) => halfDone.includes(each))) {
    const version = versionOf(name) ?? name;
    await rollbackMigration(connection, { version, name }, options);
  }
}

/** Takes a snapshot and deletes the oldest; that one could not be deleted stops nothing. */
async function secure(
  { credentials }: ConnectionSettings,
  { pending, surplus }: Facts,
  { instanceIdentifier, keep }: NonNullable<PlanInputs["snapshots"]>,
): Promise<Snapshot> {
  const region = regionOf(credentials);
  const instance = { instanceIdentifier, ...(region !== undefined && { region }) };
  const versions = [...pending, ...surplus].map((name) => versionOf(name) ?? name);
  // The engine shows what a provider prints.
  const report = (line: string) => console.log(line);
  const snapshot = await takeSnapshot({ ...instance, versions, report });
  await pruneSnapshots({ ...instance, keep }).catch((error: unknown) => report(String(error)));
  return snapshot;
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
