import type { Schema } from "@app-data/rules";
import type { ClientBase } from "pg";

// Grants of an object as PostgreSQL keeps them; a null list means the built-in defaults, which
// acldefault() spells out. Owners are left out: they hold every right.
const grants = (acl: string, kind: string, owner: string) => `
  (select coalesce(jsonb_agg(jsonb_build_object(
            'grantee', coalesce(r.rolname, 'public'), 'privilege', lower(a.privilege_type),
            'columns', null) order by coalesce(r.rolname, 'public'), a.privilege_type), '[]')
     from pg_catalog.aclexplode(coalesce(${acl}, pg_catalog.acldefault('${kind}', ${owner}))) a
     left join pg_catalog.pg_roles r on r.oid = a.grantee
    where a.grantee <> ${owner})`;

const relationGrants = `
  (select coalesce(jsonb_agg(g order by g->>'grantee', g->>'privilege', g->>'columns'), '[]') from (
     select pg_catalog.jsonb_array_elements(${grants("c.relacl", "r", "c.relowner")}) as g
     union all
     select jsonb_build_object('grantee', coalesce(r.rolname, 'public'),
              'privilege', lower(a.privilege_type),
              'columns', jsonb_agg(t.attname order by t.attname))
       from pg_catalog.pg_attribute t
       cross join lateral pg_catalog.aclexplode(t.attacl) a
       left join pg_catalog.pg_roles r on r.oid = a.grantee
      where t.attrelid = c.oid and not t.attisdropped and a.grantee <> c.relowner
      group by coalesce(r.rolname, 'public'), a.privilege_type) x)`;

const policies = `
  (select coalesce(jsonb_agg(jsonb_build_object(
            'name', p.polname,
            'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert'
                         when 'w' then 'update' when 'd' then 'delete' else 'all' end,
            'permissive', p.polpermissive,
            'roles', (select jsonb_agg(case when m = 0 then 'public' else m::regrole::text end
                                       order by m::regrole::text) from unnest(p.polroles) m),
            'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
            'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) order by p.polname), '[]')
     from pg_catalog.pg_policy p where p.polrelid = c.oid)`;

const SCHEMA_QUERY = `
with namespaces as (
  select oid, nspname, nspowner, nspacl from pg_catalog.pg_namespace
   where nspname !~ '^pg_' and nspname <> 'information_schema'
)
select jsonb_build_object(
  'tables', (select coalesce(jsonb_agg(jsonb_build_object(
      'schema', n.nspname, 'name', c.relname,
      'kind', case when c.relkind = 'f' then 'foreign table' when c.relkind = 'p' then 'partitioned table'
                when c.relispartition then 'partition'
                when exists (select from pg_catalog.pg_inherits i where i.inhrelid = c.oid)
                  then 'inheritance child' else 'table' end,
      'owner', pg_catalog.pg_get_userbyid(c.relowner),
      'rowSecurity', c.relrowsecurity, 'forced', c.relforcerowsecurity,
      'policies', ${policies}, 'grants', ${relationGrants}) order by n.nspname, c.relname), '[]')
    from pg_catalog.pg_class c join namespaces n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't'),
  'views', (select coalesce(jsonb_agg(jsonb_build_object(
      'schema', n.nspname, 'name', c.relname,
      'kind', case c.relkind when 'v' then 'view' else 'materialized view' end,
      'owner', pg_catalog.pg_get_userbyid(c.relowner),
      'securityInvoker', coalesce((select lower(o.option_value) in ('true', 'on', 'yes', '1')
         from pg_catalog.pg_options_to_table(c.reloptions) o
        where o.option_name = 'security_invoker'), false),
      'grants', ${relationGrants}) order by n.nspname, c.relname), '[]')
    from pg_catalog.pg_class c join namespaces n on n.oid = c.relnamespace
   where c.relkind in ('v', 'm')),
  'functions', (select coalesce(jsonb_agg(jsonb_build_object(
      'schema', n.nspname, 'name', p.proname,
      'arguments', pg_catalog.pg_get_function_identity_arguments(p.oid),
      'owner', pg_catalog.pg_get_userbyid(p.proowner), 'language', l.lanname,
      'securityDefiner', p.prosecdef,
      'searchPath', (select regexp_replace(regexp_replace(s, '^search_path=', ''), '^""$', '')
         from unnest(p.proconfig) s where s like 'search_path=%'),
      'executableBy', (select coalesce(jsonb_agg(g->'grantee' order by g->>'grantee'), '[]')
         from jsonb_array_elements(${grants("p.proacl", "f", "p.proowner")}) g
        where g->>'privilege' = 'execute'))
      order by n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)), '[]')
    from pg_catalog.pg_proc p join namespaces n on n.oid = p.pronamespace
    join pg_catalog.pg_language l on l.oid = p.prolang),
  'schemas', (select coalesce(jsonb_agg(jsonb_build_object(
      'name', n.nspname, 'owner', pg_catalog.pg_get_userbyid(n.nspowner),
      'grants', ${grants("n.nspacl", "n", "n.nspowner")}) order by n.nspname), '[]')
    from namespaces n),
  'roles', (select coalesce(jsonb_agg(jsonb_build_object(
      'name', r.rolname, 'superuser', r.rolsuper, 'bypassRowSecurity', r.rolbypassrls,
      'createRole', r.rolcreaterole, 'createDatabase', r.rolcreatedb, 'login', r.rolcanlogin,
      'inherit', r.rolinherit,
      'memberOf', (select coalesce(jsonb_agg(jsonb_build_object(
           'role', pg_catalog.pg_get_userbyid(m.roleid), 'admin', m.admin_option,
           'inherit', m.inherit_option, 'set', m.set_option)
           order by pg_catalog.pg_get_userbyid(m.roleid), m.grantor), '[]')
         from pg_catalog.pg_auth_members m where m.member = r.oid)) order by r.rolname), '[]')
    from pg_catalog.pg_roles r where r.rolname !~ '^pg_'),
  'defaultPrivileges', (select coalesce(jsonb_agg(jsonb_build_object(
      'owner', pg_catalog.pg_get_userbyid(d.defaclrole), 'schema', n.nspname,
      'objects', case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences'
                   when 'f' then 'functions' when 'T' then 'types' else 'schemas' end,
      'grants', ${grants("d.defaclacl", "r", "d.defaclrole")})
      order by pg_catalog.pg_get_userbyid(d.defaclrole), n.nspname, d.defaclobjtype), '[]')
    from pg_catalog.pg_default_acl d left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace)
) as schema`;

/**
 * Reads what the catalog holds of every schema but PostgreSQL's own: tables with their row level
 * security, policies and grants, views, functions, schemas, roles and default privileges. Names and
 * expressions are the server's own deparsed form, so that two readings can be compared.
 */
export async function readSchema(client: ClientBase): Promise<Schema> {
  const { rows } = await client.query<{ schema: Schema }>(SCHEMA_QUERY);
  const [row] = rows;
  if (!row) throw new Error("The catalog query returned no row.");
  return row.schema;
}
