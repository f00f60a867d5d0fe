// What a stack has lost since the last run, and how the next one goes on without it.
import { existsSync, readFileSync } from "node:fs";
import { report, step } from "../report.mjs";
import { hasPostgres } from "./postgres.mjs";
import { hasSecret } from "./secret-file.mjs";
import { endEmulator, findServers, listRolesAndDatabases } from "./servers.mjs";

/**
 * Finds out what the state speaks of that is no longer there. Changes nothing.
 * @returns `{ part, cause }`, or undefined where nothing is missing. Without the part "state" nothing of
 * the state can be used; without "aws" the AWS resources are gone; of "roles" there are more than it says.
 */
export function findLoss(home, pulumi) {
  const { resources, isBroken } = pulumi.readState();
  if (isBroken) return { part: "state", cause: "The state of this stack is damaged." };
  if (resources.length === 0) return undefined;
  if (!hasSecret(home.passphraseFile)) {
    const cause = `The passphrase of this stack (${home.passphraseFile}) is gone, and without it the secrets in its state.`;
    return { part: "state", cause };
  }
  if (!hasPostgres({ directory: home.postgres })) {
    return { part: "state", cause: "The database that this stack was made on is gone." };
  }
  if (!findServers(home).emulator) {
    const cause = "The AWS emulator that this stack was made on has ended, and its memory with it.";
    return { part: "aws", cause };
  }
  if (existsSync(home.unfinishedFile) && readFileSync(home.unfinishedFile, "utf8") === "aws") {
    const cause = "A run was cut off while it began the AWS emulator anew.";
    return { part: "aws", cause };
  }
  return undefined;
}

/** What a run was cut off in, so that nobody knows whether AWS has it; the emulator is then begun anew. */
export function findCutOff(pulumi) {
  const { pending } = pulumi.readState();
  const types = pending.filter(isAws).map(({ type }) => type);
  if (types.length === 0) return undefined;
  return { part: "aws", cause: `A run was cut off while it made ${types.join(", ")}.` };
}

/** The emulator begun anew because it was asked for. */
export const RENEWAL = { part: "aws", cause: "The AWS emulator is begun anew, as asked." };

/** What a run met that the state does not know of: it was made by one whose plugin ended before it could say so. */
export function findUnknown(errors) {
  const types = errors
    .filter(({ urn, message }) => urn && /already ?exists/i.test(message))
    .map(({ urn }) => urn.split("::")[2].split("$").at(-1))
    .filter((type) => /^(?:aws|postgresql):/.test(type));
  if (types.length === 0) return undefined;
  const part = types.some((type) => isAws({ type })) ? "aws" : "roles";
  const cause = `A run before has made ${[...new Set(types)].join(", ")}, and its state does not say so.`;
  return { part, cause };
}

/** Lets go of what does not fit any more, before servers are started. */
export async function letGo(home, pulumi, loss) {
  if (loss) report(loss.cause);
  if (loss?.part === "state") {
    const aside = pulumi.layStateAside();
    report(`State: beginning anew; the old one is in ${aside}`);
  }
  if (loss?.part === "aws") report("AWS emulator: beginning anew; the database keeps its rows");
  // What an emulator holds without a state would be in the way.
  const isKept = !loss || loss.part === "roles";
  if (!isKept || pulumi.readState().resources.length === 0) await endEmulator(home);
}

/** Takes out of the state what the new emulator does not have, and what a run was cut off in. */
export async function forgetLost(pulumi, loss) {
  const { resources, pending } = pulumi.readState();
  const lost = loss?.part === "aws" ? resources.filter(isAws) : [];
  if (lost.length + pending.length === 0) return;
  const targets = lost.flatMap(({ urn }) => ["--target", urn]);
  await step("State: forgetting what is gone", () =>
    pulumi.read(["refresh", "--yes", "--clear-pending-creates", ...targets]),
  );
}

/** What PostgreSQL has and the state does not, as `database.adopt` takes it: `role:NAME`, `database:NAME`. */
export async function findStrays(pulumi, postgres) {
  const { resources } = pulumi.readState();
  const known = resources
    .filter(({ type }) => /^postgresql:.*:(?:Role|Database)$/.test(type))
    .map(({ type, inputs }) => `${type.split(":").at(-1).toLowerCase()}:${inputs.name}`);
  const all = await listRolesAndDatabases(postgres);
  return all.filter((name) => !known.includes(name));
}

function isAws({ type }) {
  return type.startsWith("aws:");
}
