// npm run check:after: is what was applied at work?
import { attestLive, judgeAttestation } from "../audit/live-schema.mjs";
import { behaviourChecks } from "./behaviour.mjs";
import { failed, ok } from "./checks.mjs";
import { documentChecks } from "./document-queries.mjs";
import { runMigrator, runProgram, verdictOf } from "./programs.mjs";
import { inRolledBackTransaction } from "./sessions.mjs";
import { judgeErrorRate, keptCounters, readCounters } from "./transactions.mjs";

/**
 * @param {import("./context.mjs").Context} context
 * @returns {import("./checks.mjs").Check[]}
 */
export function checksAfter(context) {
  return [
    // First: what the others roll back is counted, too.
    { name: "error rate", run: () => checkErrorRate(context) },
    { name: "migrations applied", run: () => checkApplied(context) },
    { name: "verify files", run: () => checkVerified(context) },
    { name: "policies", run: () => checkPolicies(context) },
    { name: "no drift", run: () => checkDrift(context) },
    ...documentChecks(context),
    ...behaviourChecks(context),
    { name: "protection unchanged", run: () => checkProtection(context) },
    { name: "types fresh", run: () => checkTypes(context) },
  ];
}

async function checkErrorRate({ countersFile, logins }) {
  return judgeErrorRate(await readCounters(logins.monitor), keptCounters(countersFile));
}

async function checkApplied({ directory, wanted, connection }) {
  const { code, out } = await runMigrator([
    ...["status", "--json", "--directory", directory],
    ...connection,
  ]);
  const answer = JSON.parse(out);
  if (code !== 0) return failed(answer.error?.message ?? out);
  const states = new Map(answer.migrations.map(({ name, state }) => [name, state]));
  const pending = wanted().filter((name) => !/^applied\b/.test(states.get(name) ?? ""));
  return pending.length === 0
    ? ok(`all ${wanted().length}: ${wanted().at(-1)} is the newest`)
    : failed(
        `Not applied: ${pending.join(", ")}. \`npx migrator log\` says what the last run failed with.`,
      );
}

async function checkVerified({ directory, connection }) {
  const run = await runMigrator(["verify", "--directory", directory, ...connection]);
  return verdictOf(run, "what each migration promises of the catalog is so");
}

/** The live catalog, by the same rules as a preview and an audit. */
async function checkPolicies({ environment, target, connection }) {
  const attestation = await attestLive(connection, process.env);
  const isLowered = target !== undefined;
  const { findings, waived } = await judgeAttestation(attestation, { environment, isLowered });
  const refused = findings.filter(({ level }) => level === "mandatory");
  return refused.length === 0
    ? ok(`the rules refuse nothing, ${waived.length} waived`)
    : failed(`${refused.length} refused. \`npm run audit\` names them.`);
}

async function checkDrift({ connection }) {
  const run = await runMigrator(["drift", ...connection]);
  return verdictOf(run, "the catalog is as the migrations made it");
}

/** What 005 tells: tables without row level security, and protection that something else changed. */
function checkProtection({ logins }) {
  return inRolledBackTransaction(logins.monitor, async (client) => {
    const { rows } = await client.query(`
      select format('%I.%I', schema, name) || ' without row level security' as what
        from monitoring.tables_without_row_security
      union all
      select object || ' ' || change from monitoring.changed_protection`);
    return rows.length === 0
      ? ok("no table without RLS; policies, rights and definer functions as deployed")
      : failed(`${rows.map(({ what }) => what).join("; ")}. Repair it: npx migrator drift.`);
  });
}

async function checkTypes({ directory, logins }) {
  if (!("variable" in logins.migrator)) {
    const run = await runProgram("types/dist/main.mjs", [
      "--check-stamp",
      "--directory",
      directory,
    ]);
    return verdictOf(
      run,
      `src/types/database.generated.ts is of ${directory}; MIGRATOR_URL is not set, so it was not made again`,
    );
  }
  const run = await runProgram("types/dist/main.mjs", ["--check", "--directory", directory]);
  return verdictOf(run, "src/types/database.generated.ts is what the database gives");
}
