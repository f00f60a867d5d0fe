import { settingsOf } from "./database";
import type { ObjectQuery } from "./shared";

/**
 * The roles that matter to this database: those that own something in it, are granted something or
 * are named by a policy (PostgreSQL keeps the list in `pg_shdepend`), what these may become and who may
 * become one of them, and everyone who can read rows whatever the policies say. A server can serve
 * other applications, too, whose roles are not ours to watch. Roles named by `$1` are read in any case.
 */
export const ROLE_SETS = `
holders as materialized (
  select distinct s.refobjid as oid from pg_shdepend s, here d
   where s.refclassid = 'pg_authid'::regclass
     and (s.dbid = d.oid or (s.classid = 'pg_database'::regclass and s.objid = d.oid))
  union
  select datdba from here
),
attainable as (
  select oid from holders
  union
  select m.roleid from attainable a join pg_auth_members m on m.member = a.oid
),
dangerous as (
  select r.oid from pg_roles r, here d
   where r.rolsuper or r.rolreplication
      or (r.rolbypassrls and has_database_privilege(r.oid, d.oid, 'connect'))
  union
  select m.member from pg_auth_members m join pg_roles r on r.oid = m.roleid
   where r.rolname in ('pg_read_all_data', 'pg_write_all_data', 'pg_maintain',
           'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
),
relevant as (
  select oid from attainable
  union
  select oid from dangerous
  union
  select oid from pg_roles where rolname = any ($1::text[])
  union
  select m.member from relevant r join pg_auth_members m on m.roleid = r.oid
)`;

export const roles: ObjectQuery = {
  key: "format('role %I', r.rolname)",
  fields: {
    name: "r.rolname",
    superuser: "r.rolsuper",
    bypassRowSecurity: "r.rolbypassrls",
    replication: "r.rolreplication",
    createRole: "r.rolcreaterole",
    createDatabase: "r.rolcreatedb",
    login: "r.rolcanlogin",
    inherit: "r.rolinherit",
    memberOf: `(select coalesce(json_agg(json_build_object('role', m.name, 'admin', m.admin,
        'inherit', m.inherit, 'set', m.set) order by m.name), '[]')
      from (select g.rolname as name, bool_or(m.admin_option) as admin,
                   bool_or(m.inherit_option) as inherit, bool_or(m.set_option) as set
              from pg_auth_members m join pg_roles g on g.oid = m.roleid
             where m.member = r.oid and (g.rolname ~ '^pg_' or g.oid in (select oid from relevant))
             group by g.rolname) m)`,
    settings: settingsOf("r.oid"),
  },
  from: "pg_roles r where r.rolname !~ '^pg_' and r.oid in (select oid from relevant)",
};
