import type { MigrationInputs, MigrationState } from "@app-data/migrator";
import type * as pulumi from "@pulumi/pulumi";
import { MigratorResource } from "./migrator-resource";

/** Inputs of {@link Migration}; the provider fills in the digests. */
export type MigrationArgs = {
  [Key in keyof Omit<MigrationInputs, "digests">]: pulumi.Input<MigrationInputs[Key]>;
};

/**
 * One migration: creating it applies the forward SQL; rolling it back is the plan's. An edit of applied SQL is an error; a new verify or rollback file is an update.
 */
export class Migration extends MigratorResource {
  /** Version and name: `001_add_missing_tables`. */
  declare public readonly name: pulumi.Output<string>;
  /** When it was applied; ISO 8601, UTC. */
  declare public readonly appliedAt: pulumi.Output<string>;
  /** How long it took, in milliseconds. */
  declare public readonly durationMs: pulumi.Output<number>;
  /** Digest of the attestation right after it was applied. */
  declare public readonly catalogDigest: pulumi.Output<string>;
  /** Digests of the three files. */
  declare public readonly digests: pulumi.Output<MigrationState["digests"]>;

  constructor(name: string, args: MigrationArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { appliedAt: undefined, durationMs: undefined, catalogDigest: undefined };
    const props = { ...args, ...outputs, logEntry: undefined, digests: undefined };
    super("Migration", name, props, opts);
  }
}
