import type { MigrationInputs, MigrationState } from "@app-data/migrator";
import * as pulumi from "@pulumi/pulumi";

/** Inputs of {@link Migration}; the provider fills in the digests. */
export type MigrationArgs = {
  [Key in keyof Omit<MigrationInputs, "digests">]: pulumi.Input<MigrationInputs[Key]>;
};

// The engine keeps this object's source in the state and runs that copy, also when the resource is
// deleted years later. So it holds no logic: each method loads the migrator by its name.
const provider: pulumi.dynamic.ResourceProvider<MigrationInputs, MigrationState> = {
  async check(olds, news) {
    const migrator: typeof import("@app-data/migrator") = require("@app-data/migrator");
    return migrator.migrationLifecycle.check(olds, news);
  },
  async diff(_id, olds, news) {
    const migrator: typeof import("@app-data/migrator") = require("@app-data/migrator");
    return migrator.migrationLifecycle.diff(olds, news);
  },
  async create(inputs) {
    const migrator: typeof import("@app-data/migrator") = require("@app-data/migrator");
    return migrator.migrationLifecycle.create(inputs);
  },
  async update(_id, olds, news) {
    const migrator: typeof import("@app-data/migrator") = require("@app-data/migrator");
    return migrator.migrationLifecycle.update(olds, news);
  },
  async read(id, props) {
    const migrator: typeof import("@app-data/migrator") = require("@app-data/migrator");
    return props ? migrator.migrationLifecycle.read(id, props) : {};
  },
  async delete(_id, props) {
    const migrator: typeof import("@app-data/migrator") = require("@app-data/migrator");
    await migrator.migrationLifecycle.delete(props);
  },
};

/**
 * One migration: creating it applies the forward SQL, deleting it runs the rollback SQL that was stored
 * when it was applied. An edit of applied SQL is an error; a new verify or rollback file is an update.
 */
export class Migration extends pulumi.dynamic.Resource {
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
    const props = { ...args, ...outputs, digests: undefined };
    super(provider, name, props, opts, "database", "Migration");
  }
}
