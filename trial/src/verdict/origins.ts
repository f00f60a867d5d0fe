import { type SqlFile, type Statement, splitStatements } from "@app-data/rules";
import type { ClientBase } from "pg";

/** Where a migration made or last changed an object. */
export interface Place {
  file: string;
  line: number;
}

/** An object, and the files whose transactions wrote its rows of the catalog. */
interface Written {
  /** As findings name it. */
  object: string;
  schema: string | null;
  name: string;
  /** Name of the policy, trigger or rule on it that is meant. */
  part: string | null;
  /** From 1; 0 is what was there before. */
  files: number[];
}

const relations = `pg_class c join pg_namespace n on n.oid = c.relnamespace`;
const part = (kind: string, catalog: string, name: string, relation: string) => `
  select format('${kind} %I on %I.%I', p.${name}, n.nspname, c.relname), n.nspname, c.relname, p.${name}, p.xmin
    from ${catalog} p join ${relations} on c.oid = p.${relation}`;

const DEFAULT_PRIVILEGES = "default privileges";

// A row of the catalog bears the transaction that wrote it last. A grant on columns is in theirs.
const ORIGINS_SQL = `
with starts (ages) as (
  select array_agg(-age(start::xid) order by number) from unnest($1::text[]) with ordinality as s (start, number)
),
written (object, schema, name, part, xid) as (
  select format('%I.%I', n.nspname, c.relname), n.nspname, c.relname, null::name, c.xmin from ${relations}
  union all
  select format('%I.%I', n.nspname, c.relname), n.nspname, c.relname, null, a.xmin
    from ${relations} join pg_attribute a on a.attrelid = c.oid where a.attnum > 0
  union all
  select format('function %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
         n.nspname, p.proname, null, p.xmin
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname <> 'pg_catalog'
  union all${part("policy", "pg_policy", "polname", "polrelid")}
  union all${part("trigger", "pg_trigger", "tgname", "tgrelid")}
  union all${part("rule", "pg_rewrite", "rulename", "ev_class")}
  union all
  select format('schema %I', nspname), null, nspname, null, xmin from pg_namespace
  union all
  select format('role %I', r.rolname), null, r.rolname, null, x.xmin
    from pg_authid r cross join lateral (
      select r.xmin union all select m.xmin from pg_auth_members m where m.member = r.oid
      union all select s.xmin from pg_db_role_setting s where s.setrole = r.oid) x
  union all
  select format('default privileges of %I%s on %s', r.rolname, ' in schema ' || quote_ident(n.nspname),
           case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
             when 'T' then 'types' when 'n' then 'schemas' else 'large objects' end), null,
         '${DEFAULT_PRIVILEGES}', null, d.xmin
    from pg_default_acl d join pg_roles r on r.oid = d.defaclrole
    left join pg_namespace n on n.oid = d.defaclnamespace
)
select object, schema, name, part, array_agg(distinct width_bucket(-age(xid), ages)) as files
  from written cross join starts where object = any ($2) group by object, schema, name, part`;

/**
 * Finds where migrations made or last changed objects: the file whose transaction wrote the object's rows of
 * the catalog, and in it the statement that names the object.
 * @param starts the transaction id that was next when each file began.
 * @param objects as findings name them.
 */
export async function findOrigins(
  client: ClientBase,
  files: readonly SqlFile[],
  starts: readonly string[],
  objects: readonly string[],
): Promise<ReadonlyMap<string, Place>> {
  const { rows } = await client.query<Written>(ORIGINS_SQL, [starts, objects]);
  const places = new Map<string, Place>();
  const parsed = await Promise.all(files.map(({ sql, file }) => splitStatements(sql, file)));
  for (const written of rows) {
    const place = placeOf(written, files, parsed);
    if (place) places.set(written.object, place);
  }
  return places;
}

function placeOf(
  written: Written,
  files: readonly SqlFile[],
  parsed: readonly (readonly Statement[])[],
): Place | undefined {
  const latest = Math.max(...written.files);
  // A foreign key writes the row of the table that it refers to: then what was written before is lost.
  for (let number = latest; number > 0; number -= 1) {
    const statements = parsed[number - 1] ?? [];
    const line =
      lineAbout(statements, written) ??
      (written.files.includes(number) ? lineOfCode(statements, written) : undefined);
    const { file } = files[number - 1] ?? {};
    if (file !== undefined && line !== undefined) return { file, line };
  }
  const { file } = files[latest - 1] ?? {};
  return file === undefined ? undefined : { file, line: 1 };
}

/** The line of the statement that makes the object, or of the last one that is about it. */
function lineAbout(statements: readonly Statement[], written: Written): number | undefined {
  const about = statements.filter(({ tree }) => isAbout(tree, written));
  const made = about.findLast(({ tree }) => creates(tree, written));
  return (made ?? about.at(-1))?.line;
}

/** The line of a block or call that mentions the object, or of any where no statement does. */
function lineOfCode(statements: readonly Statement[], written: Written): number | undefined {
  const name = written.part ?? written.name;
  const mentioning = statements.filter(({ text }) => text.includes(name));
  const runsCode = ({ tree }: Statement) => CODE.some((kind) => kind in tree);
  const block = mentioning.findLast(runsCode);
  if (block) {
    return block.line + block.text.slice(0, block.text.indexOf(name)).split("\n").length - 1;
  }
  return mentioning.length > 0 ? undefined : statements.findLast(runsCode)?.line;
}

const CODE = ["DoStmt", "SelectStmt", "CallStmt"];
const PARTS = ["CreatePolicyStmt", "CreateTrigStmt", "RuleStmt"];

function creates(tree: Statement["tree"], { part }: Written): boolean {
  const [kind = ""] = Object.keys(tree);
  const isPart = PARTS.includes(kind);
  if (part !== null) return isPart;
  return (
    !isPart && (kind.startsWith("Create") || kind === "ViewStmt" || kind === "CompositeTypeStmt")
  );
}

/** Whether a statement is about an object, and does not merely refer to it. */
function isAbout(tree: Statement["tree"], { schema, name, part }: Written): boolean {
  if ("GrantStmt" in tree && tree.GrantStmt.targtype === "ACL_TARGET_ALL_IN_SCHEMA") {
    return tree.GrantStmt.objects?.some((object) => stringOf(object) === schema) ?? false;
  }
  if ("AlterDefaultPrivilegesStmt" in tree) return name === DEFAULT_PRIVILEGES;
  const names = new Set<string>();
  for (const node of Object.values(tree)) collectNames(node, names, 4);
  const isNamed =
    schema === null ? names.has(name) : names.has(`${schema}.${name}`) || names.has(`.${name}`);
  return isNamed && (part === null || names.has(part));
}

/** The names near the top of a tree are what the statement is about; expressions and bodies are deeper. */
function collectNames(node: unknown, names: Set<string>, depth: number): void {
  if (typeof node === "string") names.add(node);
  if (typeof node !== "object" || node === null || depth === 0) return;
  if (Array.isArray(node)) {
    const parts = node.map(stringOf);
    if (parts.length > 0 && parts.every((text) => text !== undefined)) {
      names.add(["", ...parts].slice(-2).join("."));
      names.add(parts.at(-1) ?? "");
      return;
    }
  }
  const { schemaname, relname, newname, newschema }: Record<string, unknown> = Object(node);
  if (typeof relname === "string") names.add(`${textOrNone(schemaname)}.${relname}`);
  if (typeof newname === "string" || typeof newschema === "string") renamed(node, names);
  for (const [key, value] of Object.entries(node)) {
    // What a table or view is made of names others.
    if (!DETAILS.has(key)) collectNames(value, names, Array.isArray(node) ? depth : depth - 1);
  }
}

const DETAILS = new Set([
  "tableElts",
  "inhRelations",
  "constraints",
  "cmds",
  "query",
  "whenClause",
  "qual",
  "with_check",
  "parameters",
  "returnType",
  "options",
]);

/** After a change of name or schema the catalog knows the object by the new one. */
function renamed(node: object, names: Set<string>): void {
  const { relation, newname, newschema }: Record<string, unknown> = Object(node);
  const { schemaname, relname }: Record<string, unknown> = Object(relation);
  names.add(`${textOrNone(newschema ?? schemaname)}.${textOrNone(newname ?? relname)}`);
}

function textOrNone(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function stringOf(node: unknown): string | undefined {
  const { String: string }: Record<string, unknown> = Object(node);
  const { sval }: Record<string, unknown> = Object(string);
  return typeof sval === "string" ? sval : undefined;
}
