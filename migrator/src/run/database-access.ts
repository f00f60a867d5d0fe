import type { ClientBase } from "pg";
import type { Catalog } from "../catalog";

/**
 * Takes PUBLIC's rights on the database itself, which only its owner can do, and lets the given roles
 * connect. Does nothing when it is so already.
 */
export async function closeDatabase(client: ClientBase, connectRoles: string[]): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `with database as (
       select oid, datname, datdba, datacl from pg_catalog.pg_database where datname = current_database()
     )
     select format('revoke all on database %I from public', datname) as statement
       from database d
      where exists (select from pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
                     where a.grantee = 0)
     union all
     select format('grant connect on database %I to %I', datname, wanted.name)
       from database d, unnest($1::text[]) as wanted (name)
      where not exists (select from pg_catalog.aclexplode(d.datacl) a
                          join pg_catalog.pg_roles r on r.oid = a.grantee
                         where r.rolname = wanted.name and a.privilege_type = 'CONNECT')`,
    [connectRoles],
  );
  for (const { statement } of rows) await client.query(statement);
}

/** Whether there is nothing for {@link closeDatabase} to do, as far as the catalog tells. */
export function isDatabaseClosed(catalog: Catalog, connectRoles: readonly string[]): boolean {
  const grants = Object.entries(catalog.get("database")?.["grants"] ?? {});
  const connects = grants.flatMap(([role, rights]: [string, unknown]) =>
    Array.isArray(rights) && rights.some((right) => /^connect\b/.test(String(right))) ? [role] : [],
  );
  const toPublic = grants.some(([role]) => role === "public");
  return !toPublic && connectRoles.every((role) => connects.includes(role));
}
