import { type AttestationInputs, type AttestationState, attestationLifecycle } from "./attestation";
import { type MigrationInputs, type MigrationState, migrationLifecycle } from "./migration";
import { type PlanInputs, type PlanState, planLifecycle } from "./plan";

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
  },
  Migration: {
    ...providerOf<MigrationInputs, MigrationState>(migrationLifecycle),
    update: (_id: string, olds: MigrationState, news: MigrationInputs) =>
      migrationLifecycle.update(olds, news),
    delete: (_id: string, state: MigrationState) => migrationLifecycle.delete(state),
  },
  SchemaAttestation: {
    ...providerOf<AttestationInputs, AttestationState>(attestationLifecycle),
    update: (_id: string, _olds: AttestationState, news: AttestationInputs) =>
      attestationLifecycle.update(news),
  },
};

function providerOf<Inputs, State>(lifecycle: Lifecycle<Inputs, State>) {
  return {
    check: (olds: Partial<Inputs>, news: Inputs) => lifecycle.check(olds, news),
    diff: async (_id: string, olds: State, news: Inputs) => lifecycle.diff(olds, news),
    create: (inputs: Inputs) => lifecycle.create(inputs),
    // Of a resource that is imported nothing is known.
    read: async (id: string, state?: State) => (state ? lifecycle.read(id, state) : {}),
  };
}
