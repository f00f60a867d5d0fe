// Pieces of the catalog query. Whatever belongs to an object is looked up by the index on its parent:
// no plan of such a look-up can go wrong, and the same query reads few objects as fast as it should.

/** Objects of one kind, as the catalog query reads them. */
export interface ObjectQuery {
  /** An expression for the object's kind and name. */
  key: string;
  /** Expressions for the fields of its fact; null leaves the field out. */
  fields: Record<string, string>;
  /** What comes after `from`. */
  from: string;
}

/**
 * The whole query of one kind of objects: columns `owner`, `key` and `fact`.
 * @param owner an expression for the object that they are part of.
 */
export function select({ key, fields, from }: ObjectQuery, owner: string): string {
  return `select ${owner} as owner, ${key} as key,
    json_strip_nulls(${object(fields)}) as fact from ${from}`;
}

/** A JSON object of the given fields. */
export function object(fields: Record<string, string>): string {
  const pairs = Object.entries(fields).map(([name, value]) => `'${name}', ${value}`);
  return `json_build_object(${pairs.join(", ")})`;
}

/** A JSON list of a query's texts in the order of their bytes, null when there is none. */
export function list(value: string, from: string): string {
  return `(select json_agg(${value} order by (${value}) collate "C") from ${from})`;
}

/** {@link list} of an array's elements; `element` is what one is called in `value`. */
export function listOf(array: string, element: string, value: string): string {
  return `case when ${array} is not null then ${list(value, `unnest(${array}) ${element}`)} end`;
}

/** The name of a role, PUBLIC being "public". */
export function roleName(oid: string): string {
  return `case ${oid} when 0 then 'public' else pg_get_userbyid(${oid}) end`;
}

/**
 * The privileges on objects by grantee, `{"app": ["insert (id)", "select with grant option"]}`.
 * Those of the owner are left out: it holds every right.
 * @param items a query of `oid`, `owner`, `columns` and what `aclexplode` returns.
 * @returns a query of `oid` and `grants`.
 */
export function grantsByObject(items: string): string {
  return `select oid, json_object_agg(grantee, privileges) as grants from (
    select i.oid, ${roleName("i.grantee")} as grantee,
           json_agg(distinct (lower(i.privilege_type) || i.columns
             || case when i.is_grantable then ' with grant option' else '' end) collate "C")
             as privileges
      from (${items}) i where i.grantee <> i.owner group by i.oid, i.grantee) g group by oid`;
}

/** The privileges of one access control list; a null one stands for the built-in rights of a kind. */
export function grantsOf(acl: string, kind: string, owner: string): string {
  const items = `select 0 as oid, ${owner} as owner, '' as columns, x.*
    from aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) x`;
  return `coalesce((select grants from (${grantsByObject(items)}) g), '{}')`;
}

/** The comment on an object. */
export function comment(catalog: string, oid: string, part = "0"): string {
  return `(select d.description from pg_description d
    where d.objoid = ${oid} and d.classoid = '${catalog}'::regclass and d.objsubid = ${part})`;
}

/**
 * The extension that an object came with. What its owner may have added to one later, by `alter extension`,
 * is the owner's: the members of an extension belong to a superuser.
 */
export function extensionOf(catalog: string, oid: string, owner: string): string {
  return `(select e.extname from pg_depend d join pg_extension e on e.oid = d.refobjid
    join pg_roles r on r.oid = ${owner} and r.rolsuper
    where d.classid = '${catalog}'::regclass and d.objid = ${oid} and d.objsubid = 0
      and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e')`;
}
