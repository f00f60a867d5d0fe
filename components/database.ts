import * as cloudwatch from "@pulumi/aws/cloudwatch";
import { getRegionOutput } from "@pulumi/aws/getRegion";
import * as rds from "@pulumi/aws/rds";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { AppDataConfig, Endpoint } from "./config";
import { createDatabaseKey } from "./database-key";
import { instanceSettings } from "./database-instance";
import { createMonitoring } from "./database-monitoring";
import { DATABASE_PARAMETERS, POSTGRESQL_MAJOR_VERSION } from "./database-parameters";
import { physicalName } from "./names";
import type { Tags } from "./tags";

// What RDS writes to CloudWatch.
const LOG_EXPORTS = ["postgresql", "upgrade"];

/** How a connection to the database is secured, as the migrator takes it. */
export type DatabaseTls =
  { readonly mode: "disable" } | { readonly mode: "verify-full"; readonly serverName: string };

/** Where and how the stack itself connects to the database. */
export interface DatabaseConnection extends Endpoint {
  readonly tls: DatabaseTls;
}

/** Where and how the migrator connects: as the stack does, or through a port-forward of its own. */
export interface MigratorConnection extends DatabaseConnection {
  readonly transport?: {
    readonly kind: "tunnel";
    readonly target: string;
    readonly region: string;
  };
}

/** Inputs of {@link Database}. */
export interface DatabaseArgs {
  /** Private subnets, in two zones or more. */
  readonly subnetIds: pulumi.Input<string>[];
  /** Security group of the instance. */
  readonly securityGroupId: pulumi.Input<string>;
  /** The configuration's part `database`. */
  readonly settings: AppDataConfig["database"];
  /** Whether Pulumi refuses to delete the instance and its key. */
  readonly protect: boolean;
  /** Tags of every resource. */
  readonly tags: Tags;
}

/** PostgreSQL on RDS: encrypted with a key of its own, private, with TLS, backups, logs and measurements. */
export class Database extends pulumi.ComponentResource {
  /** Host name of the instance, which is also the name in its certificate. */
  public readonly address: pulumi.Output<string>;
  /** Port of the instance. */
  public readonly port: pulumi.Output<number>;
  /** AWS region of the instance. */
  public readonly region: pulumi.Output<string>;
  /** How the stack connects: through the tunnel where one is configured, else directly. */
  public readonly connection: pulumi.Output<DatabaseConnection>;
  /** How plan, migrations and attestation connect: through the bastion where one is configured. */
  public readonly migratorConnection: pulumi.Output<MigratorConnection>;
  /** How applications in the network connect. In `local`, where no network is, it is the tunnel. */
  public readonly applicationEndpoint: pulumi.Output<Endpoint>;
  /** Identifier of the instance. */
  public readonly instanceIdentifier: pulumi.Output<string>;
  /** Identifier that `rds-db:connect` permissions name. */
  public readonly resourceId: pulumi.Output<string>;
  /** ARN of the KMS key on storage, logs and secrets. */
  public readonly keyArn: pulumi.Output<string>;
  /** ARN or name of the secret with the master's `username` and `password`. */
  public readonly masterSecretArn: pulumi.Output<string>;

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-data:database:Database", name, {}, opts);
    const { settings, tags } = args;
    const identifier = physicalName();
    const logGroupNames = LOG_EXPORTS.map((log) => `/aws/rds/instance/${identifier}/${log}`);

    const key = createDatabaseKey(`${name}-key`, {
      parent: this,
      logGroupNames,
      deletionWindowDays: settings.keyDeletionWindowDays,
      protect: args.protect,
      tags,
    });
    const logGroups = this.createLogGroups(name, args, logGroupNames, key.arn);
    const instance = new rds.Instance(
      name,
      {
        identifier,
        ...instanceSettings(settings, key.arn),
        ...createMonitoring(`${name}-monitoring`, {
          parent: this,
          instanceIdentifier: identifier,
          intervalSeconds: settings.monitoringIntervalSeconds,
          tags,
        }),
        parameterGroupName: this.createParameterGroup(name, tags),
        dbSubnetGroupName: this.createSubnetGroup(name, args),
        vpcSecurityGroupIds: [args.securityGroupId],
        finalSnapshotIdentifier: this.finalSnapshotName(name, identifier, settings, key.arn),
        enabledCloudwatchLogsExports: LOG_EXPORTS,
        applyImmediately: !args.protect,
        tags,
      },
      // RDS would make the log groups itself, kept for ever and under no key of ours.
      { parent: this, protect: args.protect, dependsOn: logGroups },
    );

    this.address = instance.address;
    this.port = instance.port;
    this.region = getRegionOutput({}, { parent: this }).region;
    this.instanceIdentifier = instance.identifier;
    this.resourceId = instance.resourceId;
    this.keyArn = key.arn;
    this.masterSecretArn =
      settings.masterSecret === undefined
        ? instance.masterUserSecrets.apply(masterSecretOf)
        : pulumi.output(settings.masterSecret);
    const dialled = settings.tunnel ?? pulumi.output({ host: this.address, port: this.port });
    const tls = settings.verifyTls
      ? this.address.apply((serverName): DatabaseTls => ({ mode: "verify-full", serverName }))
      : pulumi.output<DatabaseTls>({ mode: "disable" });
    this.connection = pulumi
      .all([dialled, tls])
      .apply(([endpoint, security]) => ({ ...endpoint, tls: security }));
    this.migratorConnection =
      settings.bastion === undefined ? this.connection : this.throughBastion(settings.bastion, tls);
    this.applicationEndpoint = settings.verifyTls
      ? pulumi.output({ host: this.address, port: this.port })
      : pulumi.output(dialled);
    this.registerOutputs({
      address: this.address,
      port: this.port,
      region: this.region,
      connection: this.connection,
      migratorConnection: this.migratorConnection,
      applicationEndpoint: this.applicationEndpoint,
      instanceIdentifier: this.instanceIdentifier,
      resourceId: this.resourceId,
      keyArn: this.keyArn,
      masterSecretArn: this.masterSecretArn,
    });
  }

  /** The instance's own address, which the bastion's end of the port-forward dials. */
  private throughBastion(
    target: string,
    tls: pulumi.Output<DatabaseTls>,
  ): pulumi.Output<MigratorConnection> {
    return pulumi
      .all([this.address, this.port, this.region, tls])
      .apply(([host, port, region, security]) => ({
        host,
        port,
        tls: security,
        transport: { kind: "tunnel" as const, target, region },
      }));
  }

  private createLogGroups(
    name: string,
    args: DatabaseArgs,
    logGroupNames: string[],
    kmsKeyId: pulumi.Output<string>,
  ): cloudwatch.LogGroup[] {
    const retentionInDays = args.settings.logRetentionDays;
    return logGroupNames.map(
      (logGroupName, index) =>
        new cloudwatch.LogGroup(
          `${name}-log-${LOG_EXPORTS[index]}`,
          { name: logGroupName, retentionInDays, kmsKeyId, tags: args.tags },
          { parent: this },
        ),
    );
  }

  private createParameterGroup(name: string, tags: Tags): pulumi.Output<string> {
    const family = `postgres${POSTGRESQL_MAJOR_VERSION}`;
    return new rds.ParameterGroup(
      `${name}-parameters`,
      {
        // The family is in the name because the next major version needs a group beside this one.
        name: physicalName(family),
        family,
        description: "TLS forced, and no bind values in logs",
        parameters: DATABASE_PARAMETERS,
        tags,
      },
      { parent: this },
    ).name;
  }

  private createSubnetGroup(name: string, args: DatabaseArgs): pulumi.Output<string> {
    return new rds.SubnetGroup(
      `${name}-subnets`,
      {
        name: physicalName(),
        description: "Private subnets of the database",
        subnetIds: args.subnetIds,
        tags: args.tags,
      },
      { parent: this },
    ).name;
  }

  /** The same as long as the instance lives, and never that of an earlier one, whose snapshot may exist. */
  private finalSnapshotName(
    name: string,
    identifier: string,
    settings: AppDataConfig["database"],
    keyArn: pulumi.Output<string>,
  ): pulumi.Output<string> | undefined {
    if (!settings.finalSnapshot) return undefined;
    const suffix = new random.RandomId(
      `${name}-final-snapshot`,
      { byteLength: 4, keepers: { identifier, keyArn } },
      { parent: this },
    );
    return pulumi.interpolate`${identifier}-final-${suffix.hex}`;
  }
}

/**
 * ARN of the secret that RDS manages for the master.
 *
 * @throws RunError `CFG042` when it manages none.
 */
export function masterSecretOf(managed: readonly { readonly secretArn: string }[]): string {
  const [secret] = managed;
  if (secret) return secret.secretArn;
  throw new pulumi.RunError(
    "CFG042 the RDS instance has no secret of its master: it is not managed by RDS. " +
      "Set app-data:database.masterSecret, or let RDS manage the password again.",
  );
}
