import type { ClientBase } from "pg";
import { CODES, MigratorError } from "../errors";
import { HOLDS_WORK } from "./lock";
import { WORK_KEY } from "./lock-query";

const AGAIN_MS = 2_000;

/** What a run that was ended by a signal fails with. */
export function interrupted(signal: NodeJS.Signals): MigratorError {
  return new MigratorError(
    CODES.interrupted,
    `The run was ended by ${signal}. The statement that ran was cancelled and its transaction undone; ` +
      "what was committed before stays. `npx migrator status` shows what there is, and the next run " +
      "goes on from there.",
  );
}

/**
 * Runs `work`, whose statement is cancelled when the signal comes: on the server, so that nothing goes on
 * there behind the back of whoever ended the run.
 * @param idleClient a connection that has nothing else to do.
 * @throws the signal's reason in place of what it made fail.
 */
export async function cancelWhen<T>(
  signal: AbortSignal | undefined,
  idleClient: ClientBase,
  work: () => Promise<T>,
): Promise<T> {
  if (!signal) return work();
  let timer: NodeJS.Timeout | undefined;
  const cancel = () =>
    void idleClient
      .query(`select pg_cancel_backend(l.pid) from pg_catalog.pg_locks l where ${HOLDS_WORK}`, [
        WORK_KEY,
      ])
      .catch(() => undefined);
  const begin = () => {
    cancel();
    // One that comes between two statements cancels nothing.
    timer = setInterval(cancel, AGAIN_MS);
  };
  signal.addEventListener("abort", begin, { once: true });
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", begin);
  }
}
