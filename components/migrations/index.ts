import type { ConnectionSettings } from "@app-data/migrator";
import {
  type Trio,
  canonicalVersion,
  isWanted,
  readTrios,
  waiverFile,
} from "@app-data/migrator/files";
import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "../config";
import { type MigratorConnectionArgs, migratorConnection } from "./connection";
import { Migration, type MigrationArgs } from "./migration";
import { MigrationPlan } from "./migration-plan";
import { SchemaAttestation } from "./schema-attestation";

/** Inputs of {@link Migrations}. */
export interface MigrationsArgs extends MigratorConnectionArgs {
  /** Folder of the SQL files, relative to the project. */
  readonly directory: string;
  /**
   * Version of the last migration that shall be applied; later ones are rolled back.
   * Undefined means all of them.
   */
  readonly target: string | undefined;
  /** Whether a rollback may lose rows. */
  readonly allowDataLoss: boolean;
  /** What the stack is for: a waiver may hold in some environments alone. */
  readonly environment: Environment;
  /** Hash of the plan that the deployment is held to, undefined when any will do. */
  readonly approvedPlan: string | undefined;
  /** How many snapshots to keep of those taken before data is deleted; 0 takes none. */
  readonly snapshotsKept: number;
  /** Identifier of the RDS instance. */
  readonly instanceIdentifier: pulumi.Input<string>;
  /** Roles that may connect to the database; PUBLIC may not. */
  readonly connectRoles: string[];
}

/** The migrations in order, each a resource that depends on the one before, and the attestation. */
export class Migrations extends pulumi.ComponentResource {
  /** Names of the migrations that are applied, in order. */
  public readonly applied: pulumi.Output<string[]>;
  /** Snapshot that was taken before data was deleted, "" when none was needed. */
  public readonly snapshot: pulumi.Output<string>;
  /** Digest of what the catalog holds after them. */
  public readonly catalogDigest: pulumi.Output<string>;

  constructor(name: string, args: MigrationsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-data:database:Migrations", name, {}, opts);
    const target = args.target === undefined ? undefined : canonicalVersion(args.target);
    const trios = upTo(target, readTrios(args.directory), args.directory);

    const connection = migratorConnection(args);
    const planArgs = planArgsOf(connection, { ...args, target });
    const plan = new MigrationPlan(`${name}-plan`, planArgs, { parent: this });
    // Shown beside the resource, in a preview too.
    plan.text.apply((text) => (text ? pulumi.log.info(text, plan) : undefined));

    const migrations: Migration[] = [];
    for (const trio of trios) {
      const dependsOn = [plan, ...migrations.slice(-1)];
      const options = { parent: this, dependsOn };
      const inputs = { ...argsOf(trio, connection, args), ...plan.factsFor(trio.name) };
      migrations.push(new Migration(`${name}-${trio.name}`, inputs, options));
    }
    const attestation = new SchemaAttestation(
      `${name}-attestation`,
      {
        connection,
        migrations: pulumi
          .all(migrations.map((migration) => migration.digests))
          .apply((all) => all.map((digests) => digests.forward.content)),
      },
      { parent: this, dependsOn: [plan, ...migrations] },
    );

    this.applied = pulumi.all(migrations.map((migration) => migration.id));
    this.catalogDigest = attestation.digest;
    this.snapshot = plan.snapshot;
    const { applied, catalogDigest, snapshot } = this;
    this.registerOutputs({ applied, catalogDigest, snapshot });
  }
}

function upTo(target: string | undefined, trios: Trio[], directory: string): Trio[] {
  if (target === undefined) return trios;
  if (trios.some(({ version }) => version === target)) {
    return trios.filter(({ version }) => isWanted(version, target));
  }
  const known = trios.map((trio) => trio.version).join(", ");
  throw new pulumi.RunError(
    `CFG044 app-data:migrations.target = ${target}: must be the version of a migration in ` +
      `${directory} (${known}), or empty for all.`,
  );
}

function planArgsOf(
  connection: pulumi.Output<ConnectionSettings>,
  { directory, target = "", approvedPlan = "", allowDataLoss, ...args }: MigrationsArgs,
) {
  const { snapshotsKept, instanceIdentifier, environment } = args;
  const waivers = { file: waiverFile, environment };
  const snapshots =
    snapshotsKept === 0
      ? null
      : pulumi.output(instanceIdentifier).apply((id) => ({
          instanceIdentifier: id,
          keep: snapshotsKept,
        }));
  return { connection, directory, target, approvedPlan, allowDataLoss, waivers, snapshots };
}

function argsOf(
  trio: Trio,
  connection: pulumi.Output<ConnectionSettings>,
  { connectRoles, environment }: MigrationsArgs,
): Omit<MigrationArgs, "snapshot" | "restoreCommand" | "pendingAfter"> {
  return {
    version: trio.version,
    name: trio.name,
    forwardFile: trio.forward.file,
    forwardSql: trio.forward.sql,
    rollbackFile: trio.rollback.file,
    rollbackSql: trio.rollback.sql,
    verifyFile: trio.verify.file,
    verifySql: trio.verify.sql,
    connection,
    connectRoles,
    waivers: { file: waiverFile, environment },
  };
}
