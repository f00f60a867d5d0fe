import type { ClientBase } from "pg";

/**
 * Whether this role reads every row of the log, or there is none. A role without a policy would read
 * none, and take everything for pending.
 */
export async function mayReadLog(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ readable: boolean }>(
    `select coalesce((
       select pg_catalog.has_schema_privilege(n.oid, 'usage')
          and pg_catalog.has_table_privilege(c.oid, 'select')
          and (not pg_catalog.row_security_active(c.oid)
               or exists (select from pg_catalog.pg_policy p, pg_catalog.unnest(p.polroles) role
                           where p.polrelid = c.oid and p.polcmd in ('r', '*') and p.polpermissive
                             and (role = 0 or pg_catalog.pg_has_role(role, 'usage'))))
         from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'migrations' and c.relname = 'log'), true) as readable`,
  );
  return rows[0]?.readable ?? false;
}
