import type { Statement } from "@app-data/rules";
import type { AlterTableStmt, IndexStmt, Node, ReindexStmt } from "libpg-query";
import type { ClientBase } from "pg";
import { CODES, MigratorError } from "../../errors";
import type { SqlFile } from "../../files/trio";

/** What is left of a statement that runs in no transaction. */
export interface Remains {
  /** Its effect is there: it need not run again. */
  done: boolean;
}

interface RelationName {
  schema: string;
  name: string;
}

/**
 * Refuses what could not be told from a stranger's work after an interruption.
 * @throws MigratorError MIG002 for a concurrent index without a name.
 */
export function refuseUnnamed({ tree, line, column }: Statement, { file }: SqlFile): void {
  if (!("IndexStmt" in tree) || !tree.IndexStmt.concurrent || tree.IndexStmt.idxname) return;
  throw new MigratorError(
    CODES.transactionControl,
    `${file}:${line}:${column}: an index that is created concurrently must be named, so that a run ` +
      "that was interrupted finds it again. Write: create index concurrently NAME on …",
  );
}

/**
 * Clears away what an earlier try of the statement left half-way, and says whether its effect is there.
 * An index that a failed `create index concurrently` leaves is INVALID: it enforces and speeds up
 * nothing, yet `if not exists` takes it for the real one, so it is dropped.
 * @param interrupted whether this migrator had started the statement before.
 */
export async function clearRemains(
  client: ClientBase,
  { tree }: Statement,
  interrupted: boolean,
): Promise<Remains> {
  if ("IndexStmt" in tree) {
    const name = indexName(tree.IndexStmt);
    const valid = await indexState(client, name);
    if (valid === false) await dropIndex(client, name);
    return { done: interrupted && valid === true };
  }
  if ("ReindexStmt" in tree) await dropTransient(client, tree.ReindexStmt);
  if (!interrupted) return { done: false };
  if ("DropStmt" in tree) {
    for (const name of (tree.DropStmt.objects ?? []).map(nameOf)) {
      if ((await indexState(client, name)) !== undefined) return { done: false };
    }
    return { done: true };
  }
  if ("AlterEnumStmt" in tree) {
    const { typeName = [], newVal } = tree.AlterEnumStmt;
    const [name, schema] = partsOf(typeName).reverse();
    const { rowCount } = await client.query(
      `select from pg_catalog.pg_enum e
         join pg_catalog.pg_type t on t.oid = e.enumtypid
         join pg_catalog.pg_namespace n on n.oid = t.typnamespace
        where n.nspname = $1 and t.typname = $2 and e.enumlabel = $3`,
      [schema, name, newVal],
    );
    return { done: rowCount === 1 };
  }
  if ("AlterTableStmt" in tree) return { done: await finishDetach(client, tree.AlterTableStmt) };
  return { done: false };
}

/**
 * Makes sure that an index that was created concurrently is valid.
 * @throws MigratorError MIG016 when it is not.
 */
export async function demandValid(client: ClientBase, { tree }: Statement): Promise<void> {
  if (!("IndexStmt" in tree)) return;
  const name = indexName(tree.IndexStmt);
  if ((await indexState(client, name)) === true) return;
  throw new MigratorError(
    CODES.invalidIndex,
    `The index ${name.schema}.${name.name} is not valid after it was created. Look for an index of ` +
      "that name on another table, or for what dropped it, and run the migrator again.",
  );
}

/** True for a valid index, false for an INVALID one, undefined when there is none. */
async function indexState(client: ClientBase, name: RelationName): Promise<boolean | undefined> {
  const { rows } = await client.query<{ valid: boolean }>(
    `select i.indisvalid as valid from pg_catalog.pg_index i
       join pg_catalog.pg_class c on c.oid = i.indexrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2`,
    [name.schema, name.name],
  );
  return rows[0]?.valid;
}

async function dropIndex(client: ClientBase, name: RelationName): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    "select pg_catalog.format('drop index concurrently if exists %I.%I', $1::text, $2::text) as statement",
    [name.schema, name.name],
  );
  for (const { statement } of rows) await client.query(statement);
}

/**
 * Drops the INVALID copies that an interrupted `reindex concurrently` leaves beside the originals, of the
 * tables that it is about.
 */
async function dropTransient(
  client: ClientBase,
  { kind, relation, name }: ReindexStmt,
): Promise<void> {
  const { rows } = await client.query<RelationName>(
    `with target as (
       select coalesce(i.indrelid, c.oid) as oid from pg_catalog.pg_class c
         left join pg_catalog.pg_index i on i.indexrelid = c.oid
        where c.oid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1::text, $2::text))
     )
     select n.nspname as schema, c.relname as name from pg_catalog.pg_index i
       join pg_catalog.pg_class c on c.oid = i.indexrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'
        and case when $2::text is null then $3::text is null or n.nspname = $3
            else i.indrelid in (
              select oid from target
              union all
              select p.relid from target, pg_catalog.pg_partition_tree(target.oid) p)
            end`,
    [
      relation?.schemaname ?? "public",
      relation?.relname,
      kind === "REINDEX_OBJECT_SCHEMA" ? name : null,
    ],
  );
  for (const name of rows) await dropIndex(client, name);
}

/**
 * Ends a `detach partition concurrently` that was cut off between its two transactions.
 * @returns whether the table is a partition no longer.
 */
async function finishDetach(
  client: ClientBase,
  { relation, cmds }: AlterTableStmt,
): Promise<boolean> {
  const [command] = cmds ?? [];
  const definition = command && "AlterTableCmd" in command ? command.AlterTableCmd.def : undefined;
  const partition =
    definition && "PartitionCmd" in definition ? definition.PartitionCmd.name : undefined;
  const { rows } = await client.query<{ pending: boolean; statement: string }>(
    `select i.inhdetachpending as pending,
            pg_catalog.format('alter table %s detach partition %s finalize',
              i.inhparent::pg_catalog.regclass, i.inhrelid::pg_catalog.regclass) as statement
       from pg_catalog.pg_inherits i
      where i.inhparent = pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1::text, $2::text))
        and i.inhrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', $3::text, $4::text))`,
    [relation?.schemaname, relation?.relname, partition?.schemaname, partition?.relname],
  );
  for (const { pending, statement } of rows) if (pending) await client.query(statement);
  return rows.every(({ pending }) => pending);
}

/** An index is made in the schema of its table. */
function indexName({ relation, idxname = "" }: IndexStmt): RelationName {
  return { schema: relation?.schemaname ?? "public", name: idxname };
}

function nameOf(object: Node): RelationName {
  const parts = partsOf("List" in object ? (object.List.items ?? []) : []);
  return { schema: parts.at(-2) ?? "public", name: parts.at(-1) ?? "" };
}

function partsOf(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => ("String" in node ? [node.String.sval ?? ""] : []));
}
