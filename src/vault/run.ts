import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { sql } from "kysely";
import { codeOf } from "../errors.js";
import type { Sessions } from "../session/sessions.js";

/** Bounds of a run over many users. */
export interface RunOptions {
  /**
   * Users read at once.
   * @default 100
   */
  readonly batchSize?: number;
  /** Called after each batch. */
  readonly onProgress?: (progress: RunProgress) => void;
  /** Stops the run between two users, and what is asked of a provider. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which it begins with no further user. */
  readonly deadlineMs?: number;
}

/** How far a run is. */
export interface RunProgress {
  /** Users looked at. */
  readonly users: number;
  readonly seconds: number;
  readonly usersPerSecond: number;
}

/** How a run ended. */
export interface RunResult extends RunProgress {
  /** Users whose keys could not be read or written, and the code that says why; the first 100. */
  readonly failures: readonly { readonly userId: string; readonly code: string }[];
  /** How many there are. */
  readonly failed: number;
  /** Whether every user was looked at: neither the signal nor the deadline ended the run. */
  readonly isComplete: boolean;
}

const NIL = "00000000-0000-0000-0000-000000000000";
const MOST_FAILURES_TOLD = 100;
/** What is wrong with one user's keys; anything else would be wrong with the next user's, too. */
const OF_ONE_USER = ["KEY005", "KEY007", "KEY008", "KEY010", "KEY014"];

/**
 * Goes through all users, a page at a time. The back office sees ids alone; what belongs to a user, the
 * work reads and writes as that user.
 * @param atOnce how many users are worked on at a time.
 */
export async function runOverUsers(
  sessions: Sessions,
  work: (userId: string) => Promise<void>,
  atOnce: number,
  { batchSize = 100, onProgress, signal, deadlineMs }: RunOptions,
): Promise<RunResult> {
  const begin = performance.now();
  const failures: { userId: string; code: string }[] = [];
  let failed = 0;
  let users = 0;
  const progress = (): RunProgress => {
    const seconds = (performance.now() - begin) / 1000;
    return { users, seconds, usersPerSecond: users / seconds };
  };
  let isStopped = false;
  const isOver = () =>
    isStopped ||
    signal?.aborted === true ||
    (deadlineMs !== undefined && performance.now() - begin >= deadlineMs);

  const workOn = async (userId: string) => {
    try {
      await work(userId);
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || !OF_ONE_USER.includes(code)) {
        isStopped = true;
        throw error;
      }
      failed += 1;
      if (failures.length < MOST_FAILURES_TOLD) failures.push({ userId, code });
    }
    users += 1;
  };
  for await (const page of pages(sessions, batchSize)) {
    if (isOver()) break;
    const rest = page.values();
    const worker = async () => {
      for (const userId of rest) {
        await workOn(userId);
        if (isOver()) return;
      }
    };
    // Nothing goes on in the background once the run has failed.
    const ended = await Promise.allSettled(Array.from({ length: atOnce }, worker));
    for (const each of ended) if (each.status === "rejected") throw each.reason;
    onProgress?.(progress());
  }
  return { ...progress(), failures, failed, isComplete: !isOver() };
}

/**
 * The ids of all users in their order, from a random one on and around: where each run is cut off, all of
 * them together come to everybody.
 */
async function* pages(sessions: Sessions, most: number): AsyncGenerator<string[]> {
  const first = randomUUID();
  for (let last: string | undefined = first; last !== undefined;) {
    const page = await usersAfter(sessions, last, most);
    if (page.length > 0) yield page;
    last = page.at(-1);
  }
  for (let last: string | undefined = NIL; last !== undefined && last <= first;) {
    const page = await usersAfter(sessions, last, most);
    const before = page.filter((id) => id <= first);
    if (before.length > 0) yield before;
    last = page.at(-1);
  }
}

async function usersAfter(sessions: Sessions, userId: string, most: number): Promise<string[]> {
  const { rows } = await sessions.asService((db) =>
    sql<{ id: string }>`select id from public.users_after(${userId}, ${most}) as id`.execute(db),
  );
  return rows.map(({ id }) => id);
}
