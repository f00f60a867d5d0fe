import type { Schema } from "@app-data/rules";
import { attest } from "../attest";
import type { ConnectionSettings } from "../connection";
import { MigratorError } from "../errors";
import { type CheckResult, isEqual, isKnown } from "./resource";

/** An attestation as a resource: what it is made of. */
export interface AttestationInputs {
  connection: ConnectionSettings;
  /** Content digests of the migrations that it comes after, in order. */
  migrations: string[];
  /** What the catalog holds, where the database can be reached; filled in by the provider. */
  schema?: Schema;
  /** Digest of {@link schema}; filled in by the provider. */
  digest?: string;
  /** Filled in by the provider. */
  serverVersion?: string;
}

/** An attestation as a resource: what is known once it is made. */
export interface AttestationState extends Required<AttestationInputs> {
  /** When it was made; ISO 8601, UTC. Known only after it was, so that policies can tell. */
  attestedAt: string;
}

/** What happens to an attestation resource, step by step. */
export const attestationLifecycle = {
  /**
   * Reads the live catalog into the inputs, so that a preview shows drift and policies judge what is
   * there. Where the database cannot be reached, or is not there yet, the facts are left out.
   */
  async check(
    _olds: Partial<AttestationInputs>,
    news: AttestationInputs,
  ): Promise<CheckResult<AttestationInputs>> {
    if (!isKnown(news.connection)) return { inputs: news, failures: [] };
    try {
      return { inputs: { ...news, ...(await attest(news.connection)) }, failures: [] };
    } catch (error) {
      if (!(error instanceof MigratorError)) throw error;
      return { inputs: news, failures: [] };
    }
  },

  /** Facts that are not known change nothing. */
  diff(olds: AttestationState, news: AttestationInputs): { changes: boolean } {
    const drifted = news.digest !== undefined && news.digest !== olds.digest;
    const moved = !isEqual(olds.connection, news.connection);
    return { changes: drifted || moved || !isEqual(olds.migrations, news.migrations) };
  },

  /** Reads the catalog. */
  async create(inputs: AttestationInputs): Promise<{ id: string; outs: AttestationState }> {
    return { id: inputs.connection.database, outs: await stateOf(inputs) };
  },

  /** Reads the catalog again. */
  async update(news: AttestationInputs): Promise<{ outs: AttestationState }> {
    return { outs: await stateOf(news) };
  },

  /** Reads the catalog for a refresh; inputs too, so that the engine compares with what is there. */
  async read(
    id: string,
    state: AttestationState,
  ): Promise<{ id: string; props: AttestationState; inputs: AttestationInputs }> {
    const { attestedAt, ...inputs } = await stateOf(state);
    return { id, props: { ...inputs, attestedAt: state.attestedAt ?? attestedAt }, inputs };
  },
};

async function stateOf(inputs: AttestationInputs): Promise<AttestationState> {
  const { connection, migrations } = inputs;
  const facts = await attest(connection);
  return { connection, migrations, ...facts, attestedAt: new Date().toISOString() };
}
