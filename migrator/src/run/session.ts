import { type Waivers, projectContract } from "@app-data/rules";
import type { Client, ClientBase } from "pg";
import type { ConnectionSettings } from "../database/settings";
import { withConnection } from "../database/connection";
import { logExists } from "../log/log";
import { upgradeLog } from "../log/upgrade-log";
import { Gate } from "../judge/gate";
import { cancelWhen } from "../database/interruption";
import type { KnownCatalog } from "../judge/known-catalog";
import {
  type LockOptions,
  addLockCheck,
  demandLock,
  withMigrationLock,
  withWorkLock,
} from "../database/lock";
import type { Script } from "../database/script";
import type { TransactionOptions } from "../database/transaction";
import { watchWork } from "../database/watch";

/** How the migrator works on a database. */
export interface SessionOptions {
  lock?: LockOptions;
  transaction?: TransactionOptions;
  /** Cancels what runs, and ends the work with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Is given lines that tell a person how the work goes on. */
  report?: (line: string) => void;
  /** Whether drift is told before the first change, and none of it repaired. @default false */
  reportDrift?: boolean | undefined;
  /** What the gate lets pass although a rule refuses it. @default nothing */
  waivers?: Waivers | undefined;
}

/** A connection to work on, while this is the only migrator in the database. */
export interface Session {
  client: ClientBase;
  transaction: TransactionOptions;
  report: (line: string) => void;
  /**
   * Makes sure, right before a commit, that the lock is still held.
   * @throws MigratorError MIG007 when it was lost.
   */
  demandLock: () => Promise<void>;
  /** As {@link demandLock}, with what a script sends next. @returns what throws, once that is answered. */
  addLockCheck: (script: Script) => () => void;
  /** Whether drift is told, and not repaired. */
  reportDrift: boolean;
  /** Judges what is about to be committed. */
  gate: Gate;
  /** The catalog as of the last commit; undefined before the first. */
  known: KnownCatalog | undefined;
}

/**
 * Runs `work` under the migration lock, which is held by a connection of its own: no transaction, error
 * or wait of the work can touch it.
 * @throws MigratorError MIG003 without a connection, MIG007 while another migrator is at work.
 */
export function withSession<T>(
  settings: ConnectionSettings,
  {
    lock,
    transaction,
    signal,
    report = () => undefined,
    reportDrift = false,
    waivers,
  }: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const options = { report, signal, ...lock };
  return withConnection(settings, (lockClient) =>
    withMigrationLock(
      lockClient,
      () =>
        withConnection(settings, async (client) => {
          const pid = await processId(lockClient);
          const session = {
            client,
            report,
            reportDrift,
            transaction: { report, signal, ...transaction },
            demandLock: async () => {
              signal?.throwIfAborted();
              await demandLock(client, pid);
            },
            addLockCheck: (script: Script) => addLockCheck(script, pid),
            gate: new Gate(waivers, report, projectContract(".")),
            known: undefined,
          };
          const endWatch = watchWork(lockClient, report);
          try {
            return await cancelWhen(signal, lockClient, () =>
              withWorkLock(
                client,
                async () => {
                  if (await logExists(client)) await upgradeLog(client);
                  return work(session);
                },
                options,
              ),
            );
          } finally {
            endWatch();
          }
        }),
      options,
    ),
  );
}

async function processId(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}
