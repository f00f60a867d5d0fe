import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type pg from "pg";
import { AppDataError, requireIdentity } from "../errors.js";
import type { Settings } from "../settings.js";
import type { ConnectionPool } from "./pool.js";
import type { Sessions } from "./sessions.js";

const PROBE_MS = 5_000;

/** A login of the stack: the part before `SecretArn` of its output. */
type LoginOfStack = "app" | "service";

/** What the catalog says of the role that has logged in. */
interface Powers {
  login: string;
  superuser: boolean;
  bypass: boolean;
  owned: string | null;
}

const POWERS = `
  select current_user::text as login, r.rolsuper as superuser, r.rolbypassrls as bypass,
    (
      select c.oid::regclass::text from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')
        and pg_catalog.pg_has_role(r.oid, c.relowner, 'member')
      order by 1 limit 1
    ) as owned
  from pg_catalog.pg_roles r where r.rolname = current_user`;

const READABLE = `
  select format('%I.%I', n.nspname, c.relname) as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'public' and c.relkind in ('r', 'p', 'm', 'f') and c.relispopulated
    and not c.relname = any ($1)
    and pg_catalog.has_schema_privilege(n.oid, 'usage')
    and pg_catalog.has_any_column_privilege(c.oid, 'select')
  order by 1`;

/**
 * Refuses a login that could see rows of users without saying as whom.
 * @throws AppDataError DAT005, which names the right that is too much.
 */
export async function checkLogin(pool: ConnectionPool, settings: Settings): Promise<void> {
  await asLogin(pool, settings, async (client) => {
    const login = await refusePowers(client, "app");
    await refuseRows(client, login, settings);
  });
}

/**
 * Refuses a login of the back office that row level security does not bind.
 * @throws AppDataError DAT005, which names the right that is too much.
 */
export async function checkServiceLogin(pool: ConnectionPool, settings: Settings): Promise<void> {
  await asLogin(pool, settings, (client) => refusePowers(client, "service"));
}

/**
 * Asks as a user who is nobody whether the database knows them: where it does not, every user would see
 * nothing, without an error.
 * @throws AppDataError DAT009.
 */
export async function checkIdentity(sessions: Sessions): Promise<void> {
  const userId = randomUUID();
  const { rows } = await sessions.asUser(userId, (db) =>
    sql<{ id: string | null }>`select auth.uid()::text as id`.execute(db),
  );
  requireIdentity(rows[0]?.id, userId);
}

/** Runs queries as the login itself, in a transaction that is rolled back. */
async function asLogin(
  pool: ConnectionPool,
  { deadlineMs }: Settings,
  work: (client: pg.ClientBase) => Promise<unknown>,
): Promise<void> {
  await pool.use(async (client) => {
    await client.query(`begin read only; set local statement_timeout = ${PROBE_MS}`);
    await work(client);
    await client.query("rollback");
  }, deadlineMs);
}

/** @returns the login. */
async function refusePowers(client: pg.ClientBase, expected: LoginOfStack): Promise<string> {
  const { rows } = await client.query<Powers>(POWERS);
  const [powers] = rows;
  if (powers === undefined) return "?";
  const { login, superuser, bypass, owned } = powers;
  const refusePower = (finding: string) => refuse(login, finding, expected);
  if (superuser) refusePower("is a superuser, whom row level security does not bind");
  if (bypass) refusePower("has BYPASSRLS, and sees the rows of all users");
  if (owned !== null) {
    refusePower(`owns ${owned}, or may become its owner, and can switch its policies off`);
  }
  return login;
}

/** As the login itself, and as a user who is nobody. */
async function refuseRows(
  client: pg.ClientBase,
  login: string,
  { openTables }: Settings,
): Promise<void> {
  for (const role of [undefined, "authenticated"]) {
    if (role !== undefined) await client.query(`set local role ${role}`);
    const { rows } = await client.query<{ name: string }>(READABLE, [openTables]);
    for (const { name } of rows) {
      const { rowCount } = await client.query(`select from ${name} limit 1`);
      if (rowCount === 0) continue;
      const as = role === undefined ? "" : ` as ${role}`;
      refuse(
        login,
        `sees rows of ${name}${as} without claims. If everybody may read that table, name it in openTables`,
        "app",
      );
    }
  }
}

function refuse(login: string, finding: string, expected: LoginOfStack): never {
  throw new AppDataError(
    "DAT005",
    `The login ${login} ${finding}. Connect with the login \`${expected}\` of the stack (output ` +
      `${expected}SecretArn), which has no right until it takes on a role.`,
  );
}
