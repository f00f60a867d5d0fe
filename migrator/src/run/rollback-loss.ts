import type { Statement } from "@app-data/rules";
import type { Node } from "libpg-query";
import type { ClientBase } from "pg";
import { addReading } from "../catalog";
import { CODES, MigratorError } from "../errors";
import { isTransactional } from "../sql/transactional";
import { type Script, literal } from "../database/script";
import { addStatements } from "./steps/run-steps";
import type { SqlFile } from "../files/trio";

/** A table whose rows, or one of whose columns, a rollback takes away. */
interface Target {
  /** Schema-qualified, quoted. */
  table: string;
  /** Quoted; null when the whole table goes. */
  column: string | null;
}

// Counting stops there: that there are many is all that has to be known.
const MOST_COUNTED = 1_000;
const REBUILT = /^--\s*rebuilt\s*:\s*(.+)$/gim;
// Statements whose effect on rows cannot be read off their text: they are tried.
const OPAQUE = ["DoStmt", "CallStmt", "SelectStmt"] as const;

const TARGETS_QUERY = `
select distinct pg_catalog.format('%I.%I', n.nspname, c.relname) as table,
       case when t.column is not null then pg_catalog.quote_ident(t.column) end as column
  from pg_catalog.jsonb_to_recordset($1::jsonb) as t (schema text, name text, "column" text)
  join pg_catalog.pg_namespace n on n.nspname = t.schema
  join pg_catalog.pg_class c on c.relnamespace = n.oid and (t.name is null or c.relname = t.name)
 where c.relkind = 'p' or c.relkind = 'r' and pg_catalog.pg_relation_size(c.oid) > 0
   and (t.column is null or exists (
     select from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attname = t.column and not a.attisdropped))`;

/**
 * Refuses a rollback that would lose rows: of tables and columns that it drops. Forced row level
 * security hides rows from their owner, too, so it is lifted for the count and put back by the
 * savepoint. Rows of tables that the file names in a comment `-- rebuilt: public.a, public.b` can be
 * made again by the migrations and do not count.
 * @throws MigratorError MIG017 that names tables, columns and numbers of rows.
 */
export async function refuseLoss(
  script: Script,
  statements: readonly Statement[],
  file: SqlFile,
): Promise<void> {
  const { client } = script;
  const targets = await findTargets(script, statements, file);
  const rebuilt = new Set(
    [...file.sql.matchAll(REBUILT)].flatMap(([, list = ""]) =>
      list.split(",").map((name) => name.trim()),
    ),
  );
  const losses: string[] = [];
  for (const target of targets) {
    if (rebuilt.has(target.table)) continue;
    const rows = await countRows(client, target);
    const what = target.column === null ? target.table : `${target.table}, column ${target.column}`;
    const number = rows > MOST_COUNTED ? `more than ${MOST_COUNTED}` : String(rows);
    if (rows > 0) losses.push(`${what}: ${number}`);
  }
  if (losses.length === 0) return;
  throw new MigratorError(
    CODES.rowsWouldBeLost,
    `${file.file} would lose rows (${losses.join("; ")}). Nothing was undone. Export the rows and ` +
      "delete them first, or accept the loss: migrations.allowDataLoss, or --allow-data-loss on the " +
      "command line.",
  );
}

async function findTargets(
  script: Script,
  statements: readonly Statement[],
  file: SqlFile,
): Promise<Target[]> {
  if (!statements.some(isOpaque)) {
    return existing(
      script,
      statements.flatMap(({ tree }) => targetsOf(tree)),
    );
  }
  await script.run();
  const { client } = script;
  const before = await readColumns(client);
  const tried = statements.filter(({ tree }) => isTransactional(tree));
  script.add("savepoint trial");
  await addStatements(script, tried, file);
  await script.run();
  const after = await readColumns(client);
  await client.query("rollback to savepoint trial; release savepoint trial");
  return [...before].flatMap(([oid, { table, columns }]): Target[] => {
    const kept = after.get(oid);
    if (!kept) return [{ table, column: null }];
    return columns
      .filter((column) => !kept.columns.includes(column))
      .map((column) => ({ table, column }));
  });
}

function isOpaque({ tree }: Statement): boolean {
  return OPAQUE.some((kind) => kind in tree);
}

interface NamedTarget {
  schema: string | null;
  name: string | null;
  column: string | null;
}

/** What a statement takes away, by the names in it. */
function targetsOf(tree: Node): NamedTarget[] {
  if ("DropStmt" in tree) {
    const { removeType, objects = [] } = tree.DropStmt;
    const names = objects.map(partsOf);
    if (removeType === "OBJECT_SCHEMA") {
      return names.map(([schema = null]) => ({ schema, name: null, column: null }));
    }
    if (removeType !== "OBJECT_TABLE") return [];
    return names.map((parts) => tableTarget(parts.at(-2), parts.at(-1)));
  }
  if ("TruncateStmt" in tree) {
    return (tree.TruncateStmt.relations ?? []).flatMap((relation) =>
      "RangeVar" in relation
        ? [tableTarget(relation.RangeVar.schemaname, relation.RangeVar.relname)]
        : [],
    );
  }
  if ("DeleteStmt" in tree) {
    const { relation } = tree.DeleteStmt;
    return [tableTarget(relation?.schemaname, relation?.relname)];
  }
  if ("AlterTableStmt" in tree) {
    const { relation, cmds = [] } = tree.AlterTableStmt;
    return cmds.flatMap((command) =>
      "AlterTableCmd" in command && command.AlterTableCmd.subtype === "AT_DropColumn"
        ? [
            {
              ...tableTarget(relation?.schemaname, relation?.relname),
              column: command.AlterTableCmd.name ?? null,
            },
          ]
        : [],
    );
  }
  return [];
}

function tableTarget(schema: string | undefined, name: string | undefined): NamedTarget {
  return { schema: schema ?? null, name: name ?? null, column: null };
}

function partsOf(node: Node): string[] {
  if ("String" in node) return [node.String.sval ?? ""];
  return "List" in node ? (node.List.items ?? []).flatMap(partsOf) : [];
}

/** The targets that are there and take up room, quoted; a table without a page has no row. */
async function existing(script: Script, targets: readonly NamedTarget[]): Promise<Target[]> {
  if (targets.length === 0) return [];
  const asked = [literal(JSON.stringify(targets))];
  const answer = addReading(script, () =>
    script.addPrepared<Target>("loss_targets", TARGETS_QUERY, asked),
  );
  await script.run();
  return answer.rows;
}

/** Tables that may hold rows, by object identifier, with their columns. */
async function readColumns(
  client: ClientBase,
): Promise<Map<number, { table: string; columns: string[] }>> {
  const { rows } = await client.query<{ oid: number; table: string; columns: string[] }>(
    `select c.oid::bigint::float8 as oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as table,
            coalesce(pg_catalog.array_agg(pg_catalog.quote_ident(a.attname)), '{}') as columns
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       left join pg_catalog.pg_attribute a
         on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where (c.relkind = 'p' or c.relkind = 'r' and pg_catalog.pg_relation_size(c.oid) > 0)
        and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrations')
        and pg_catalog.pg_has_role(c.relowner, 'member')
      group by c.oid, n.nspname, c.relname`,
  );
  return new Map(rows.map(({ oid, table, columns }) => [oid, { table, columns }]));
}

/** Counts up to {@link MOST_COUNTED}, and one more when there are more. */
async function countRows(client: ClientBase, { table, column }: Target): Promise<number> {
  await client.query(`savepoint counting; alter table ${table} no force row level security`);
  const { rows } = await client.query<{ found: number }>(
    `select count(*)::integer as found from (
       select from ${table} ${column === null ? "" : `where ${column} is not null`}
        limit ${MOST_COUNTED + 1}) as counted`,
  );
  await client.query("rollback to savepoint counting; release savepoint counting");
  return rows[0]?.found ?? 0;
}
