import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { type BatchProgress, describeProgress } from "../../migrator/src/run/batch";
import { type TestDatabase, createDatabase } from "../support/database";
import {
  createCheckpoints,
  itemsTable,
  runFile,
  saveCheckpoint,
  savedCheckpoint,
} from "./batch-fixture";

let database: TestDatabase;
let migrator: Client;
let superuser: Client;

beforeEach(async () => {
  database = await createDatabase();
  migrator = await database.connect("migrator");
  superuser = await database.connect("postgres");
  await createCheckpoints(migrator);
});
afterEach(() => database.drop());

/** Two equal tables, one for batches and one for the whole, filled by SQL that gives the columns. */
async function twins(columns: string, fill: string): Promise<void> {
  await migrator.query(itemsTable("items", columns));
  await superuser.query(`insert into public.items ${fill}`);
  await migrator.query(itemsTable("whole", "like public.items including all"));
  await superuser.query("insert into public.whole select * from public.items");
  await superuser.query("analyze public.items, public.whole");
}

/** How many rows of one twin are not in the other, both ways. */
async function differences(): Promise<number> {
  const { rows } = await superuser.query<{ count: number }>(`
    select count(*)::integer as count from (
      (table public.items except all table public.whole) union all
      (table public.whole except all table public.items)) d`);
  return rows[0]?.count ?? -1;
}

/** How many rows each number of visits has. */
async function visits(): Promise<Record<string, number>> {
  const { rows } = await superuser.query<{ visits: Record<string, number> }>(
    `select jsonb_object_agg(visits, rows) as visits
       from (select visits, count(*) as rows from public.items group by visits) v`,
  );
  return rows[0]?.visits ?? {};
}

const VISIT = `-- batch: table public.items, key id, size 2000, pause 0ms
update public.items i set visits = visits + 1 where true /* batch: i.id */;`;
const NUMBERED = "id bigint primary key, visits integer not null default 0";

describe("batches", () => {
  it.each([
    ["a uuid", "gen_random_uuid()", "uuid", 120_000],
    [
      "a bigint, with gaps and below zero",
      "n * n * case when n % 2 = 0 then -1 else 1 end",
      "bigint",
      20_000,
    ],
    [
      "a text",
      "case when n % 3 = 0 then 'É' else 'ab' end || md5(n::text) || ' ''q\\' || n",
      "text",
      20_000,
    ],
    [
      "a time",
      "timestamptz '2026-03-29 00:59:59.999999+01' + n * interval '1.000001 s'",
      "timestamptz",
      20_000,
    ],
  ])("are equal to one statement, keyed by %s", async (_name, key, type, count) => {
    await twins(
      `id ${type} primary key, n integer, note text`,
      `select ${key}, n, null from generate_series(1, ${count}) n`,
    );
    // The session's settings must not matter for what a checkpoint says of a key.
    await migrator.query("set datestyle = 'German, DMY'; set timezone = 'Asia/Kathmandu'");
    const sql = (table: string) => `-- batch: table public.items, key id, size 1500, pause 0ms
      update public.${table} t set n = t.n * 2, note = 'é' || t.id
      where (t.n % 5 <> 0 or t.n < 9) /* batch: t.id */;`;
    const progress: BatchProgress[] = [];
    const outcome = await runFile(migrator, sql("items"), { report: (p) => progress.push(p) });
    const whole = await migrator.query(sql("whole"));

    expect(outcome.rows).toBe(whole.rowCount);
    expect(outcome.batches).toBeGreaterThanOrEqual(count / 1_500);
    expect(await differences()).toBe(0);
    expect(progress).toHaveLength(outcome.batches);
    expect(progress.at(-1)).toMatchObject({ keys: count, estimatedKeys: count, finished: true });
    expect(progress.at(-1)).toMatchObject({ rows: outcome.rows, remainingSeconds: 0 });
  });

  it("are equal to one statement, keyed by several columns of which one repeats", async () => {
    await twins(
      "a text not null, b integer not null, n integer, primary key (a, b)",
      "select 'k' || n % 7, n, n from generate_series(1, 20000) n",
    );
    const sql = (table: string) => `-- batch: table public.items, key (a, b), size 700, pause 0ms
      delete from public.${table} t where n % 3 = 0 /* batch: (t.a, t.b) */`;
    const { batches } = await runFile(migrator, sql("items"));
    await migrator.query(sql("whole"));
    expect(batches).toBeGreaterThan(20);
    expect(await differences()).toBe(0);
  });

  it("take all rows of a key that is not unique at once", async () => {
    await twins(
      "day date not null, n integer",
      "select date '2026-01-01' + n % 10, n from generate_series(1, 20000) n",
    );
    await migrator.query("create index on public.items (day desc)");
    const sql = (table: string) => `-- batch: table public.items, key day, size 500, pause 0ms
      update public.${table} t set n = n + 1 where true /* batch: t.day */`;
    expect(await runFile(migrator, sql("items"))).toEqual({ rows: 20_000, batches: 11 });
    await migrator.query(sql("whole"));
    expect(await differences()).toBe(0);
  });

  it("reach rows whose marked column is null, or beyond every key of the walked table", async () => {
    await migrator.query(itemsTable("keys", "a integer, b integer, primary key (a, b)"));
    await migrator.query("insert into public.keys select n, n from generate_series(1, 5000) n");
    await twins(
      "id integer, a integer, b integer, n integer not null default 0",
      `select n, case when n % 11 <> 0 then n - 100 end, case when n % 13 <> 0 then n - 100 end, 0
         from generate_series(1, 6000) n`,
    );
    const sql = (table: string) => `-- batch: table public.keys, key (a, b), size 300, pause 0ms
      update public.${table} t set n = n + 1 where true /* batch: (t.a, t.b) */`;
    expect(await runFile(migrator, sql("items"))).toMatchObject({ rows: 6_000 });
    await migrator.query(sql("whole"));
    expect(await differences()).toBe(0);
  });

  it("move rows from one table to another", async () => {
    await twins(NUMBERED, "select n, n % 4 from generate_series(1, 10000) n");
    await migrator.query(itemsTable("old", "like public.items including all"));
    await runFile(
      migrator,
      `-- batch: table public.items, key id, size 400, pause 0ms
       with gone as (
         delete from public.items i where i.visits = 0 /* batch: i.id */ returning i.*
       )
       insert into public.old select g.* from gone g where true /* batch: g.id */`,
    );
    expect(await visits()).toEqual({ 1: 2_500, 2: 2_500, 3: 2_500 });
    await migrator.query("insert into public.items table public.old");
    expect(await differences()).toBe(0);
  });

  it("of nothing are one batch that writes nothing", async () => {
    await migrator.query(itemsTable("items", NUMBERED));
    const lines: string[] = [];
    const report = (p: BatchProgress) => lines.push(describeProgress(p));
    expect(await runFile(migrator, VISIT, { report })).toEqual({ rows: 0, batches: 1 });
    expect(lines).toEqual([
      "████████████████████████ 100 %, 0 keys, 0 rows written in 1 batches, 0 keys/s",
    ]);
  });

  it("go on after the last checkpoint, and do nothing when they are finished", async () => {
    await migrator.query(itemsTable("items", NUMBERED));
    await migrator.query("insert into public.items select n from generate_series(1, 10000) n");
    const stopped = runFile(migrator, VISIT, {
      saveCheckpoint: async (client, checkpoint) => {
        await saveCheckpoint(client, checkpoint);
        if (checkpoint.batches === 3) throw new Error("disk full");
      },
    });
    // Thrown inside the transaction of the third batch: its rows and its checkpoint are gone.
    await expect(stopped).rejects.toThrow(
      /^MIG065 sql\/002_test\.sql:1: batch 3 failed and was undone; the 2 before it are committed and stay \(1500 rows written\)\.\ndisk full\nRun the migration again: it goes on with this batch\.$/,
    );
    expect(await visits()).toEqual({ 0: 8_500, 1: 1_500 });

    const checkpoint = await savedCheckpoint(migrator);
    expect(checkpoint).toMatchObject({ after: ["1500"], keys: 1_500, rows: 1_500, batches: 2 });
    const progress: BatchProgress[] = [];
    await runFile(migrator, VISIT, {
      ...(checkpoint && { checkpoint }),
      report: (p) => progress.push(p),
    });
    expect(await visits()).toEqual({ 1: 10_000 });
    expect(progress.map(({ batches }) => batches)[0]).toBe(3);

    const finished = await savedCheckpoint(migrator);
    const again = await runFile(migrator, VISIT, { ...(finished && { checkpoint: finished }) });
    expect(again.rows).toBe(10_000);
    expect(await visits()).toEqual({ 1: 10_000 });
  });

  it("refuse the checkpoint of another statement, but no other comment, layout or size", async () => {
    await migrator.query(itemsTable("items", NUMBERED));
    await runFile(migrator, VISIT);
    const checkpoint = await savedCheckpoint(migrator);
    if (!checkpoint) throw new Error("There is no checkpoint.");
    const resume = (sql: string) => runFile(migrator, sql, { checkpoint });
    for (const edited of [
      VISIT.replace("+ 1", "+ 2"),
      VISIT.replace("i.id */", "id */"),
      VISIT.replace("table public.items", "table public.others"),
    ]) {
      await expect(resume(edited)).rejects.toThrow(
        /^MIG064 sql\/002_test\.sql:2: 1 batches \(0 rows written\) were committed by another statement \(SHA-256 [0-9a-f]{64}\) than the file has now \([0-9a-f]{64}\)\. Restore the statement, its marks and its key/,
      );
    }
    const same = VISIT.replace("where", "/* all */\n where").replace("size 2000", "size 9");
    await expect(resume(same)).resolves.toMatchObject({ batches: 1 });
  });

  it("show where a statement failed, keep what was done before, and go on when it is corrected", async () => {
    await migrator.query(itemsTable("items", "id bigint primary key, visits integer, word text"));
    await migrator.query(
      "insert into public.items select n, 0, case when n = 5000 then 'x' else n::text end from generate_series(1, 10000) n",
    );
    const sql = `-- batch: table public.items, key id, size 1000, pause 0ms
update public.items i set visits = visits + word::integer / word::integer
where true /* batch: i.id */
  and 'é' <> '';`;
    const error: unknown = await runFile(migrator, sql).catch((e: unknown) => e);
    expect(String(error)).toBe(
      [
        "MigratorError: MIG065 sql/002_test.sql:1: batch 6 failed and was undone; the 5 before it are " +
          "committed and stay (4500 rows written).",
        'MIG005 sql/002_test.sql:2:1: invalid input syntax for type integer: "…" (SQLSTATE 22P02).',
        "2 | update public.items i set visits = visits + word::integer / word::integer",
        "  | ^",
        "3 | where true /* batch: i.id */",
        "4 |   and 'é' <> ''",
        "Correct the data that the statement meets and run the migration again: it goes on with this " +
          "batch. To change the statement itself, roll the migration back first.",
      ].join("\n"),
    );
    await superuser.query("update public.items set word = '1' where id = 5000");
    const checkpoint = await savedCheckpoint(migrator);
    await runFile(migrator, sql, { ...(checkpoint && { checkpoint }) });
    expect(await visits()).toEqual({ 1: 10_000 });
  });

  it("show the place of an error behind a mark as it is in the file", async () => {
    await migrator.query(itemsTable("items", NUMBERED));
    await migrator.query("insert into public.items select n from generate_series(1, 600) n");
    const sql = `-- batch: table public.items, key id
update public.items i set visits = 1
where 'é' <> '' /* batch: i.id */ and i.wrong > 1`;
    await expect(runFile(migrator, sql)).rejects.toThrow(
      /\nMIG005 sql\/002_test\.sql:3:39: column i\.wrong does not exist \(SQLSTATE 42703\)\.\n/,
    );
  });
});

describe("the key of batches", () => {
  const columns = `id bigint primary key, n integer, free bigint, big interval not null unique, plain bigint not null,
    part bigint not null, low bigint not null, high bigint not null`;
  beforeEach(async () => {
    await migrator.query(itemsTable("items", columns));
    await migrator.query(`create index on public.items (part) where part > 0;
      create index on public.items (low desc, high); create index on public.items (high desc, low desc);
      create view public.shown as select * from public.items`);
  });

  const index = (key: string) =>
    `table public.items has no valid index that starts with (${key}), so each batch would read all of ` +
    "it. Choose a key that has one, or build it in a migration before this one.";

  it.each([
    ["other", "id", "there is no table public.other. Name the table whose keys are walked."],
    ["shown", "id", "there is no table public.shown. Name the table whose keys are walked."],
    ["items", "nobody", "there is no column nobody of table public.items."],
    [
      "items",
      "free",
      "column free of table public.items may be null, and rows without a key are in no range. Choose a key that is not null.",
    ],
    [
      "items",
      "big",
      "column big of table public.items is of type interval, and a key must be of one of the types uuid, int2, int4, int8, numeric, text, varchar, date, timestamp, timestamptz.",
    ],
    ["items", "plain", index("plain")],
    ["items", "part", index("part")],
    ["items", "(low, high)", index("low, high")],
  ])("is refused: %s, %s", async (table, key, found) => {
    const sql = `-- batch: table public.${table}, key ${key}
      update public.items i set n = 1 where true /* batch: ${key} */`;
    await expect(runFile(migrator, sql)).rejects.toThrow(`MIG062 sql/002_test.sql:1: ${found}`);
  });

  it.each(["id", "low", "(high, low)"])("may be %s", async (key) => {
    const sql = `-- batch: table public.items, key ${key}
      update public.items i set n = 1 where true /* batch: ${key} */`;
    await expect(runFile(migrator, sql)).resolves.toEqual({ rows: 0, batches: 1 });
  });
});

describe("batches beside other work", () => {
  beforeEach(async () => {
    await migrator.query(itemsTable("items", `${NUMBERED}, touched integer not null default 0`));
    await migrator.query(
      "insert into public.items (id) select n * 10 from generate_series(1, 100000) n",
    );
  });

  it("visit each row that was there once, while others insert, change and delete rows", async () => {
    let running = true;
    let longestMs = 0;
    const write = async (seed: number) => {
      const writer = await database.connect("postgres");
      for (let n = seed; running; n += 7) {
        const id = ((n * 7_919) % 100_000) * 10;
        const startedAt = Date.now();
        await writer.query("update public.items set touched = touched + 1 where id = $1", [id]);
        await writer.query("insert into public.items values ($1, 0, -1)", [id + seed]);
        await writer.query("delete from public.items where touched < 0 and id = $1", [id + seed]);
        longestMs = Math.max(longestMs, Date.now() - startedAt);
        await sleep(1);
      }
    };
    const writers = [1, 2, 3].map(write);
    const outcome = await runFile(migrator, VISIT.replace("size 2000", "size 5000, target 100ms"));
    running = false;
    await Promise.all(writers);

    expect(outcome.batches).toBeGreaterThan(15);
    expect(await visits()).toEqual({ 1: 100_000 });
    const { rows } = await superuser.query(
      "select sum(touched)::integer > 0 as touched from public.items",
    );
    expect(rows).toEqual([{ touched: true }]);
    // Two batches of the target, generously: three statements, on a busy machine.
    expect(longestMs).toBeLessThan(2_000);
  });

  it("visit rows that are inserted meanwhile behind the last key, and end all the same", async () => {
    let next = 1_000_001;
    const report = async ({ batches }: BatchProgress) => {
      if (batches > 20) return;
      next += 10;
      await superuser.query("insert into public.items values ($1)", [next]);
    };
    const waits: Promise<void>[] = [];
    await runFile(migrator, VISIT.replace("pause 0ms", "pause 5ms"), {
      report: (progress) => waits.push(report(progress)),
    });
    await Promise.all(waits);
    expect(await visits()).toEqual({ 1: 100_020 });
  });

  it("get smaller when a row is locked, and try again until it is free", async () => {
    await superuser.query("begin; update public.items set touched = 1 where id = 30000");
    const lines: string[] = [];
    const sizes: number[] = [];
    let keys = 0;
    const run = runFile(migrator, VISIT.replace("pause 0ms", "pause 0ms, target 5s"), {
      transaction: { lockTimeoutMs: 100, report: (line) => lines.push(line) },
      report: (progress) => {
        sizes.push(progress.keys - keys);
        keys = progress.keys;
      },
    });
    while (lines.length < 3) await sleep(20);
    // Rows that the stopped batch does not reach, and those it would, are free for others meanwhile.
    const other = await database.connect("postgres");
    await other.query(
      "set statement_timeout = 1000; update public.items set touched = 1 where id in (29990, 30010)",
    );
    await superuser.query("commit");
    await run;

    expect(lines[0]).toBe("Could not get a lock (SQLSTATE 55P03); try 2 of 10 follows.");
    // The third would have had 2000 keys, among them the locked one.
    expect(sizes.slice(0, 3)).toEqual([500, 1_000, 1_000]);
    expect(await visits()).toEqual({ 1: 100_000 });
  });

  it("fail with the statement when the row stays locked", async () => {
    await superuser.query("begin; update public.items set touched = 1 where id = 30000");
    const transaction = { lockTimeoutMs: 50, attempts: 2 };
    await expect(runFile(migrator, VISIT, { transaction })).rejects.toThrow(
      /^MIG065 .*\nMIG005 sql\/002_test\.sql:2:1: canceling statement due to lock timeout \(SQLSTATE 55P03\)\.\n/,
    );
    await superuser.query("rollback");
    expect((await savedCheckpoint(migrator))?.rows).toBe((await visits())["1"]);
  });

  it("wait for a row no longer than the lock timeout, also where they may take longer", async () => {
    await superuser.query("begin; update public.items set touched = 1 where id = 30000");
    const patient = VISIT.replace("size 2000", "size 2000, target 60s");
    expect(patient).toContain("target 60s");
    const began = Date.now();
    await expect(runFile(migrator, patient, { transaction: { attempts: 1 } })).rejects.toThrow(
      /lock timeout \(SQLSTATE 55P03\)/,
    );
    expect(Date.now() - began).toBeLessThan(20_000);
    await superuser.query("rollback");
  });

  it("get smaller when the server cuts a statement off for its time", async () => {
    const slow = `-- batch: table public.items, key id, size 1000, pause 0ms
      update public.items i set visits = visits + case when pg_catalog.pg_sleep(0.004) is null then 0 else 1 end
      where i.id <= 4000 /* batch: i.id */`;
    const sizes: number[] = [];
    await runFile(migrator, slow, {
      transaction: { statementTimeoutMs: 1_000 },
      report: ({ keys }) => sizes.push(keys),
    });
    expect(sizes[0]).toBeLessThan(250);
    expect(await visits()).toEqual({ 0: 99_600, 1: 400 });
  });
});
