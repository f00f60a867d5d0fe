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
  /** A role that row level security does not bind: the login itself, or one that it is a member of. */
  unbound: string | null;
  superuser: boolean | null;
  owned: string | null;
}

const POWERS = `
  select current_user::text as login, unbound.rolname::text as unbound, unbound.rolsuper as superuser,
    (
      select c.oid::regclass::text from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')
        and pg_catalog.pg_has_role(r.oid, c.relowner, 'member')
      order by 1 limit 1
    ) as owned
  from pg_catalog.pg_roles r
  left join lateral (
    select x.rolname, x.rolsuper from pg_catalog.pg_roles x
    where (x.rolsuper or x.rolbypassrls) and pg_catalog.pg_has_role(r.oid, x.oid, 'member')
    order by x.oid <> r.oid, 1 limit 1
  ) unbound on true
  where r.rolname = current_user`;

// A view reads as its owner, whom policies need not bind; one of its caller (security_invoker) shows no more
// than the tables do. What an extension has brought, as pg_stat_statements, holds no user's rows.
const READABLE = `
  select format('%I.%I', n.nspname, c.relname) as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'public' and c.relispopulated
    and (
      c.relkind in ('r', 'p', 'm', 'f')
      or c.relkind = 'v'
      and not exists (
        select from pg_catalog.pg_options_to_table(c.reloptions) o
        where o.option_name = 'security_invoker' and o.option_value::boolean
      )
      and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
    )
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
  const { login, unbound, superuser, owned } = powers;
  if (unbound !== null) {
    const who = unbound === login ? "" : `may become ${unbound}, which `;
    const power = superuser
      ? "is a superuser, whom row level security does not bind"
      : "has BYPASSRLS, and sees the rows of all users";
    refuse(login, `${who}${power}`, expected);
  }
  if (owned !== null) {
    const finding = `owns ${owned}, or may become its owner, and can switch its policies off`;
    refuse(login, finding, expected);
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
        `sees rows of ${name}${as} without claims. If everybody may read that, name it in openTables`,
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
