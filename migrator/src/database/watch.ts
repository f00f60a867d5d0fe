import type { ClientBase } from "pg";
import { HOLDS_WORK } from "./lock";
import { WORK_KEY } from "./lock-query";

/** What the server says of the session that works. */
interface Activity {
  /** Since the statement that runs was begun. */
  seconds: number;
  statement: string;
  /** Of an index that is being built: which phase it is in, and how far; null otherwise. */
  index: string | null;
  /** The sessions that it waits for; null when it waits for none. */
  blockers: string | null;
}

/** How often to look, and after how long to report. */
export interface WatchOptions {
  /** Between two looks. @default 1000 */
  lookMs?: number;
  /** Time of one statement before it is reported, and reported again. @default 15 */
  reportSeconds?: number;
}

const LOOK_MS = 1_000;
const REPORT_SECONDS = 15;
const MOST_CHARACTERS = 60;

// A role that may not see what others do (pg_read_all_stats) learns process and role.
const ACTIVITY_QUERY = `
select floor(extract(epoch from clock_timestamp() - a.query_start))::integer as seconds,
       a.query as statement,
       (select format('%s, %s %%', i.phase, floor(100 * coalesce(
                 i.blocks_done::numeric / nullif(i.blocks_total, 0),
                 i.lockers_done::numeric / nullif(i.lockers_total, 0), 0)))
          from pg_catalog.pg_stat_progress_create_index i where i.pid = a.pid) as index,
       (select string_agg(concat('process ' || b.pid, ', ' || nullif(b.application_name, ''),
                 ', role ' || b.usename, ' from ' || host(b.client_addr), ', ' || b.state || ' for '
                   || floor(extract(epoch from clock_timestamp() - b.xact_start)) || ' s'), '; '
                 order by b.pid)
          from pg_catalog.pg_stat_activity b where b.pid = any (pg_catalog.pg_blocking_pids(a.pid)))
         as blockers
  from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
 where ${HOLDS_WORK} and a.state = 'active' and l.pid <> pg_backend_pid()`;

/**
 * Looks, on a connection that has nothing else to do, at the session that works, and reports whom it waits
 * for and what takes long.
 * @returns what ends it.
 */
export function watchWork(
  client: ClientBase,
  report: (line: string) => void,
  { lookMs = LOOK_MS, reportSeconds = REPORT_SECONDS }: WatchOptions = {},
): () => void {
  let isLooking = false;
  let reportedBlockers = "";
  let reportedSeconds = 0;
  const look = async () => {
    const { rows } = await client.query<Activity>(ACTIVITY_QUERY, [WORK_KEY]);
    const [activity] = rows;
    if (!activity) return;
    const { seconds, statement, index, blockers } = activity;
    // How long they have been at it changes from look to look.
    const known = blockers?.replace(/\d+ s\b/g, "") ?? "";
    if (blockers !== null && known !== reportedBlockers) report(`Waiting for ${blockers}.`);
    reportedBlockers = known;
    if (seconds < reportedSeconds) reportedSeconds = 0;
    if (seconds < reportedSeconds + reportSeconds) return;
    reportedSeconds = seconds;
    report(`Busy for ${seconds} s: ${nameOf(statement)}${index === null ? "" : ` (${index})`}`);
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    // The run itself tells of a connection that broke.
    void look()
      .catch(() => undefined)
      .finally(() => (isLooking = false));
  }, lookMs);
  return () => clearInterval(timer);
}

/** Which of the statements that were sent together is at work, the server does not say. */
function nameOf(query: string): string {
  const line = query.trim().replace(/\s+/g, " ");
  if (/^(?:begin|savepoint|reset|prepare|execute)\b/i.test(line))
    return "statements of a transaction";
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS - 1)}…` : line;
}
