import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Environment } from "../../components/config";
import { Database } from "../../components/database";
import { DatabaseRoles } from "../../components/database-roles";
import { Migrations } from "../../components/migrations";
import { copyMigrations } from "../support/project-migrations";
import { configOf, type Settings } from "./environments";
import { record, type RecordedResource } from "./recorded-program";

/** Host name of the mocked instance. */
export const ADDRESS = "db.example.eu-central-1.rds.amazonaws.com";
const tags = {};

const directory = mkdtempSync(path.join(tmpdir(), "app-data-sql-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Plan, the two migrations and attestation of the stack, as the engine is asked for them. */
export async function migrationResources(
  environment: Environment,
  changes: Settings,
): Promise<RecordedResource[]> {
  copyMigrations(directory);
  const { resources } = await record(environment, (options) => {
    const given = { "migrations.directory": directory, ...changes };
    const { database: settings, migrations, protect } = configOf(environment, given);
    const database = new Database(
      "database",
      { subnetIds: [], securityGroupId: "sg", settings, protect, tags },
      options,
    );
    const roles = new DatabaseRoles(
      "database-roles",
      { ...database, settings, requireTokens: false, protect, tags },
      options,
    );
    return new Migrations(
      "migrations",
      {
        ...migrations,
        connection: database.migratorConnection,
        databaseName: roles.databaseName,
        credentials: roles.migratorCredentials,
        connectRoles: ["app"],
        environment,
        instanceIdentifier: database.instanceIdentifier,
      },
      options,
    );
  });
  return resources.filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic/database:"));
}
