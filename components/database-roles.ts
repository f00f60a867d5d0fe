import type { Credentials } from "@app-data/migrator";
import type * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import type { AppDataConfig, Endpoint } from "./config";
import type { DatabaseConnection } from "./database";
import { createLogin, type Login } from "./database-login";
import { connectAsMaster } from "./master-connection";
import { RoleChain } from "./role-chain";
import type { Tags } from "./tags";

// One migration run, its lock and an attestation beside it.
const MIGRATOR_CONNECTION_LIMIT = 10;
// One job that ships figures, one that was started before it ended, and a person who looks.
const MONITOR_CONNECTION_LIMIT = 3;
// Jobs, which each hold one or two.
const SERVICE_CONNECTION_LIMIT = 10;
// RDS has it, and takes a token in place of a password from its members.
const IAM_LOGIN_ROLE = "rds_iam";
// Roles that are taken on by `set role`, never logged in as.
const BACK_OFFICE_ROLE = "service_role";
const REQUEST_ROLES = ["anon", "authenticated", BACK_OFFICE_ROLE];

/** Inputs of {@link DatabaseRoles}. */
export interface DatabaseRolesArgs {
  /** Where and how the stack connects. */
  readonly connection: pulumi.Output<DatabaseConnection>;
  /** Where applications connect; part of the logins' secrets. */
  readonly applicationEndpoint: pulumi.Output<Endpoint>;
  /** AWS region of the instance, which tokens are signed for. */
  readonly region: pulumi.Output<string>;
  /** ARN or name of the secret with the master's `username` and `password`. */
  readonly masterSecretArn: pulumi.Output<string>;
  /** ARN of the database's key, on the secrets too. */
  readonly keyArn: pulumi.Output<string>;
  /** The configuration's part `database`. */
  readonly settings: AppDataConfig["database"];
  /** Whether a user is known by a signed token alone: `app` then takes on no role that needs none. */
  readonly requireTokens: boolean;
  /** Whether Pulumi refuses to drop the database. */
  readonly protect: boolean;
  /** Tags of the secrets. */
  readonly tags: Tags;
}

/**
 * The roles of the schema contract and the database that `migrator` owns. The master creates them and
 * has no right in the database afterwards, so what only the owner can take from PUBLIC (CONNECT and
 * TEMPORARY on the database itself) is left to the migrator.
 */
export class DatabaseRoles extends pulumi.ComponentResource {
  /** Name of the database; known when the database and all roles are there. */
  public readonly databaseName: pulumi.Output<string>;
  /** What the migrator logs in with, by name; known when the role can log in with it. */
  public readonly migratorCredentials: pulumi.Output<Credentials>;
  /** ARN of the migrator's secret; known when it has its credentials and the role exists. */
  public readonly migratorSecretArn: pulumi.Output<string>;
  /** ARN of the applications' secret; known when it has its credentials and the role exists. */
  public readonly appSecretArn: pulumi.Output<string>;
  /** ARN of the secret of the back office and jobs; known when it has its credentials and the role exists. */
  public readonly serviceSecretArn: pulumi.Output<string>;
  /** ARN of the secret of whoever reads figures; known when it has its credentials and the role exists. */
  public readonly monitorSecretArn: pulumi.Output<string>;
  /** ARN or name of the master's secret. */
  public readonly masterSecretArn: pulumi.Output<string>;
  /** Where and how the stack connects. */
  public readonly connection: pulumi.Output<DatabaseConnection>;

  constructor(name: string, args: DatabaseRolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-data:database:DatabaseRoles", name, {}, opts);
    const { settings, keyArn } = args;
    const login = (role: string): Login =>
      createLogin(`${name}-${role}`, {
        parent: this,
        role,
        databaseName: settings.name,
        endpoint: args.applicationEndpoint,
        keyArn,
        recoveryWindowDays: settings.secretRecoveryWindowDays,
        tags: args.tags,
      });
    const migrator = login("migrator");
    const app = login("app");
    const service = login("service");
    const monitor = login("monitor");

    const chain = new RoleChain(
      name,
      this,
      connectAsMaster(`${name}-master`, { ...args, parent: this }),
      settings.adopt,
    );
    for (const role of REQUEST_ROLES) chain.add(role, {});
    const byToken = settings.login === "iam";
    const migratorRole = chain.add(
      "migrator",
      {
        login: true,
        password: migrator.verifier,
        connectionLimit: MIGRATOR_CONNECTION_LIMIT,
      },
      // A membership that is given apart from the role is not the role's to take away.
      byToken ? { ignoreChanges: ["roles"] } : {},
    );
    const appRole = chain.add("app", {
      login: true,
      // Its memberships then do not inherit either: without `set role` it can do nothing.
      inherit: false,
      roles: REQUEST_ROLES.filter((role) => !args.requireTokens || role !== BACK_OFFICE_ROLE),
      password: app.verifier,
      connectionLimit: settings.appConnectionLimit,
    });
    const serviceRole = chain.add("service", {
      login: true,
      inherit: false,
      roles: [BACK_OFFICE_ROLE],
      password: service.verifier,
      connectionLimit: SERVICE_CONNECTION_LIMIT,
    });
    // A member of nothing: what it reads is granted to it by 005_monitoring.
    const monitorRole = chain.add("monitor", {
      login: true,
      inherit: false,
      password: monitor.verifier,
      connectionLimit: MONITOR_CONNECTION_LIMIT,
    });
    const database = chain.addDatabase(settings.name, migratorRole.name, args.protect);

    this.databaseName = database.name;
    this.migratorSecretArn = once(migrator, migrator.secretVersion, database.id);
    this.migratorCredentials = byToken
      ? this.tokens(args, chain.addMembership(migratorRole.name, IAM_LOGIN_ROLE))
      : this.migratorSecretArn.apply((secretId) => ({ kind: "secret" as const, secretId }));
    this.appSecretArn = once(app, app.secretVersion, appRole.id);
    this.serviceSecretArn = once(service, service.secretVersion, serviceRole.id);
    this.monitorSecretArn = once(monitor, monitor.secretVersion, monitorRole.id);
    this.masterSecretArn = args.masterSecretArn;
    this.connection = args.connection;
    this.registerOutputs({
      databaseName: this.databaseName,
      migratorCredentials: this.migratorCredentials,
      migratorSecretArn: this.migratorSecretArn,
      appSecretArn: this.appSecretArn,
      serviceSecretArn: this.serviceSecretArn,
      monitorSecretArn: this.monitorSecretArn,
      masterSecretArn: this.masterSecretArn,
      connection: this.connection,
    });
  }

  /**
   * Tokens for the instance's own port, whatever forward is dialled. The membership comes last of all:
   * the master has ADMIN on the roles that it made and so is an indirect member of what they are members
   * of, and RDS may from then on refuse its password (docs/decisions/0021).
   */
  private tokens(
    { applicationEndpoint, region }: DatabaseRolesArgs,
    membership: postgresql.GrantRole,
  ): pulumi.Output<Credentials> {
    return pulumi
      .all([region, applicationEndpoint, membership.id])
      .apply(([name, { port }]) => ({ kind: "iam" as const, region: name, instancePort: port }));
  }
}

/** The secret's ARN for whoever logs in: not before the credentials and what they open are there. */
function once(
  login: Login,
  secretVersion: pulumi.Resource,
  opens: pulumi.Output<string>,
): pulumi.Output<string> {
  return pulumi.all([login.secretArn, secretVersion.urn, opens]).apply(([arn]) => arn);
}
