import type { AttestationInputs, AttestationState } from "@app-data/migrator";
import type * as pulumi from "@pulumi/pulumi";
import { MigratorResource } from "./migrator-resource";

/** Inputs of {@link SchemaAttestation}. */
export interface SchemaAttestationArgs {
  /** How to reach the database. */
  connection: pulumi.Input<AttestationInputs["connection"]>;
  /** Content digests of the migrations that it comes after, in order. */
  migrations: pulumi.Input<AttestationInputs["migrations"]>;
}

/**
 * What the database's catalog holds after the migrations: tables, row level security, policies,
 * grants, roles, functions and views. Policies judge it; a change of it shows as an update.
 */
export class SchemaAttestation extends MigratorResource {
  /** The facts. */
  declare public readonly schema: pulumi.Output<AttestationState["schema"]>;
  /** SHA-256 of {@link schema}, hexadecimal. */
  declare public readonly digest: pulumi.Output<string>;
  /** What is not as the migrations made it, a sentence each. */
  declare public readonly drift: pulumi.Output<string[]>;
  /** What the last update repaired, a sentence each. */
  declare public readonly healed: pulumi.Output<string[]>;
  /** Version of the server. */
  declare public readonly serverVersion: pulumi.Output<string>;
  /** When it was made; ISO 8601, UTC. */
  declare public readonly attestedAt: pulumi.Output<string>;

  constructor(name: string, args: SchemaAttestationArgs, opts?: pulumi.CustomResourceOptions) {
    const facts = { schema: undefined, digest: undefined, drift: undefined };
    const made = { serverVersion: undefined, healed: undefined, attestedAt: undefined };
    const props = { ...args, ...facts, ...made };
    super("SchemaAttestation", name, props, opts);
  }
}
