import type { SqlFile } from "@app-data/rules";
import type { ClientBase } from "pg";
import { isNumber, isText } from "./candidate-values";
import type { Catalog, Relation } from "./catalog";
import type { Fill } from "./fill";
import type { Links } from "./links";
import type { OwnRows } from "./row-planner";
import { quoteIdentifier, quoteText } from "./statements";
import type { World } from "./worlds";

/** How many of the rows that migrations made a table keeps: with more of them, attempts only take longer. */
const MOST_OWN_ROWS = 100;

/** A partitioned table without partitions holds no rows that could be tried. */
export async function givePartitions(client: ClientBase): Promise<void> {
  await client.query(`do $$ declare parent record; begin
    for parent in select c.oid, c.oid::regclass as name, p.partstrat from pg_class c
      join pg_partitioned_table p on p.partrelid = c.oid
      where not exists (select from pg_inherits i where i.inhparent = c.oid)
    loop
      execute format('create table app_data_trial.partition_%s partition of %s %s', parent.oid, parent.name,
        case parent.partstrat when 'h' then 'for values with (modulus 1, remainder 0)' else 'default' end);
    end loop;
  end $$`);
}

/** Remembers by which values rows name the users of worlds. */
export async function rememberUsers(client: ClientBase, worlds: readonly World[]): Promise<void> {
  const users = worlds.flatMap(({ index, id, number, email }) =>
    [id, number, email].map((text) => `(${quoteText(text)}, ${index}, true)`),
  );
  await client.query(`insert into app_data_trial.key values ${users.join(", ")}`);
}

/**
 * Runs seed files: rows that the trial cannot make up. They name the users of worlds as
 * `current_setting('trial.user_a')` to `current_setting('trial.user_d')`.
 */
export async function runSeeds(
  client: ClientBase,
  worlds: readonly World[],
  seeds: readonly SqlFile[],
): Promise<void> {
  if (seeds.length === 0) return;
  const settings = worlds.map(
    ({ name, id }) => `set_config('trial.user_${name.toLowerCase()}', ${quoteText(id)}, false)`,
  );
  await client.query(`select ${settings.join(", ")}`);
  // Rows may refer to those that the trial adds later.
  await client.query("set session_replication_role = replica");
  for (const { sql } of seeds) await client.query(sql);
  await client.query("set session_replication_role = origin");
}

/** Leaves few of the rows that migrations made, and tells what those take up. */
export async function thinOut(client: ClientBase, { relations }: Catalog): Promise<OwnRows> {
  const firstNumbers = new Map<string, number>();
  const keys = new Map<string, string[]>();
  const tables = relations.filter(({ kind }) => kind === "r");
  if (tables.length === 0) return { firstNumbers, keys };
  const counts = tables.map(
    ({ id, sql }) =>
      `select ${id}::bigint as id, (select count(*) from (select from only ${sql} limit ${MOST_OWN_ROWS + 1}) t)::integer as rows`,
  );
  const { rows } = await client.query<{ id: string; rows: number }>(counts.join(" union all "));
  for (const table of tables) {
    const count = rows.find(({ id }) => Number(id) === table.id)?.rows ?? 0;
    if (count === 0) continue;
    if (count > MOST_OWN_ROWS) {
      await client.query(`set session_replication_role = replica;
        delete from only ${table.sql} where ctid not in (select ctid from only ${table.sql} limit ${MOST_OWN_ROWS});
        set session_replication_role = origin`);
    }
    for (const column of table.columns) {
      if (!table.uniques.some((columns) => columns.includes(column.name))) continue;
      const query = `select array_agg(${quoteIdentifier(column.name)}::text) as taken from only ${table.sql}`;
      const taken = (await client.query<{ taken: (string | null)[] | null }>(query)).rows[0]?.taken;
      const values = (taken ?? []).filter((value) => value !== null);
      keys.set(`${table.id} ${column.name}`, values);
      const most = Math.max(1000, ...values.map(Number).filter(Number.isFinite));
      if (isNumber(column)) firstNumbers.set(`${table.id} ${column.name}`, Math.floor(most) + 1);
    }
  }
  return { firstNumbers, keys };
}

/** Remembers whose world each row is, and what ids of rows there are. */
export async function rememberRows(
  client: ClientBase,
  worlds: readonly World[],
  { relations }: Catalog,
  links: Links,
  fill: Fill,
): Promise<void> {
  const tables = relations.filter(({ kind }) => kind === "r");
  if (tables.length === 0) return;
  const keys = tables.flatMap((relation) => {
    const isTarget = relations.some((other) =>
      links.of(other).some(({ targets }) => targets.some((one) => one.relation === relation)),
    );
    const unique = relation.columns.filter(
      ({ name, base }) =>
        (base === "uuid" || isTarget) &&
        relation.uniques.some((columns) => columns.join() === name),
    );
    if (links.isReference(relation)) return [];
    return worlds.flatMap(({ index }) =>
      (fill.of(relation).rows[index] ?? []).flatMap((row) =>
        unique.flatMap(({ name }) => {
          const value = row[name] ?? null;
          const isUser = links.usersKey(relation) === name;
          return value === null ? [] : [`(${quoteText(value)}, ${index}, ${String(isUser)})`];
        }),
      ),
    );
  });
  const watched = tables.map((relation) => {
    const texts = [links.refersExpression(relation), wordsExpression(relation)];
    const isShared = String(links.isShared(relation));
    const linking = links.of(relation).flatMap(({ columns }) => columns);
    const plain = relation.columns
      .filter((one) => isText(one) && one.generated === "" && !linking.includes(one.name))
      .map(({ name }) => quoteIdentifier(name));
    return `(${relation.id}, ${quoteText(relation.sql)}, ${isShared}, ${texts.map(quoteText).join(", ")}, array[${plain.map(quoteText).join(", ")}]::text[])`;
  });
  await client.query(`
    ${keys.length > 0 ? `insert into app_data_trial.key values ${keys.join(", ")} on conflict do nothing;` : ""}
    insert into app_data_trial.watched values ${watched.join(", ")};
    select app_data_trial.remember()`);
}

/** What must stay as it is of a row that is nobody's: triggers may count in it, and stamp the time. */
function wordsExpression({ columns }: Relation): string {
  const counts = columns
    .filter((column) => isNumber(column) || /^(?:timestamp|date)/.test(column.base))
    .map(({ name }) => quoteText(name));
  return `md5((to_jsonb(t) - array[${counts.join(", ")}]::text[])::text)`;
}
