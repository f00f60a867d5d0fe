// npm run check:before: may the migrations be applied?
import path from "node:path";
import { PROJECT } from "../prepare.mjs";
import { failed, ok, skipped } from "./checks.mjs";
import { runMigrator, runProgram, verdictOf } from "./programs.mjs";
import { keepCounters, readCounters } from "./transactions.mjs";

/** How old the newest moment may be that RDS can restore; it is 5 minutes on a quiet day. */
const OLDEST_BACKUP_MS = 30 * 60_000;
/** Where nobody has to approve a plan. */
const UNAPPROVED = ["local", "dev"];
/** How the state of a stack calls a migration. */
const MIGRATION = "pulumi-nodejs:dynamic/database:Migration";

/**
 * @param {import("./context.mjs").Context} context
 * @returns {import("./checks.mjs").Check[]}
 */
export function checksBefore(context) {
  // Before the first deployment there is no database that could be asked.
  const isDeployed = process.env.MIGRATOR_URL || context.outputs.databaseHost;
  const onceDeployed = (run) => (isDeployed ? run : async () => skipped("nothing is deployed yet"));
  return [
    { name: "preflight", run: onceDeployed(() => checkPreflight(context)) },
    { name: "backup", run: onceDeployed(() => checkBackup(context)) },
    { name: "staging", run: () => checkStaging(context) },
    { name: "migrations judged", run: () => checkPolicy(context) },
    { name: "no drift", run: onceDeployed(() => checkDrift(context)) },
    { name: "types fresh", run: () => checkStamp(context) },
    { name: "plan approved", run: onceDeployed(() => checkPlan(context)) },
    { name: "error rate noted", run: onceDeployed(() => noteErrorRate(context)) },
  ];
}

async function checkPreflight({ connection }) {
  const run = await runMigrator(["preflight", ...connection]);
  return verdictOf(run, "name, route, TLS, login and rights are well");
}

async function checkBackup({ stack, outputs }) {
  if (stack.isLocal) return skipped("the local stack makes no backups");
  const { databaseAddress } = outputs;
  const { RDSClient, DescribeDBInstancesCommand } = await import("@aws-sdk/client-rds");
  const [identifier] = String(databaseAddress).split(".");
  const region = (await stack.read(["config", "get", "aws:region"])).trim();
  const client = new RDSClient({ region });
  try {
    const answer = await client.send(
      new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier }),
    );
    return judgeBackup(answer.DBInstances?.[0] ?? {}, new Date());
  } finally {
    client.destroy();
  }
}

/**
 * Whether a database can be taken back to a moment ago.
 * @param {{ BackupRetentionPeriod?: number, LatestRestorableTime?: Date }} instance as RDS describes it.
 * @param {Date} now
 */
export function judgeBackup({ BackupRetentionPeriod: days = 0, LatestRestorableTime: at }, now) {
  if (days === 0 || !at) {
    return failed("RDS keeps no backups. Set database.backupRetentionDays and wait for the first.");
  }
  const says = `RDS can restore every moment of ${days} days until ${at.toISOString()}`;
  return now.getTime() - at.getTime() <= OLDEST_BACKUP_MS
    ? ok(says)
    : failed(`${says}, which is too long ago. Take a snapshot: aws rds create-db-snapshot.`);
}

async function checkStaging({ stack, environment, directory, wanted }) {
  if (environment !== "prod") return skipped("asked of prod alone");
  const { code, out, err } = await stack.run(["stack", "export", "--stack", "staging"]);
  if (code !== 0) return failed(`The stack staging cannot be read: ${err}`);
  return judgeStaging(migrationsIn(JSON.parse(out)), await filesOf(directory, wanted()));
}

/**
 * A migration, and what its files are.
 * @typedef {{ name: string, digests: import("@app-data/migrator").TrioDigests }} Version
 */

/** The migrations in the state of a stack. @returns {Version[]} */
function migrationsIn({ deployment: { resources = [] } }) {
  return resources
    .filter(({ type, delete: goes }) => type === MIGRATION && !goes)
    .map(({ outputs: { name, digests } }) => ({ name, digests }));
}

/** @returns {Promise<Version[]>} */
async function filesOf(directory, names) {
  const { inspectTrio, readTrios } = await import("@app-data/migrator/migrated-database");
  const trios = readTrios(path.resolve(PROJECT, directory));
  return Promise.all(
    trios
      .filter(({ name }) => names.includes(name))
      .map(async (trio) => ({ name: trio.name, digests: await inspectTrio(trio) })),
  );
}

/**
 * Whether staging has what is to be applied, of the same SQL.
 * @param {readonly Version[]} applied the migrations in staging.
 * @param {readonly Version[]} wanted
 */
export function judgeStaging(applied, wanted) {
  const inStaging = new Map(applied.map(({ name, digests }) => [name, digests]));
  const lacking = wanted.filter(({ name }) => !inStaging.has(name)).map(({ name }) => name);
  if (lacking.length > 0) {
    return failed(`staging lacks ${lacking.join(", ")}. Deploy it first.`);
  }
  const others = wanted.flatMap(({ name, digests }) =>
    Object.entries(digests)
      .filter(([part, { content }]) => inStaging.get(name)?.[part]?.content !== content)
      .map(([part]) => `the ${part} file of ${name}`),
  );
  return others.length === 0
    ? ok(`staging has all ${wanted.length} migrations, of the same SQL`)
    : failed(
        `staging has another version of ${others.join(", ")}. Deploy these files there first.`,
      );
}

async function checkPolicy({ environment }) {
  const run = await runProgram("tools/main.mjs", ["policy", "--environment", environment]);
  return verdictOf({ ...run, err: "" }, "npm run policy refuses nothing");
}

async function checkDrift({ connection }) {
  const run = await runMigrator(["drift", ...connection]);
  return verdictOf(run, "the catalog is as the migrations made it");
}

async function checkStamp({ directory }) {
  const run = await runProgram("types/dist/main.mjs", ["--check-stamp", "--directory", directory]);
  return verdictOf(run, `src/types/database.generated.ts is of ${directory}`);
}

async function checkPlan({ environment, directory, target, approvedPlan, connection }) {
  const { code, out } = await runMigrator([
    ...["plan", "--json", "--directory", directory],
    ...connection,
    ...(target ? ["--target", target] : []),
  ]);
  const plan = JSON.parse(out);
  if (code !== 0) return failed(plan.error?.message ?? out);
  return judgePlan(plan, approvedPlan, environment);
}

/**
 * Whether what is to be done was approved.
 * @param {{ hash: string, migrations: readonly unknown[], rollbacks: readonly unknown[] }} plan
 * @param {string | undefined} approved hash of the plan that was approved.
 * @param {string} environment
 */
export function judgePlan({ hash, migrations, rollbacks }, approved, environment) {
  if (migrations.length + rollbacks.length === 0) return ok("nothing is to be done");
  if (approved === hash) return ok(`plan ${hash} is what was approved`);
  if (approved) {
    return failed(`Approved was plan ${approved}, and now it is ${hash}. Have it approved anew.`);
  }
  return UNAPPROVED.includes(environment)
    ? skipped(`plan ${hash}; ${UNAPPROVED.join(" and ")} ask for no approval`)
    : failed(
        `Nobody has approved plan ${hash}. Read it with \`npx migrator plan\`, then set APPROVED_PLAN, ` +
          "or migrations.approvedPlan of the stack, to its hash.",
      );
}

/** Keeps the counters, so that `check:after` tells what failed since. */
async function noteErrorRate({ countersFile, logins }) {
  try {
    const counters = await readCounters(logins.monitor);
    keepCounters(countersFile, counters);
    return ok(`${counters.committed} committed and ${counters.rolledBack} rolled back so far`);
  } catch (error) {
    // Before 005 there is nothing that monitor may read.
    return skipped(`what 005 counts cannot be read yet: ${error.message}`);
  }
}
