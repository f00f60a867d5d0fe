import { isNativeError } from "node:util/types";
import type { ConnectionSettings } from "./settings";
import { describeAddress } from "./address";
import { reasonOf, sqlStateOf } from "./server-error";
import { CODES, MigratorError } from "../errors";

const INSUFFICIENT_PRIVILEGE = "42501";
// admin_shutdown, crash_shutdown, cannot_connect_now; and what the socket says.
const BROKEN = new Set(["57P01", "57P02", "57P03", "ECONNRESET", "EPIPE", "ETIMEDOUT"]);

/**
 * An error of the server or the connection that no statement of a migration is to blame for, in words
 * that say what to do; others as they are.
 */
export function explainDatabaseError(error: unknown, settings: ConnectionSettings): unknown {
  if (error instanceof MigratorError) return error;
  const { database, user } = settings;
  const code = sqlStateOf(error);
  if (code === INSUFFICIENT_PRIVILEGE) {
    return new MigratorError(
      CODES.missingRight,
      `The role ${user} may not do this in database ${database}: ${reasonOf(error)}. To change anything, ` +
        "connect as the role that owns the database and what is in it; to read, one that has " +
        "pg_read_all_data is enough. `npx migrator preflight` shows what is missing.",
      { cause: error },
    );
  }
  if (!isBroken(error, code)) return error;
  return new MigratorError(
    CODES.connectionLost,
    `The connection to database ${database} at ${describeAddress(settings)} broke: ${reasonOf(error)}. ` +
      "What was not committed is undone. Run it again: it goes on from what the log has.",
    { cause: error },
  );
}

function isBroken(error: unknown, code: string | undefined): boolean {
  if (code !== undefined) return BROKEN.has(code);
  return isNativeError(error) && /^Connection terminated|is not queryable$/.test(error.message);
}
