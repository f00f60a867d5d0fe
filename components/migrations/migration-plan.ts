import type { PlanInputs } from "@app-data/migrator";
import * as pulumi from "@pulumi/pulumi";
import { MigratorResource } from "./migrator-resource";

/** Inputs of {@link MigrationPlan}; the provider fills in the plan itself. */
export type MigrationPlanArgs = {
  [
    Key in
      | "connection"
      | "directory"
      | "target"
      | "approvedPlan"
      | "allowDataLoss"
      | "waivers"
      | "snapshots"
  ]: pulumi.Input<PlanInputs[Key]>;
};

/**
 * What a deployment is about to do to the database. A preview shows it; an update holds the deployment
 * to the approved plan, takes a snapshot before data is deleted, and rolls back what is above the target; deleting it rolls back everything.
 * It comes before all migrations.
 */
export class MigrationPlan extends MigratorResource {
  /** The plan in words, "" when nothing is to be done. */
  declare public readonly text: pulumi.Output<string>;
  /** Names of the migrations that were pending when it was accepted. */
  declare public readonly pending: pulumi.Output<string[] | undefined>;
  /** Newest entry of the migrator's log before the deployment, null without one. */
  declare public readonly newestEntry: pulumi.Output<{ id: number } | null | undefined>;
  /** What a deployment can be held to: `migrations.approvedPlan`. */
  declare public readonly hash: pulumi.Output<string>;
  /** Name of the snapshot that was taken, "" when none was needed. */
  declare public readonly snapshot: pulumi.Output<string>;

  /** The AWS command that makes an instance of the snapshot, "" without one. */
  declare public readonly restoreCommand: pulumi.Output<string>;

  /** What a migration has to know of the plan. @param name of the migration. */
  public factsFor(name: string) {
    const { snapshot, restoreCommand, pending, newestEntry } = this;
    const pendingAfter = pulumi
      .all([pending, newestEntry])
      .apply(([names = [], entry]) => (entry && names.includes(name) ? entry.id : null));
    return { snapshot, restoreCommand, pendingAfter };
  }

  constructor(name: string, args: MigrationPlanArgs, opts?: pulumi.CustomResourceOptions) {
    const facts = { database: undefined, newestEntry: undefined, pending: undefined };
    const plan = {
      toRollBack: undefined,
      destructive: undefined,
      hash: undefined,
      text: undefined,
    };
    const made = { snapshot: undefined, restoreCommand: undefined };
    super("MigrationPlan", name, { ...args, ...facts, ...plan, ...made }, opts);
  }
}
