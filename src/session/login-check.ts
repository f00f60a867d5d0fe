import type pg from "pg";
import { AppDataError } from "../errors.js";
import type { Settings } from "../settings.js";
import type { ConnectionPool } from "./pool.js";

const PROBE_MS = 5_000;

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
  where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relname = any ($1)
    and pg_catalog.has_schema_privilege(n.oid, 'usage')
    and pg_catalog.has_any_column_privilege(c.oid, 'select')
  order by 1`;

/**
 * Refuses a login that could see rows of users without saying as whom.
 * @throws AppDataError DAT005, which names the right that is too much.
 */
export async function checkLogin(pool: ConnectionPool, settings: Settings): Promise<void> {
  const client = await pool.take(settings.deadlineMs);
  let isClean = false;
  try {
    await client.query("begin read only");
    await client.query(`set local statement_timeout = ${PROBE_MS}`);
    const { rows } = await client.query<Powers>(POWERS);
    const [powers] = rows;
    if (powers !== undefined) refusePowers(powers);
    await refuseRows(client, powers?.login ?? "?", settings);
    await client.query("rollback");
    isClean = true;
  } finally {
    client.release(!isClean);
  }
}

function refusePowers({ login, superuser, bypass, owned }: Powers): void {
  if (superuser) refuse(login, "is a superuser, whom row level security does not bind");
  if (bypass) refuse(login, "has BYPASSRLS, and sees the rows of all users");
  if (owned !== null) {
    refuse(login, `owns ${owned}, or may become its owner, and can switch its policies off`);
  }
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
      );
    }
  }
}

function refuse(login: string, finding: string): never {
  throw new AppDataError(
    "DAT005",
    `The login ${login} ${finding}. Connect with the login \`app\` of the stack (output appSecretArn), ` +
      "which has no right until it takes on a role.",
  );
}
