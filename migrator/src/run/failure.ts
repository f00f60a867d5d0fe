import { DatabaseError } from "pg";
import type { MigrationName } from "./change";
import { MigratorError } from "../errors";
import { appendLog, logExists } from "../log/log";
import type { Session } from "./session";
import { withSchema } from "../database/missing-name";
import { withoutMessage } from "../database/statement-error";
import { inTransaction } from "../database/transaction";

/**
 * Runs the work of a migration, and enters its failure into the log, for whoever looks into it later.
 * @throws what the work throws; that this entry could not be written, because the server is gone, is not said.
 */
export async function recordingFailure<T>(
  session: Session,
  migration: MigrationName,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await recordFailure(session, migration, error);
    throw await withSchema(session.client, error).catch(() => error);
  }
}

async function recordFailure(
  { client }: Session,
  { version, name }: MigrationName,
  error: unknown,
): Promise<void> {
  const enter = async () => {
    // A log is not made for a failure: the database stays as it was.
    if (!(await logExists(client))) return;
    await appendLog(client, {
      event: "failure",
      version,
      name,
      durationMs: 0,
      note: noteOf(error),
    });
  };
  await inTransaction(client, enter, { attempts: 1 }).catch(() => undefined);
}

/** The log is kept for ever, and a message of PostgreSQL can quote rows. */
function noteOf(error: unknown): string {
  if (error instanceof MigratorError) return error.recorded;
  if (error instanceof DatabaseError) return withoutMessage(error);
  return error instanceof Error ? error.message : String(error);
}
