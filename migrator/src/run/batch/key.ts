import { quoteName } from "@app-data/rules";
import type { ClientBase } from "pg";
import { CODES, MigratorError } from "../../errors";
import { quote } from "../../sql/batch/marks";
import type { BatchDirective } from "../../sql/batch/directive";

/** A table's key, as statements need it. */
export interface WalkedKey {
  /** The table's name as SQL. */
  table: string;
  columns: KeyColumn[];
}

/** One column of a key. */
export interface KeyColumn {
  /** Its name as SQL. */
  name: string;
  /** Its type as SQL, without a length. */
  type: string;
  /** ` collate …` for a text, else empty: two columns may compare text differently. */
  collate: string;
}

/** Keys that follow each other. */
export interface Page {
  /** How many there are: fewer than were asked for when there are no more. */
  keys: number;
  /** The last of them, a text a column; null when there are none. */
  last: string[] | null;
}

/** What the catalog says of a column that a directive names. */
interface Column {
  name: string;
  nullable: boolean | null;
  typeName: string | null;
  type: string | null;
  collation: string | null;
}

// Types whose value reads back from its JSON form, whatever the session's settings are.
const TYPES: readonly (string | null)[] = [
  ...["uuid", "int2", "int4", "int8", "numeric", "text", "varchar"],
  ...["date", "timestamp", "timestamptz"],
];

const COLUMNS_QUERY = `
select k.name, not a.attnotnull as nullable, t.typname as "typeName",
       pg_catalog.format_type(a.atttypid, null) as type,
       (select pg_catalog.format('%I.%I', n.nspname, l.collname)
          from pg_catalog.pg_collation l join pg_catalog.pg_namespace n on n.oid = l.collnamespace
         where l.oid = a.attcollation) as collation
  from pg_catalog.pg_class c
 cross join unnest($2::text[]) with ordinality as k (name, position)
  left join pg_catalog.pg_attribute a
    on a.attrelid = c.oid and a.attname = k.name and a.attnum > 0 and not a.attisdropped
  left join pg_catalog.pg_type t on t.oid = a.atttypid
 where c.oid = pg_catalog.to_regclass($1) and c.relkind in ('r', 'p')
 order by k.position`;

// An index that starts with the key's columns, in their order, all of them in one direction
// (0 is ascending, 3 descending, which is read backwards).
const INDEX_QUERY = `
select exists (
  select from pg_catalog.pg_index i
    join pg_catalog.pg_class x on x.oid = i.indexrelid
    join pg_catalog.pg_am m on m.oid = x.relam
   where i.indrelid = pg_catalog.to_regclass($1) and m.amname = 'btree' and i.indisvalid
     and i.indpred is null and i.indoption[0] in (0, 3)
     and not exists (
       select from unnest($2::text[]) with ordinality as k (name, position)
         left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attname = k.name
        where i.indkey[k.position - 1] is distinct from a.attnum
           or i.indcollation[k.position - 1] is distinct from a.attcollation
           or i.indoption[k.position - 1] is distinct from i.indoption[0]
           or not (select o.opcdefault from pg_catalog.pg_opclass o
                    where o.oid = i.indclass[k.position - 1]))) as indexed`;

/**
 * Looks a directive's table and key up in the catalog.
 * @param place file and line of the directive, for the error.
 * @throws MigratorError MIG062 when the key cannot be walked: missing, nullable, of a type without a
 * portable text, or without an index.
 */
export async function readKey(
  client: ClientBase,
  { table, key }: BatchDirective,
  place: string,
): Promise<WalkedKey> {
  const name = quoteName(table);
  const refuse = (found: string): never => {
    throw new MigratorError(CODES.badBatchKey, `${place}: ${found}`);
  };
  const { rows } = await client.query<Column>(COLUMNS_QUERY, [name, key]);
  if (rows.length === 0) refuse(`there is no table ${name}. Name the table whose keys are walked.`);
  for (const column of rows) {
    const named = `column ${column.name} of table ${name}`;
    if (column.typeName === null) refuse(`there is no ${named}.`);
    if (column.nullable) {
      refuse(
        `${named} may be null, and rows without a key are in no range. Choose a key that is not null.`,
      );
    }
    if (!TYPES.includes(column.typeName)) {
      refuse(
        `${named} is of type ${column.type}, and a key must be of one of the types ${TYPES.join(", ")}.`,
      );
    }
  }
  const { rows: found } = await client.query<{ indexed: boolean }>(INDEX_QUERY, [name, key]);
  if (!found[0]?.indexed) {
    refuse(
      `table ${name} has no valid index that starts with (${key.join(", ")}), so each batch would read ` +
        "all of it. Choose a key that has one, or build it in a migration before this one.",
    );
  }
  return {
    table: name,
    columns: rows.map((column) => ({
      name: quote(column.name),
      type: column.type ?? "",
      collate: column.collation === null ? "" : ` collate ${column.collation}`,
    })),
  };
}

/** Finds the next keys after one, by the index; from the first when there is none. */
export async function readPage(
  client: ClientBase,
  { table, columns }: WalkedKey,
  after: string[] | null,
  size: number,
): Promise<Page> {
  const names = columns.map(({ name }) => name).join(", ");
  const values = columns.map(({ type }, index) => `$${index + 1}::${type}`).join(", ");
  // The JSON form of a time has its zone and all its digits; a text's quotes are taken off.
  const texts = columns.map(({ name }) => `to_jsonb(${name}) #>> '{}'`).join(", ");
  const { rows } = await client.query<{ keys: string; last: string[] }>(
    `select numbered.number as keys, array[${texts}] as last
       from (select ${names}, row_number() over (order by ${names}) as number
               from ${table} ${after ? `where (${names}) > (${values})` : ""}
              order by ${names} limit ${size}) numbered
      order by numbered.number desc limit 1`,
    after ?? [],
  );
  return { keys: Number(rows[0]?.keys ?? 0), last: rows[0]?.last ?? null };
}

/** How many keys there are, by the planner's estimate, which reads no row. */
export async function estimateKeys(client: ClientBase, { table }: WalkedKey): Promise<number> {
  const { rows } = await client.query<{ "QUERY PLAN": unknown }>(
    `explain (format json) select from ${table}`,
  );
  const plan: unknown = rows[0]?.["QUERY PLAN"];
  const estimate = /"Plan Rows":\s*(\d+)/.exec(JSON.stringify(plan))?.[1];
  return Number(estimate ?? 0);
}
