import {
  type ObjectQuery,
  comment,
  extensionOf,
  grantsByObject,
  list,
  listOf,
  object,
  roleName,
} from "./shared";

/** Rights on relations and their columns, for all of them at once. */
export const RELATION_GRANTS = grantsByObject(`
  select c.oid, c.relowner as owner, '' as columns, x.* from relations c, aclexplode(c.relacl) x
  union all
  select c.oid, c.relowner, format(' (%I)', a.attname), x.*
    from relations c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) x
   where a.attacl is not null and not a.attisdropped`);

const grants = "coalesce(g.grants, '{}')";

const columns = `(
  select json_agg(${object({
    name: "a.attname",
    type: "format_type(a.atttypid, a.atttypmod)",
    notNull: "a.attnotnull",
    default: "case a.attgenerated when '' then d.expression end",
    generated: "case when a.attgenerated <> '' then d.expression end",
    virtual: "case a.attgenerated when 'v' then true end",
    identity: "case a.attidentity when 'a' then 'always' when 'd' then 'by default' end",
    collation: `case when a.attcollation not in (0, 'pg_catalog."default"'::regcollation)
      then a.attcollation::regcollation::text end`,
    comment: comment("pg_class", "a.attrelid", "a.attnum"),
  })} order by a.attnum)
    from pg_attribute a cross join lateral (select case when a.atthasdef then (
      select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d
       where d.adrelid = a.attrelid and d.adnum = a.attnum) end as expression) d
   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)`;

const options = listOf("c.reloptions", "o", "o");

/** `kind`: a partitioned partition is a "partitioned table". */
export const tables: ObjectQuery = {
  key: "'table ' || c.qualified",
  fields: {
    schema: "c.nspname",
    name: "c.relname",
    kind: `case when c.relkind = 'f' then 'foreign table' when c.relkind = 'p' then 'partitioned table'
             when c.relispartition then 'partition'
             when exists (select from pg_inherits i where i.inhrelid = c.oid) then 'inheritance child'
             else 'table' end`,
    owner: roleName("c.relowner"),
    rowSecurity: "c.relrowsecurity",
    forced: "c.relforcerowsecurity",
    unlogged: "case c.relpersistence when 'u' then true end",
    columns,
    inherits: list("i.inhparent::regclass::text", "pg_inherits i where i.inhrelid = c.oid"),
    partitionKey: "case c.relkind when 'p' then pg_get_partkeydef(c.oid) end",
    partitionBound: "pg_get_expr(c.relpartbound, c.oid)",
    replicaIdentity: "case c.relreplident when 'f' then 'full' when 'n' then 'nothing' end",
    options,
    grants,
    extension: extensionOf("pg_class", "c.oid", "c.relowner"),
    comment: comment("pg_class", "c.oid"),
  },
  from: "relations c left join relation_grants g using (oid) where c.relkind in ('r', 'p', 'f')",
};

export const views: ObjectQuery = {
  key: "case c.relkind when 'v' then 'view ' else 'materialized view ' end || c.qualified",
  fields: {
    schema: "c.nspname",
    name: "c.relname",
    kind: "case c.relkind when 'v' then 'view' else 'materialized view' end",
    owner: roleName("c.relowner"),
    securityInvoker: `exists (select from pg_options_to_table(c.reloptions) o
      where o.option_name = 'security_invoker' and o.option_value::boolean)`,
    definition: "pg_get_viewdef(c.oid)",
    columns,
    options,
    populated: "case when c.relkind = 'm' then c.relispopulated end",
    grants,
    extension: extensionOf("pg_class", "c.oid", "c.relowner"),
    comment: comment("pg_class", "c.oid"),
  },
  from: "relations c left join relation_grants g using (oid) where c.relkind in ('v', 'm')",
};

export const sequences: ObjectQuery = {
  key: "'sequence ' || c.qualified",
  fields: {
    owner: roleName("c.relowner"),
    type: "format_type(s.seqtypid, null)",
    start: "s.seqstart::text",
    increment: "s.seqincrement::text",
    least: "s.seqmin::text",
    greatest: "s.seqmax::text",
    cycles: "s.seqcycle",
    cache: "s.seqcache::text",
    column: `(select format('%s.%I', d.refobjid::regclass, a.attname) from pg_depend d
       join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
        and d.refclassid = 'pg_class'::regclass)`,
    grants,
    comment: comment("pg_class", "c.oid"),
  },
  from: `relations c join pg_sequence s on s.seqrelid = c.oid
    left join relation_grants g using (oid) where c.relkind = 'S'`,
};
