import type { ClientBase } from "pg";

/** What a role may do with a relation, by grant. */
export interface RelationGrants {
  role: string;
  schema: string;
  relation: string;
  /** Columns, in the relation's order. */
  select: string[];
  insert: string[];
  update: string[];
  delete: boolean;
}

// has_column_privilege counts what a role has through PUBLIC and through roles that it inherits from.
const GRANTS = `
with relation as (
  select c.oid, c.relname, c.relowner, c.relacl, n.nspname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = any ($1)
), grantee as (
  select distinct acl.grantee
    from relation r
    left join pg_attribute a on a.attrelid = r.oid and not a.attisdropped
   cross join lateral (select * from aclexplode(r.relacl) union all select * from aclexplode(a.attacl)) acl
   where acl.grantee <> r.relowner
), facts as (
  select role.rolname as role, r.nspname as schema, r.relname as relation,
         array_agg(a.attname::text order by a.attnum)
           filter (where has_column_privilege(role.oid, r.oid, a.attnum, 'select')) as "select",
         array_agg(a.attname::text order by a.attnum)
           filter (where has_column_privilege(role.oid, r.oid, a.attnum, 'insert')) as insert,
         array_agg(a.attname::text order by a.attnum)
           filter (where has_column_privilege(role.oid, r.oid, a.attnum, 'update')) as update,
         has_table_privilege(role.oid, r.oid, 'delete') as delete
    from relation r
    join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
   cross join grantee join pg_roles role on role.oid = grantee.grantee
   where has_schema_privilege(role.oid, r.nspname, 'usage')
   group by role.oid, role.rolname, r.oid, r.nspname, r.relname
)
select role, schema, relation, coalesce("select", '{}') as "select",
       coalesce(insert, '{}') as insert, coalesce(update, '{}') as update, delete
  from facts
 where delete or "select" is not null or insert is not null or update is not null
 order by role collate "C", schema collate "C", relation collate "C"`;

/** Reads what roles other than a relation's owner may do, by role, schema and relation. */
export async function readGrants(client: ClientBase, schemas: string[]): Promise<RelationGrants[]> {
  const { rows } = await client.query<RelationGrants>(GRANTS, [schemas]);
  return rows;
}

/** Writes the grants as a TypeScript type: role, schema, relation, then columns. */
export function grantsSource(grants: readonly RelationGrants[]): string {
  const roles = nest(grants, "role", (ofRole) =>
    nest(ofRole, "schema", (ofSchema) =>
      nest(ofSchema, "relation", ([grant]) => (grant ? relationSource(grant) : "never")),
    ),
  );
  return `
/** What each role may read and write by grant; on which rows, row level security decides. */
export type Grants = ${roles};
`;
}

function relationSource(grant: RelationGrants): string {
  const union = (names: string[]) =>
    names.length === 0 ? "never" : names.map((name) => quote(name)).join(" | ");
  const { select, insert, update } = grant;
  return `{ Select: ${union(select)}; Insert: ${union(insert)}; Update: ${union(update)}; Delete: ${String(grant.delete)} }`;
}

/** An object type with one property for each value of `key`. */
function nest(
  grants: readonly RelationGrants[],
  key: "role" | "schema" | "relation",
  value: (grants: RelationGrants[]) => string,
): string {
  const names = [...new Set(grants.map((grant) => grant[key]))];
  const properties = names.map(
    (name) => `${quote(name)}: ${value(grants.filter((grant) => grant[key] === name))};`,
  );
  return `{ ${properties.join("\n")} }`;
}

function quote(name: string): string {
  return JSON.stringify(name);
}
