import type { ConnectionSettings, Credentials } from "@app-data/migrator";
import * as pulumi from "@pulumi/pulumi";

const MIGRATOR = "migrator";

/** What the migrator's connection is made of. */
export interface MigratorConnectionArgs {
  /** Where and how the migrator connects. */
  readonly connection: pulumi.Input<
    Pick<ConnectionSettings, "host" | "port" | "tls" | "transport">
  >;
  /** Name of the database. */
  readonly databaseName: pulumi.Input<string>;
  /** What the migrator logs in with, by name: no password, no token. */
  readonly credentials: pulumi.Input<Credentials>;
}

/** How a resource that the migrator looks after reaches the database. */
export function migratorConnection(
  args: MigratorConnectionArgs,
): pulumi.Output<ConnectionSettings> {
  return pulumi
    .all([args.connection, args.databaseName, args.credentials])
    .apply(([connection, database, credentials]) => ({
      ...connection,
      database,
      user: MIGRATOR,
      credentials,
    }));
}
