// The validation queries of the document that asked for 001, word for word, and what it says they give.
// What later migrations add to the three tables may be there, too.
import { failed, ok } from "./checks.mjs";
import { inRolledBackTransaction } from "./sessions.mjs";

const TABLES = ["user_api_keys", "user_progress", "export_history"];

const POLICIES = {
  user_api_keys: 4,
  // The document's 3, and the one with which jobs write.
  user_progress: 4,
  export_history: 4,
};

const INDEXES = [
  "user_api_keys idx_user_api_keys_user_id",
  "user_progress idx_user_progress_user_id",
  "user_progress idx_user_progress_last_activity",
  "export_history idx_export_history_user_id",
  "export_history idx_export_history_status",
  "export_history idx_export_history_created_at",
  "export_history idx_export_history_export_type",
];

const TRIGGERS = [
  "user_api_keys trigger_user_api_keys_updated_at",
  "user_progress trigger_user_progress_updated_at",
  "export_history trigger_export_history_updated_at",
  "sessions trigger_update_user_progress_from_session",
];

const AGAIN =
  "Look at what changed with `npx migrator drift`, and apply the migration again as it says.";

/** Who signs up later gets theirs with the first key or session. */
const WITHOUT_PROGRESS = `
  select count(*)
  from public.users u
  where not exists (select from public.user_progress p where p.user_id = u.id)
    and u.created_at < (
      select min(l.recorded_at - l.duration_ms * interval '1 ms')
      from migrations.log l
      where l.version = '001' and l.event in ('begin apply', 'apply', 'baseline')
    )`;

/**
 * @type {{ name: string, sql: string, judge: (rows: any[], client: import("pg").Client) =>
 *   import("./checks.mjs").Verdict | Promise<import("./checks.mjs").Verdict> }[]}
 */
const QUERIES = [
  {
    name: "tables exist",
    sql: `SELECT table_name, table_type
FROM information_schema.tables
WHERE table_schema = 'public'
AND table_name IN ('user_api_keys', 'user_progress', 'export_history');`,
    judge: (rows) =>
      missing(
        TABLES,
        rows.filter((row) => row.table_type === "BASE TABLE").map((row) => row.table_name),
        "tables",
      ),
  },
  {
    name: "RLS enabled",
    sql: `SELECT tablename, rowsecurity
FROM pg_tables
WHERE schemaname = 'public'
AND tablename IN ('user_api_keys', 'user_progress', 'export_history');`,
    judge: (rows) =>
      missing(
        TABLES,
        rows.filter((row) => row.rowsecurity).map((row) => row.tablename),
        "tables with row level security",
      ),
  },
  {
    name: "policies counted",
    sql: `SELECT schemaname, tablename, COUNT(*) as policy_count
FROM pg_policies
WHERE schemaname = 'public'
AND tablename IN ('user_api_keys', 'user_progress', 'export_history')
GROUP BY schemaname, tablename;`,
    judge(rows) {
      const counts = new Map(rows.map((row) => [row.tablename, Number(row.policy_count)]));
      const found = TABLES.map((table) => `${table} ${counts.get(table) ?? 0}`).join(", ");
      const few = TABLES.filter((table) => (counts.get(table) ?? 0) < POLICIES[table]);
      return few.length === 0
        ? ok(`${found}; 12 are of the document`)
        : failed(`${found}: too few on ${few.join(", ")}. ${AGAIN}`);
    },
  },
  {
    name: "indexes exist",
    sql: `SELECT tablename, indexname
FROM pg_indexes
WHERE schemaname = 'public'
AND tablename IN ('user_api_keys', 'user_progress', 'export_history');`,
    judge: (rows) =>
      missing(
        INDEXES,
        rows.map((row) => `${row.tablename} ${row.indexname}`),
        "named indexes",
      ),
  },
  {
    name: "triggers exist",
    sql: `SELECT trigger_name, event_object_table
FROM information_schema.triggers
WHERE trigger_schema = 'public'
AND event_object_table IN ('user_api_keys', 'user_progress', 'export_history', 'sessions');`,
    judge: (rows) =>
      missing(
        TRIGGERS,
        rows.map((row) => `${row.event_object_table} ${row.trigger_name}`),
        "triggers",
      ),
  },
  {
    name: "initial data",
    sql: `SELECT
  (SELECT COUNT(*) FROM users) as total_users,
  (SELECT COUNT(*) FROM user_progress) as users_with_progress;`,
    async judge([row], client) {
      const { total_users: users, users_with_progress: withProgress } = row;
      const says = `${withProgress} of ${users} users have a progress row`;
      const { rows } = await client.query(WITHOUT_PROGRESS);
      const without = Number(rows[0].count);
      return without === 0
        ? ok(`${says}, and all from before 001`)
        : failed(
            `${says}; ${without} from before 001 have none. ` +
              "Run section 7 of sql/001_add_missing_tables.sql as migrator.",
          );
    },
  },
];

/**
 * A check for each query, run by the owner of the tables.
 * @param {Pick<import("./context.mjs").Context, "logins">} context
 * @returns {import("./checks.mjs").Check[]}
 */
export function documentChecks({ logins }) {
  return QUERIES.map(({ name, sql, judge }) => ({
    name,
    run: () =>
      inRolledBackTransaction(logins.migrator, async (client) => {
        await client.query("set transaction read only; set local search_path = public");
        return judge((await client.query(sql)).rows, client);
      }),
  }));
}

function missing(wanted, found, what) {
  const lacking = wanted.filter((name) => !found.includes(name));
  return lacking.length === 0
    ? ok(`all ${wanted.length} ${what}`)
    : failed(`${what}: ${lacking.join(", ")} missing. ${AGAIN}`);
}
