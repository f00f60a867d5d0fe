import type { Environment } from "../../components/config";
import { Database } from "../../components/database";
import { DatabaseRoles } from "../../components/database-roles";
import { Migrations } from "../../components/migrations";
import { configOf, type Settings } from "./environments";
import { record, type RecordedResource } from "./recorded-program";

/** Host name of the mocked instance. */
export const ADDRESS = "db.example.eu-central-1.rds.amazonaws.com";
const tags = {};

/** Plan, migrations and attestation of the stack, as the engine is asked for them. */
export async function migrationResources(
  environment: Environment,
  changes: Settings,
): Promise<RecordedResource[]> {
  const { resources } = await record(environment, (options) => {
    const { database: settings, migrations, protect } = configOf(environment, changes);
    const database = new Database(
      "database",
      { subnetIds: [], securityGroupId: "sg", settings, protect, tags },
      options,
    );
    const roles = new DatabaseRoles(
      "database-roles",
      { ...database, settings, protect, tags },
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
