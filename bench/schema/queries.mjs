// The document's queries, asked as an application asks them under row level security; and beside
// each the same query with the policy's filter written by hand, asked by a role that no policy binds.
import { connect, UNBOUND, userId, usersOf } from "./load.mjs";

const MOST_TIMES_BY_HAND = 1.15;
const OWN = "(select auth.uid()) = user_id";
const EVERYBODY = "true";

/** `sql` gives the query with a filter; `index` is what its plan has to use. */
const QUERIES = [
  {
    name: "progress of a user",
    role: "authenticated",
    policy: OWN,
    sql: (filter) => `select * from public.user_progress where user_id = $1 and ${filter}`,
    index: "idx_user_progress_user_id",
    limitMs: 0.1,
  },
  {
    name: "exports of a user",
    role: "authenticated",
    policy: OWN,
    sql: (filter) => `select * from public.export_history where user_id = $1 and ${filter}`,
    index: "idx_export_history_user_id",
    limitMs: 0.1,
  },
  {
    name: "recent activity, a user's own",
    role: "authenticated",
    policy: OWN,
    sql: recentActivity,
    index: "idx_user_progress_user_id",
    limitMs: 1,
  },
  {
    name: "recent activity, everybody's",
    role: "service_role",
    policy: EVERYBODY,
    sql: recentActivity,
    index: "idx_user_progress_last_activity",
    limitMs: 1,
  },
  {
    name: "page of a status, a user's own 1,000",
    role: "authenticated",
    policy: OWN,
    isBusy: true,
    sql: pageOfStatus("completed"),
    index: "idx_export_history_user_id",
    limitMs: 1,
  },
  // Of all exports six in ten, three in two hundred, one in two hundred.
  ...["completed", "pending", "processing"].map((status) => ({
    name: `page of what is ${status}, everybody's`,
    role: "service_role",
    policy: EVERYBODY,
    sql: pageOfStatus(status),
    index: "idx_export_history_status",
    limitMs: 1,
  })),
];

function recentActivity(filter) {
  return (
    "select * from public.user_progress " +
    `where last_activity_at is not null and ${filter} order by last_activity_at desc limit 10`
  );
}

/** The page after the row that the page before it ended with. */
function pageOfStatus(status) {
  return (filter) =>
    `select * from public.export_history where status = '${status}' ` +
    "and (created_at, id) < ('2025-12-01Z', 'ffffffff-ffff-ffff-ffff-ffffffffffff') " +
    `and ${filter} order by created_at desc, id desc limit 20`;
}

/**
 * Measures each query so often, with another user each time, in turn under its policies, with the
 * filter by hand, and with the user's id as a constant; so all meet the same minutes of the machine.
 * The pages have been read before.
 * @returns for each query its `medianMs`, `byHandMs` and `constantMs` on the server, and what is
 * too much or not as it must be in `failings`.
 */
export async function measureQueries(server, { database, stage, users, rounds }) {
  // A connection each: whichever went last on one would be quicker on it.
  const [rls, byHand, constant, reader] = await Promise.all(
    ["app", "postgres", "postgres", "postgres"].map((role) => connect(server, database, role)),
  );
  const figures = [];
  for (const query of QUERIES) {
    const { name, role, policy, sql, index } = query;
    const own = policy === OWN ? "user_id = $1" : policy;
    const ways = {
      rls: (user) => explain(rls, { user, role, sql: sql(EVERYBODY) }),
      byHand: (user) => explain(byHand, { user, role: UNBOUND, sql: sql(policy) }),
      constant: (user) => explain(constant, { user, role: UNBOUND, sql: sql(own) }),
    };
    const times = { rls: [], byHand: [], constant: [] };
    let usesIndex = true;
    for (let round = 0; round < rounds; round += 1) {
      const user = userId(query.isBusy ? usersOf(stage).busy.name : 1 + ((round * 7_919) % users));
      await explain(reader, { user, role: UNBOUND, sql: sql(own) });
      const names = Object.keys(ways);
      for (let turn = 0; turn < names.length; turn += 1) {
        const way = names[(round + turn) % names.length];
        const plan = await ways[way](user);
        times[way].push(plan["Execution Time"]);
        if (way === "rls") usesIndex &&= JSON.stringify(plan).includes(`"Index Name":"${index}"`);
      }
    }
    const [medianMs, byHandMs, constantMs] = Object.values(times).map(median);
    figures.push({ name, role, index, medianMs, byHandMs, constantMs });
    figures.at(-1).failings = [
      ...(usesIndex ? [] : [`a plan does not use ${index}`]),
      ...(medianMs > query.limitMs ? [`more than ${query.limitMs} ms`] : []),
      ...(medianMs / byHandMs > MOST_TIMES_BY_HAND
        ? [`more than ${MOST_TIMES_BY_HAND} times the filter by hand`]
        : []),
    ];
  }
  for (const client of [rls, byHand, constant, reader]) await client.end();
  return figures;
}

/** The plan of a query as it was carried out, with its time. */
async function explain(client, { user, role, sql }) {
  await client.query(`begin; set local role ${role}`);
  await client.query("select set_config('request.jwt.claims', $1, true)", [
    JSON.stringify({ sub: user }),
  ]);
  const { rows } = await client.query(
    `explain (analyze, timing off, format json) ${sql}`,
    sql.includes("$1") ? [user] : [],
  );
  await client.query("rollback");
  return rows[0]["QUERY PLAN"][0];
}

/** The number in the middle. */
export function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
