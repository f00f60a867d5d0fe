import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { splitStatements } from "@app-data/rules";
import type { Client } from "pg";
import { readTrios } from "../../../migrator/src";

/** Rows of the table that the migrations work on. */
export const ROWS = 250;

const FILES = {
  "000_items": {
    forward: `create type public.mood as enum ('sad', 'ok');
create table public.items (
  id integer primary key, visits integer not null, mood public.mood not null
);
create index items_mood on public.items (mood);
alter table public.items enable row level security;
alter table public.items force row level security;
create policy items_migrator on public.items to migrator using (true) with check (true);
insert into public.items select n, 0, 'ok' from pg_catalog.generate_series(1, ${ROWS}) as n;
`,
    rollback: `-- rebuilt: public.items
drop table public.items;
drop type public.mood;
`,
    verify:
      "select 1 / (count(*) = 1)::integer from pg_catalog.pg_class where relname = 'items_mood';\n",
  },
  "001_moods": {
    forward: `alter table public.items add column note text;
create index concurrently items_visits on public.items (visits);
alter type public.mood add value 'glad';
update public.items set mood = 'glad', visits = visits + 10 where id <= 10;
alter table public.items add constraint items_visits_positive check (visits >= 0);
drop index concurrently public.items_mood;
comment on table public.items is 'What was visited.';
`,
    rollback: `-- rebuilt: public.items
comment on table public.items is null;
create index concurrently items_mood on public.items (mood);
alter table public.items drop constraint items_visits_positive;
update public.items set mood = 'ok', visits = visits - 10 where mood = 'glad';
drop index concurrently public.items_visits;
alter table public.items drop column note;
alter type public.mood rename to mood_with_glad;
create type public.mood as enum ('sad', 'ok');
alter table public.items alter column mood type public.mood using mood::text::public.mood;
drop type public.mood_with_glad;
`,
    verify:
      "select 1 / (count(*) = 1)::integer from pg_catalog.pg_class where relname = 'items_visits';\n",
  },
  "002_visits": {
    forward: `alter table public.items add column seen boolean not null default false;
-- batch: table public.items, key id, size 100, pause 0ms, target 60s
update public.items i set visits = i.visits + 1, seen = true
where true /* batch: i.id */;
`,
    rollback: `-- rebuilt: public.items
-- batch: table public.items, key id, size 100, pause 0ms, target 60s
update public.items i set visits = i.visits - 1
where true /* batch: i.id */;
alter table public.items drop column seen;
`,
    verify: "select 1 / (count(*) = 0)::integer from public.items where not seen;\n",
  },
} as const;

/**
 * Writes three migrations into a folder: one that is a transaction; one of transactions with a concurrent
 * index, a new enum value and a concurrent drop between them; one of batches. A statement that ran twice,
 * or not at all, shows in the rows. Their rollbacks are of the same kinds.
 */
export function writeThreeMigrations(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, { forward, rollback, verify }] of Object.entries(FILES)) {
    writeFileSync(path.join(directory, `${name}.sql`), forward);
    writeFileSync(path.join(directory, `${name}_rollback.sql`), rollback);
    writeFileSync(path.join(directory, `${name}_verify.sql`), verify);
  }
}

/**
 * The statements that a command runs of the folder, in order: the start of each, since batches write a
 * range into theirs.
 */
export async function readStatements(
  directory: string,
  command: "up" | "rollback",
): Promise<string[]> {
  const trios = readTrios(directory);
  const files =
    command === "up"
      ? trios.map((trio) => trio.forward)
      : trios.map((trio) => trio.rollback).reverse();
  const statements = await Promise.all(files.map(({ sql, file }) => splitStatements(sql, file)));
  return statements.flat().map(({ text }) => text.split(" /* batch:")[0] ?? text);
}

/** What a run leaves in a database, without what differs from run to run. */
export interface Outcome {
  /** The rows by what they hold, or null without the table. */
  rows: unknown;
  /** Events of the log by version, in order. */
  log: string[];
  /** Migration, event, step and state for what the journal holds. */
  journal: string[];
  /** Indexes that enforce and speed up nothing. */
  invalid: string[];
}

/** Reads, as a superuser, what the three migrations have made. */
export async function readOutcome(superuser: Client): Promise<Outcome> {
  const list = async (sql: string) =>
    (await superuser.query<{ line: string }>(sql)).rows.map(({ line }) => line);
  const [there] = await list("select to_regclass('public.items')::text as line");
  return {
    rows: there
      ? (
          await superuser.query(
            "select mood::text, visits, to_jsonb(i) - 'id' - 'mood' - 'visits' as rest, count(*)::integer " +
              "from public.items i group by 1, 2, 3 order by 1, 2, 3",
          )
        ).rows
      : null,
    log: await list("select version || ' ' || event as line from migrations.log order by id"),
    journal: await list(
      `select l.version || ' ' || l.event || ' ' || j.step || ' ' || j.state ||
              coalesce(' ' || (j.checkpoint ->> 'keys'), '') as line
         from migrations.journal j join migrations.log l on l.id = j.run order by j.id`,
    ),
    invalid: await list(
      "select indexrelid::regclass::text as line from pg_index where not indisvalid",
    ),
  };
}
