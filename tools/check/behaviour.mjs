// What the schema does, shown in transactions that are rolled back.
import { randomUUID } from "node:crypto";
import { failed, ok } from "./checks.mjs";
import { actAs, inRolledBackTransaction } from "./sessions.mjs";

/**
 * The document's four queries; the two that are not of one user are the back office's.
 * @type {{ name: string, role: "authenticated" | "service_role", indexes: string[], sql: string }[]}
 */
const LOOKUPS = [
  {
    name: "progress of a user",
    role: "authenticated",
    indexes: ["idx_user_progress_user_id"],
    sql: "select * from public.user_progress where user_id = $user",
  },
  {
    name: "recent activity",
    role: "service_role",
    indexes: ["idx_user_progress_last_activity"],
    sql: "select * from public.user_progress order by last_activity_at desc limit 10",
  },
  {
    name: "exports of a user",
    role: "authenticated",
    indexes: ["idx_export_history_user_id"],
    sql: "select * from public.export_history where user_id = $user",
  },
  {
    name: "exports by status",
    role: "service_role",
    // The second, of 004, holds the completed alone.
    indexes: ["idx_export_history_status", "idx_export_history_expires_at"],
    sql: "select * from public.export_history where status = 'completed'",
  },
];

/** Updates that a user may make of their own rows, which are all that their policies pass. */
const TOUCHES = [
  {
    trigger: "trigger_user_api_keys_updated_at",
    sql: "update public.user_api_keys set is_active = false",
  },
  {
    trigger: "trigger_user_progress_updated_at",
    sql: "update public.user_progress set preferences = '{}'",
  },
  {
    trigger: "trigger_export_history_updated_at",
    sql: "update public.export_history set filters = '{}'",
  },
];

/**
 * @param {Pick<import("./context.mjs").Context, "logins" | "sign" | "outputs">} context
 * @returns {import("./checks.mjs").Check[]}
 */
export function behaviourChecks({ logins: { app, service }, sign, outputs }) {
  const demanded = { name: "identity demanded", run: () => checkDemanded(app) };
  return [
    { name: "indexes used", run: () => checkIndexes({ app, service, sign }) },
    { name: "triggers fire", run: () => checkTriggers(app, sign) },
    { name: "users kept apart", run: () => checkIsolation(app, sign) },
    ...(outputs.identityTokens === "required" ? [demanded] : []),
  ];
}

/** Whether each of the document's queries can be answered by its index, under row level security. */
async function checkIndexes({ app, service, sign }) {
  const lacking = [
    ...(await indexesLacking(app, { role: "authenticated", user: randomUUID(), sign })),
    ...(await indexesLacking(service, { role: "service_role" })),
  ];
  return lacking.length === 0
    ? ok(`each of the document's ${LOOKUPS.length} queries can use an index under RLS`)
    : failed(
        `not used for ${lacking.join(", ")}. Look whether it is there and valid: ` +
          "select name, is_valid from monitoring.indexes.",
      );
}

/**
 * @param {import("./sessions.mjs").Login} login
 * @param {{ role: "authenticated" | "service_role", user?: string,
 *   sign?: import("./sessions.mjs").Sign }} identity
 */
function indexesLacking(login, { role, user, sign }) {
  return inRolledBackTransaction(login, async (client) => {
    // On a small table, or for a status that most rows have, reading all of it is cheaper.
    await client.query("set local enable_seqscan = off");
    await actAs(client, role, { user, sign });
    const lacking = [];
    for (const { name, indexes, sql } of LOOKUPS.filter((lookup) => lookup.role === role)) {
      const query = sql.replace("$user", `'${user}'`);
      const { rows } = await client.query(`explain (format json, costs off) ${query}`);
      const plan = JSON.stringify(rows);
      const isUsed = indexes.some((index) => plan.includes(`"Index Name":"${index}"`));
      if (!isUsed) lacking.push(`${name} (${indexes[0]})`);
    }
    return lacking;
  });
}

/**
 * Completes a session of a user that is never committed, and changes their other rows. That updated_at is newer
 * than it was cannot be seen in one transaction, whose time stands still: the plan says which triggers ran.
 */
function checkTriggers(app, sign) {
  return inRolledBackTransaction(app, async (client) => {
    const user = randomUUID();
    await signUp(client, { user, sign });
    await client.query(
      "insert into public.sessions (user_id, started_at) values ($1, now() - interval '90 s')",
      [user],
    );
    const begin = performance.now();
    await client.query(
      "update public.sessions set ended_at = now(), vocabulary_count = 7 where user_id = $1",
      [user],
    );
    const took = performance.now() - begin;
    const { rows } = await client.query(
      `select total_sessions, total_vocabulary, total_time_seconds, current_streak_days
         from public.user_progress`,
    );
    const found = rows.map((row) => Object.values(row).join(", ")).join("; ") || "no row";
    if (found !== "1, 7, 90, 1") {
      return failed(
        "after a completion of 90 s with 7 words, sessions, words, seconds and streak are " +
          `${found}, and must be 1, 7, 90, 1. Look at what changed with \`npx migrator drift\`.`,
      );
    }
    const silent = await triggersLacking(client, user);
    return silent.length === 0
      ? ok(
          `a completion of 90 s with 7 words is counted, in ${took.toFixed(1)} ms; ` +
            `the ${TOUCHES.length} of updated_at fire, too`,
        )
      : failed(
          `an update fires no ${silent.join(", ")}. Look at what changed with \`npx migrator drift\`.`,
        );
  });
}

/** Updates the rows of a user, who has a progress row; gives the triggers that did not run. */
async function triggersLacking(client, user) {
  await client.query(
    "insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id) values ($1, 'x', 'x')",
    [user],
  );
  await client.query(
    "insert into public.export_history (user_id, export_type, format) values ($1, 'full', 'csv')",
    [user],
  );
  const lacking = [];
  for (const { trigger, sql } of TOUCHES) {
    const { rows } = await client.query(`explain (analyze, format json) ${sql}`);
    const [{ Triggers: ran }] = rows[0]["QUERY PLAN"];
    if (!ran.some((one) => one["Trigger Name"] === trigger && one.Calls === 1)) {
      lacking.push(trigger);
    }
  }
  return lacking;
}

/** Has one user look for the rows of another, who sees them. */
function checkIsolation(app, sign) {
  return inRolledBackTransaction(app, async (client) => {
    const [owner, other] = [randomUUID(), randomUUID()];
    await signUp(client, { user: owner, sign });
    await client.query("insert into public.user_progress (user_id) values ($1)", [owner]);
    await client.query(
      "insert into public.export_history (user_id, export_type, format) values ($1, 'full', 'csv')",
      [owner],
    );
    const seen = async () => {
      const { rows } = await client.query(
        `select (select count(*) from public.users where id = $1)
              + (select count(*) from public.user_progress where user_id = $1)
              + (select count(*) from public.export_history where user_id = $1) as rows`,
        [owner],
      );
      return Number(rows[0].rows);
    };
    const own = await seen();
    await actAs(client, "authenticated", { user: other, sign });
    const others = await seen();
    await actAs(client, "authenticated");
    const nobodys = await seen();
    return own === 3 && others === 0 && nobodys === 0
      ? ok("of a user's 3 rows they see 3, another user 0, nobody 0")
      : failed(
          `of a user's 3 rows they see ${own}, another user ${others}, a request without claims ` +
            `${nobodys}; it must be 3, 0 and 0. Look at what changed with \`npx migrator drift\`.`,
        );
  });
}

/** Claims to be somebody, without a token. */
function checkDemanded(app) {
  return inRolledBackTransaction(app, async (client) => {
    await actAs(client, "authenticated", { user: randomUUID() });
    const { rows } = await client.query("select auth.uid() as uid");
    return rows[0].uid === null
      ? ok("a claim without a token signs nobody in")
      : failed(
          "auth.uid() believes a claim without a token, and identity.tokens is required. Bring the stack " +
            "up again, which sets the switch; `npx migrator drift` says whether auth.uid() was changed.",
        );
  });
}

async function signUp(client, { user, sign }) {
  await actAs(client, "authenticated", { user, sign });
  await client.query("insert into public.users (id, email) values ($1, $2)", [
    user,
    `check-${user}@example.invalid`,
  ]);
}
