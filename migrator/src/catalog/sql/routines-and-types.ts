import {
  type ObjectQuery,
  comment,
  extensionOf,
  grantsOf,
  listOf,
  object,
  roleName,
} from "./shared";

export const functions: ObjectQuery = {
  key: "'function ' || p.oid::regprocedure",
  fields: {
    schema: "n.nspname",
    name: "p.proname",
    kind: `case p.prokind when 'f' then 'function' when 'p' then 'procedure'
             when 'a' then 'aggregate' else 'window function' end`,
    identityArguments: "pg_get_function_identity_arguments(p.oid)",
    arguments: "pg_get_function_arguments(p.oid)",
    returns: "pg_get_function_result(p.oid)",
    owner: roleName("p.proowner"),
    language: "l.lanname",
    securityDefiner: "p.prosecdef",
    settings: listOf("p.proconfig", "s", "s"),
    volatility:
      "case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end",
    parallel:
      "case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end",
    leakproof: "p.proleakproof",
    strict: "p.proisstrict",
    sourceSha256: `encode(sha256(convert_to(concat_ws(E'\\n', p.probin,
      coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)), 'UTF8')), 'hex')`,
    // Rules read it.
    source: `case when l.lanname in ('sql', 'plpgsql')
             then coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) end`,
    calls: `case when p.prokind = 'a' then (select json_agg(f.oid::regproc::text order by f.oid::regproc::text)
      from pg_aggregate a join pg_proc f on f.oid in (a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
        a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
      where a.aggfnoid = p.oid and f.prosecdef) end`,
    grants: grantsOf("p.proacl", "f", "p.proowner"),
    extension: extensionOf("pg_proc", "p.oid", "p.proowner"),
    comment: comment("pg_proc", "p.oid"),
  },
  from: `namespaces n join pg_proc p on p.pronamespace = n.oid
    join pg_language l on l.oid = p.prolang where true`,
};

/** Enums, domains, ranges and composite types; a table's own row type is the table. */
export const types: ObjectQuery = {
  key: "format('type %I.%I', n.nspname, t.typname)",
  fields: {
    kind: `case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range'
             else 'composite' end`,
    owner: roleName("t.typowner"),
    labels: `(select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e
      where e.enumtypid = t.oid)`,
    base: "case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod) end",
    notNull: "case t.typtype when 'd' then t.typnotnull end",
    default: "case t.typtype when 'd' then t.typdefault end",
    constraints: `(select json_object_agg(k.conname, pg_get_constraintdef(k.oid)) from pg_constraint k
      where k.contypid = t.oid and k.contype = 'c')`,
    attributes: `(select json_agg(${object({
      name: "a.attname",
      type: "format_type(a.atttypid, a.atttypmod)",
    })} order by a.attnum) from pg_attribute a
      where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)`,
    of: `(select format_type(r.rngsubtype, null) from pg_range r where r.rngtypid = t.oid)`,
    grants: grantsOf("t.typacl", "T", "t.typowner"),
    comment: comment("pg_type", "t.oid"),
  },
  from: `namespaces n join pg_type t on t.typnamespace = n.oid
    left join pg_class c on c.oid = t.typrelid
    where (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))`,
};
