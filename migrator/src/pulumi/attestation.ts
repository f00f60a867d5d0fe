import { isDeepStrictEqual } from "node:util";
import type { Schema } from "@app-data/rules";
import { type Attestation, readAttestation } from "../judge/attest";
import { withCatalog } from "../catalog";
import type { ConnectionSettings } from "../database/settings";
import type { Drift } from "../judge/drift";
import { healDrift } from "../run/heal/heal-drift";
import { CODES, MigratorError } from "../errors";
import { type LogPosition, readLogPosition, refuseOtherPast } from "../log/log-position";
import { type CheckResult, isKnown } from "./resource";

/** An attestation as a resource: what it is made of. */
export interface AttestationInputs {
  connection: ConnectionSettings;
  /** Content digests of the migrations that it comes after, in order. */
  migrations: string[];
  /** What the catalog holds, where the database can be reached; filled in by the provider. */
  schema?: Schema;
  /** Digest of the whole catalog; filled in by the provider. */
  digest?: string;
  /** What is not as the migrations made it, a sentence each; filled in by the provider. */
  drift?: string[];
  /** Filled in by the provider. */
  serverVersion?: string;
  /** Newest entry of the migrator's log, null without one; filled in by the provider. */
  newestEntry?: LogPosition | null;
}

/** An attestation as a resource: what is known once it is made. */
export interface AttestationState extends Required<AttestationInputs> {
  /** What was repaired when it was made, a sentence each. */
  healed: string[];
  /** When it was made; ISO 8601, UTC. Known only after it was, so that policies can tell. */
  attestedAt: string;
}

/** What happens to an attestation resource, step by step. */
export const attestationLifecycle = {
  /**
   * Reads the live catalog into the inputs, so that a preview shows drift and policies judge what is
   * there. Where the database cannot be reached, or is not there yet, the facts are left out. Refuses a
   * database that does not hold the last deployment, which this resource alone has seen to its end.
   */
  async check(
    olds: Partial<AttestationInputs>,
    news: AttestationInputs,
  ): Promise<CheckResult<AttestationInputs>> {
    if (!isKnown(news.connection)) return { inputs: news, failures: [] };
    try {
      const facts = await readFacts(news.connection, olds.newestEntry);
      return { inputs: { ...news, ...facts }, failures: [] };
    } catch (error) {
      if (!(error instanceof MigratorError)) throw error;
      const isOther = error.code === CODES.otherDatabase;
      const failures = isOther ? [{ property: "connection", reason: error.message }] : [];
      return { inputs: news, failures };
    }
  },

  /** Facts that are not known change nothing; drift does for as long as there is any. */
  diff(olds: AttestationState, news: AttestationInputs): { changes: boolean } {
    const drifted = (news.drift ?? []).length > 0;
    const differs = news.digest !== undefined && news.digest !== olds.digest;
    const moved = !isDeepStrictEqual(olds.connection, news.connection);
    return {
      changes: drifted || differs || moved || !isDeepStrictEqual(olds.migrations, news.migrations),
    };
  },

  /** Repairs drift and reads the catalog. */
  async create(inputs: AttestationInputs): Promise<{ id: string; outs: AttestationState }> {
    return { id: inputs.connection.database, outs: await healedState(inputs) };
  },

  /** Repairs drift and reads the catalog again. */
  async update(news: AttestationInputs): Promise<{ outs: AttestationState }> {
    return { outs: await healedState(news) };
  },

  /** Reads the catalog for a refresh; inputs too, so that the engine compares with what is there. */
  async read(
    id: string,
    state: AttestationState,
  ): Promise<{ id: string; props: AttestationState; inputs: AttestationInputs }> {
    const { connection, migrations } = state;
    const inputs = { connection, migrations, ...(await readFacts(connection)) };
    const { healed = [], attestedAt = new Date().toISOString() } = state;
    return { id, props: { ...inputs, healed, attestedAt }, inputs };
  },
};

/** @throws MigratorError MIG013 when the log does not hold an entry that the state has seen. */
function readFacts(
  connection: ConnectionSettings,
  seen?: LogPosition | null,
): Promise<Attestation & { newestEntry: LogPosition | null }> {
  return withCatalog(connection, async (client) => {
    await refuseOtherPast(client, seen);
    return { ...(await readAttestation(client)), newestEntry: await readLogPosition(client) };
  });
}

/** @throws MigratorError MIG041 when access stays wider than the migrations made it. */
async function healedState(inputs: AttestationInputs): Promise<AttestationState> {
  const { connection, migrations } = inputs;
  const { healed, remaining } = await healDrift(connection);
  refuseWidened(remaining, healed);
  const facts = await readFacts(connection);
  return { connection, migrations, ...facts, healed, attestedAt: new Date().toISOString() };
}

function refuseWidened(remaining: readonly Drift[], healed: readonly string[]): void {
  const widened = remaining.filter(({ classification }) => classification === "widened");
  if (widened.length === 0) return;
  const list = widened.map(({ what, remedy }) => `- ${what}. ${remedy}`);
  const done = healed.length === 0 ? "" : ` Repaired already: ${healed.join("; ")}.`;
  throw new MigratorError(
    CODES.accessTooWide,
    "The database lets somebody see or do more than the migrations say, in a way that cannot be " +
      `repaired from here:\n${list.join("\n")}\nRepair it, or, where it is meant to be so, accept it: ` +
      `\`npx migrator repair --accept-drift --reason TEXT\`.${done}`,
  );
}
