import * as pulumi from "@pulumi/pulumi";
import type { AppDataConfig, Endpoint } from "./config";
import type { DatabaseConnection } from "./database";
import { createLogin, type Login } from "./database-login";
import { connectAsMaster } from "./master-connection";
import { RoleChain } from "./role-chain";
import type { Tags } from "./tags";

// One migration run, its lock and an attestation beside it.
const MIGRATOR_CONNECTION_LIMIT = 10;
// Roles that are taken on by `set role`, never logged in as.
const REQUEST_ROLES = ["anon", "authenticated", "service_role"] as const;

/** Inputs of {@link DatabaseRoles}. */
export interface DatabaseRolesArgs {
  /** Where and how the stack connects. */
  readonly connection: pulumi.Output<DatabaseConnection>;
  /** Where applications connect; part of the logins' secrets. */
  readonly applicationEndpoint: pulumi.Output<Endpoint>;
  /** ARN or name of the secret with the master's `username` and `password`. */
  readonly masterSecretArn: pulumi.Output<string>;
  /** ARN of the database's key, on the secrets too. */
  readonly keyArn: pulumi.Output<string>;
  /** The configuration's part `database`. */
  readonly settings: AppDataConfig["database"];
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
  /** ARN of the migrator's secret; known when it has its credentials and the role exists. */
  public readonly migratorSecretArn: pulumi.Output<string>;
  /** ARN of the applications' secret; known when it has its credentials and the role exists. */
  public readonly appSecretArn: pulumi.Output<string>;
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

    const chain = new RoleChain(
      name,
      this,
      connectAsMaster(`${name}-master`, { ...args, parent: this }),
    );
    for (const role of REQUEST_ROLES) chain.add(role, {});
    const migratorRole = chain.add("migrator", {
      login: true,
      password: migrator.verifier,
      connectionLimit: MIGRATOR_CONNECTION_LIMIT,
    });
    const appRole = chain.add("app", {
      login: true,
      // Its memberships then do not inherit either: without `set role` it can do nothing.
      inherit: false,
      roles: [...REQUEST_ROLES],
      password: app.verifier,
      connectionLimit: settings.appConnectionLimit,
    });
    const database = chain.addDatabase(settings.name, migratorRole.name, args.protect);

    this.databaseName = database.name;
    this.migratorSecretArn = once(migrator, migrator.secretVersion, database.id);
    this.appSecretArn = once(app, app.secretVersion, appRole.id);
    this.masterSecretArn = args.masterSecretArn;
    this.connection = args.connection;
    this.registerOutputs({
      databaseName: this.databaseName,
      migratorSecretArn: this.migratorSecretArn,
      appSecretArn: this.appSecretArn,
      masterSecretArn: this.masterSecretArn,
      connection: this.connection,
    });
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
