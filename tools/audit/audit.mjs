// npm run audit: is what is deployed as the policies demand, in the state and in the live database?
import { openStack } from "./open-stack.mjs";
import { attestLive, connectionOf, judgeAttestation } from "./live-schema.mjs";
import { policyFindings } from "./policy-events.mjs";
import { renderAudit } from "./render.mjs";

/**
 * Audits a stack.
 * @param {{ stack?: string, json?: boolean }} options the stack's name; whether to print JSON.
 * @returns {Promise<number>} 0; 1 when something is refused.
 * @throws Error when the state or the database cannot be read.
 */
export async function audit({ stack: name, json = false }) {
  const stack = await openStack(name);
  const environment = (await stack.read(["config", "get", "environment"])).trim();
  const target = await stack.run(["config", "get", "--path", "migrations.target"]);
  const state = await judgeState(stack, environment);
  const attestation = await attestLive(await connectionOf(stack), stack.variables);
  const database = await judgeAttestation(attestation, {
    environment,
    isLowered: target.code === 0 && target.out.trim() !== "",
  });
  const ok = ![...state, ...database.findings].some(({ level }) => level === "mandatory");
  const result = { stack: stack.name, environment, ok, state, database };
  console.log(json ? JSON.stringify(result, undefined, 2) : renderAudit(result));
  return ok ? 0 : 1;
}

/** What the pack says of every resource, as the state holds it: no program runs, no cloud is asked. */
async function judgeState(stack, environment) {
  const { code, out, err } = await stack.run(["policy", "analyze", "--json"], {
    // An analysis tells the pack no configuration; without, it would judge as in prod.
    PULUMI_CONFIG: JSON.stringify({ "app-data:environment": environment }),
  });
  const findings = policyFindings(out);
  const isRefused = findings.some(({ level }) => level === "mandatory");
  if (code !== 0 && !isRefused) {
    throw new Error(`The state of ${stack.name} could not be analyzed (${code}):\n${err.trim()}`);
  }
  return findings;
}
