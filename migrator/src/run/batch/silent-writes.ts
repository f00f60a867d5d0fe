import type { Statement } from "@app-data/rules";
import { type Node, type RangeVar, parseSync } from "libpg-query";
import type { ClientBase } from "pg";
import { CODES, MigratorError } from "../../errors";
import { isQuery, nodesIn } from "../../sql/batch/syntax-tree";

/** Rows of a relation that a statement needs to see; without a schema, as the search path finds it. */
export interface NeededRows {
  schema: string | undefined;
  name: string;
  command: "select" | "update" | "delete";
}

/** The policies that PostgreSQL would ask for a command of the current role on a table. */
interface Bound {
  table: string;
  command: NeededRows["command"];
  role: string;
  policies: Policy[];
}

interface Policy {
  name: string;
  permissive: boolean;
  /** It names the role, or one whose rights the role has; else it is for everyone. */
  named: boolean;
  using: string | null;
}

const BOUND_QUERY = `
with recursive needed as (
  select pg_catalog.to_regclass(
           case when n.schema is null then pg_catalog.format('%I', n.name)
                else pg_catalog.format('%I.%I', n.schema, n.name) end)::oid as oid,
         n.command
    from jsonb_to_recordset($1::jsonb) as n (schema text, name text, command text)
), reached (oid, command) as (
  select oid, command from needed where oid is not null
  union
  -- What a view reads, it reads with its owner's rights or those of who asks; both are this role here.
  select d.refobjid, c.command
    from reached r
    join pg_catalog.pg_class v on v.oid = r.oid and v.relkind in ('v', 'm')
    join pg_catalog.pg_rewrite w on w.ev_class = v.oid
    join pg_catalog.pg_depend d
      on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
     and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> v.oid
   cross join lateral (values ('select'), (r.command)) as c (command)
   where pg_catalog.pg_get_userbyid(v.relowner) = current_user
      or coalesce(v.reloptions::text ilike '%security_invoker=%', false)
)
select pg_catalog.format('%I.%I', n.nspname, c.relname) as table, r.command, current_user::text as role,
       coalesce((
         select jsonb_agg(jsonb_build_object(
                  'name', p.polname, 'permissive', p.polpermissive, 'named', not p.polroles @> '{0}',
                  'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid)) order by p.polname)
           from pg_catalog.pg_policy p
          where p.polrelid = c.oid
            and p.polcmd in ('*', case r.command when 'select' then 'r' when 'update' then 'w' else 'd' end)
            and exists (select from unnest(p.polroles) as role (oid)
                         where role.oid = 0 or pg_catalog.pg_has_role(role.oid, 'USAGE'))), '[]') as policies
  from reached r
  join pg_catalog.pg_class c on c.oid = r.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where pg_catalog.row_security_active(c.oid)
 order by 1, 2`;

/** Whether a statement writes or copies rows that row level security could hide from it. */
export function needsRows({ tree }: Statement): boolean {
  return neededRows(tree).length > 0;
}

/**
 * Refuses a statement of a migration that row level security would silently keep from its rows: one
 * that writes, or copies, rows of a table that binds the current role, when no policy shows that role
 * any. To be called in the transaction of the statement, right before it. Asks the catalog only when
 * the statement writes; what functions and DO blocks do is not seen.
 * @param file of the statement, for the error.
 * @throws MigratorError MIG063 that names table, command, role and what to write.
 */
export async function refuseSilentWrites(
  client: ClientBase,
  statement: Statement,
  { file }: { file: string },
): Promise<void> {
  const needed = neededRows(statement.tree);
  if (needed.length === 0) return;
  await refuseHiddenRows(client, needed, `${file}:${statement.line}:${statement.column}`);
}

/**
 * Refuses rows that no policy shows to the current role.
 * @param place where they are needed, for the error.
 * @throws MigratorError MIG063 that names table, command, role and what to write.
 */
export async function refuseHiddenRows(
  client: ClientBase,
  needed: readonly NeededRows[],
  place: string,
): Promise<void> {
  const { rows } = await client.query<Bound>(BOUND_QUERY, [JSON.stringify(needed)]);
  const hidden = rows.flatMap(({ policies, ...row }) => {
    const reason = whyHidden(policies);
    return reason === undefined ? [] : [{ ...row, reason }];
  });
  const [first] = hidden;
  if (!first) return;
  const found = hidden.map(({ table, command, reason }) => `${table} for ${command} (${reason})`);
  const policies = hidden.map(({ table, command, role }) => {
    const check = command === "update" ? " with check (…)" : "";
    return `create policy … on ${table} for ${command} to ${role} using (…)${check};`;
  });
  throw new MigratorError(
    CODES.rowsHidden,
    `${place}: row level security binds role ${first.role}, and would silently hide the rows that the ` +
      `statement needs: ${found.join(", ")}. Write a policy before it, as narrow as the work: ` +
      `${policies.join(" ")} Or, outside batches, lift FORCE around it in the same transaction: ` +
      "alter table … no force row level security; the statement; alter table … force row level security;",
  );
}

/** Why the policies show a migration no row; undefined when they may show some. */
function whyHidden(policies: readonly Policy[]): string | undefined {
  const shows = ({ named, using }: Policy) =>
    using !== null && using !== "false" && (named || !asksWhoAsks(using));
  // A restrictive policy without an expression restricts inserted rows alone.
  const closed = policies.find(
    (policy) => !policy.permissive && policy.using !== null && !shows(policy),
  );
  if (closed)
    return `its restrictive policy ${closed.name} lets through a signed-in user's rows alone`;
  const permissive = policies.filter((policy) => policy.permissive);
  if (permissive.some(shows)) return undefined;
  return permissive.length === 0
    ? "no policy lets it"
    : `the policies for everyone (${permissive.map(({ name }) => name).join(", ")}) show a signed-in ` +
        "user's rows alone";
}

/** Whether a policy's expression depends on more than the row: on the session, by some function. */
function asksWhoAsks(using: string): boolean {
  const tree: unknown = parseSync(`select (${using})`);
  return nodesIn(tree, "FuncCall").length + nodesIn(tree, "SQLValueFunction").length > 0;
}

/** The rows that a statement that writes or copies needs to see; none for any other. */
function neededRows(tree: Node): NeededRows[] {
  const known = neededBy.get(tree);
  if (known) return known;
  const needed = findNeededRows(tree);
  neededBy.set(tree, needed);
  return needed;
}

// Inserts that differ in constants alone share their tree.
const neededBy = new WeakMap<Node, NeededRows[]>();

function findNeededRows(tree: Node): NeededRows[] {
  if ("RefreshMatViewStmt" in tree) return rowsOf(tree.RefreshMatViewStmt.relation, "select");
  if (!isQuery(tree)) return [];

  // What is read only to filter or compute needs a policy to read it, too.
  const reads = nodesIn(tree, "ColumnRef").length > 0;
  const target = (relation: RangeVar | undefined, command: NeededRows["command"]) => [
    ...rowsOf(relation, command),
    ...(reads ? rowsOf(relation, "select") : []),
  ];
  const targets = [
    ...nodesIn(tree, "UpdateStmt").flatMap((node) => target(node.UpdateStmt.relation, "update")),
    ...nodesIn(tree, "DeleteStmt").flatMap((node) => target(node.DeleteStmt.relation, "delete")),
    ...nodesIn(tree, "MergeStmt").flatMap(({ MergeStmt: { relation, mergeWhenClauses = [] } }) =>
      mergeWhenClauses.flatMap((clause) => {
        const kind = "MergeWhenClause" in clause ? clause.MergeWhenClause.commandType : undefined;
        if (kind === "CMD_UPDATE") return target(relation, "update");
        return kind === "CMD_DELETE" ? target(relation, "delete") : rowsOf(relation, "select");
      }),
    ),
  ];
  const writes = nodesIn(tree, "InsertStmt").length > 0 || "CreateTableAsStmt" in tree;
  const intoTable = nodesIn(tree, "SelectStmt").some(({ SelectStmt }) => SelectStmt.intoClause);
  if (targets.length === 0 && !writes && !intoTable) return [];

  const queries = new Set(
    nodesIn(tree, "CommonTableExpr").map(({ CommonTableExpr }) => CommonTableExpr.ctename),
  );
  const sources = nodesIn(tree, "RangeVar")
    .map(({ RangeVar }) => RangeVar)
    .filter(({ schemaname, relname }) => schemaname !== undefined || !queries.has(relname));
  return [...targets, ...sources.flatMap((source) => rowsOf(source, "select"))];
}

function rowsOf(relation: RangeVar | undefined, command: NeededRows["command"]): NeededRows[] {
  const { schemaname: schema, relname: name } = relation ?? {};
  return name === undefined ? [] : [{ schema, name, command }];
}
