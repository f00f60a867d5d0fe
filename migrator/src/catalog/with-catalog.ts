import type { ClientBase } from "pg";
import type { ConnectionSettings } from "../database/settings";
import { sqlStateOf } from "../database/server-error";
import { withConnection } from "../database/connection";
import { CODES, MigratorError } from "../errors";
import { inReadOnlyTransaction } from "../database/transaction";

/** How long a reading waits for somebody who is changing a table. */
export interface CatalogReadOptions {
  /** Milliseconds. @default 10000 */
  lockTimeoutMs?: number;
}

const DEFAULT_LOCK_TIMEOUT_MS = 10_000;
const LOCK_NOT_AVAILABLE = "55P03";

/**
 * Runs `work`, which reads the catalog, in a read-only transaction of a connection of its own. The
 * server prints a policy only while nobody is changing its table.
 * @throws MigratorError MIG003 when the database cannot be reached, MIG042 when a table stays locked.
 */
export function withCatalog<T>(
  settings: ConnectionSettings,
  work: (client: ClientBase) => Promise<T>,
  { lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS }: CatalogReadOptions = {},
): Promise<T> {
  return withConnection(settings, (client) =>
    inReadOnlyTransaction(client, async () => {
      await client.query(`set local lock_timeout = ${lockTimeoutMs}`);
      try {
        return await work(client);
      } catch (error) {
        if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
        throw new MigratorError(
          CODES.catalogLocked,
          `The catalog could not be read within ${lockTimeoutMs / 1000} s: somebody is changing a table ` +
            "and holds it locked. Wait for that to end (pg_stat_activity shows it), and try again.",
          { cause: error },
        );
      }
    }),
  );
}
