import { MigratorError } from "../errors";
import { type AttestationInputs, type AttestationState, attestationLifecycle } from "./attestation";
import { type MigrationInputs, type MigrationState, migrationLifecycle } from "./migration";
import { type PlanInputs, type PlanState, planLifecycle } from "./plan";
import { type TokenSettingsInputs, tokenSettingsLifecycle } from "./token-settings";

/** What all lifecycles have in common. */
interface Lifecycle<Inputs, State> {
  check(olds: Partial<Inputs>, news: Inputs): Promise<unknown>;
  diff(olds: State, news: Inputs): unknown;
  create(inputs: Inputs): Promise<unknown>;
  read(id: string, state: State): Promise<unknown>;
}

/**
 * The lifecycles by the type of their resource, as Pulumi calls dynamic providers. A state names what
 * stands here, and an older one the lifecycles themselves, so these names have to stay.
 */
export const providers = {
  MigrationPlan: {
    ...providerOf<PlanInputs, PlanState>(planLifecycle),
    update: (_id: string, _olds: PlanState, news: PlanInputs) => planLifecycle.update(news),
    delete: (_id: string, state: PlanState) => reportedOnce(planLifecycle.delete(state)),
  },
  Migration: {
    ...providerOf<MigrationInputs, MigrationState>(migrationLifecycle),
    update: (_id: string, olds: MigrationState, news: MigrationInputs) =>
      migrationLifecycle.update(olds, news),
  },
  SchemaAttestation: {
    ...providerOf<AttestationInputs, AttestationState>(attestationLifecycle),
    update: (_id: string, _olds: AttestationState, news: AttestationInputs) =>
      attestationLifecycle.update(news),
  },
  TokenSettings: {
    ...providerOf<TokenSettingsInputs, TokenSettingsInputs>(tokenSettingsLifecycle),
    update: (_id: string, _olds: TokenSettingsInputs, news: TokenSettingsInputs) =>
      reportedOnce(tokenSettingsLifecycle.update(news)),
    delete: (_id: string, state: TokenSettingsInputs) =>
      reportedOnce(tokenSettingsLifecycle.delete(state)),
  },
};

function providerOf<Inputs, State>(lifecycle: Lifecycle<Inputs, State>) {
  return {
    check: (olds: Partial<Inputs>, news: Inputs) => reportedOnce(lifecycle.check(olds, news)),
    diff: async (_id: string, olds: State, news: Inputs) => lifecycle.diff(olds, news),
    create: (inputs: Inputs) => lifecycle.create(inputs),
    // Of a resource that is imported nothing is known.
    read: async (id: string, state?: State) =>
      state ? reportedOnce(lifecycle.read(id, state)) : {},
  };
}

/**
 * Pulumi shows the message of an error as that of its resource. Before that its process for dynamic
 * resources prints what the error is as a text, and its stack trace, which would say the same twice more.
 */
async function reportedOnce<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof MigratorError && !process.env["APP_DATA_DEBUG"]) {
      error.toString = () => error.code;
      error.stack = "see the error of the resource";
    }
    throw error;
  }
}
