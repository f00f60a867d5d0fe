import type { MigrationName } from "./change";
import { appendLog, logExists } from "./log";
import type { Session } from "./session";
import { inTransaction } from "./transaction";

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
    throw error;
  }
}

async function recordFailure(
  { client }: Session,
  { version, name }: MigrationName,
  error: unknown,
): Promise<void> {
  const note = error instanceof Error ? error.message : String(error);
  const enter = async () => {
    // A log is not made for a failure: the database stays as it was.
    if (!(await logExists(client))) return;
    await appendLog(client, { event: "failure", version, name, durationMs: 0, note });
  };
  await inTransaction(client, enter, { attempts: 1 }).catch(() => undefined);
}
