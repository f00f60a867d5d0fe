// What batches cost, and what they save others: rows a second of an UPDATE of every row, at once and
// in batches, and how long a writer of single rows had to wait meanwhile.
// Usage: npm run build, then node bench/batches.mjs [rows]
import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { removePostgres, startPostgres } from "../tools/local/postgres.mjs";

const require = createRequire(import.meta.url);
const { splitStatements } = require("@app-data/rules");
const { readBatch } = require("../migrator/dist/sql/batch/directive.js");
const { runBatches } = require("../migrator/dist/run/batch/index.js");

const ROWS = Number(process.argv[2] ?? 1_000_000);
const SETTINGS = ["size 5000, pause 0ms", "size 5000, pause 50ms", "size 1000, pause 0ms"];

const directory = mkdtempSync(path.join(tmpdir(), "app-data-bench-"));
const server = await startPostgres({ directory });
const connect = async () => {
  const { host, port, password } = server;
  const client = new pg.Client({ host, port, password, user: "postgres", database: "postgres" });
  await client.connect();
  return client;
};
try {
  const client = await connect();
  console.log(
    `${ROWS.toLocaleString("en")} rows, one integer of each changed, one index on a uuid`,
  );
  await measure("at once", client, (sql) => client.query(sql));
  for (const settings of SETTINGS) {
    await measure(settings, client, async (sql) => {
      const file = {
        file: "bench.sql",
        sql: `-- batch: table public.items, key id, ${settings}\n${sql}`,
      };
      const [statement] = await splitStatements(file.sql, file.file);
      const { batches } = await runBatches(client, readBatch(statement, file), statement, {
        file,
        saveCheckpoint: (session, checkpoint) =>
          session.query("insert into public.checkpoints values ($1)", [JSON.stringify(checkpoint)]),
      });
      return `, ${batches} batches`;
    });
  }
  await client.end();
} finally {
  await removePostgres({ directory });
}

/** Runs the UPDATE on a fresh table, beside a writer that changes one row after the other. */
async function measure(name, client, run) {
  await client.query(`drop table if exists public.items, public.checkpoints;
    create table public.checkpoints (checkpoint jsonb);
    create table public.items (id uuid primary key, n integer not null, note text);
    insert into public.items
      select gen_random_uuid(), 0, repeat('x', 100) from generate_series(1, ${ROWS});`);
  await client.query("vacuum analyze public.items");
  await client.query("checkpoint");
  const { rows } = await client.query(
    "select id from public.items tablesample system (1) limit 5000",
  );

  const writer = await connect();
  const waits = [];
  let running = true;
  const writing = (async () => {
    for (let turn = 0; running; turn += 1) {
      const start = process.hrtime.bigint();
      await writer.query("update public.items set note = 'y' where id = $1", [
        rows[(turn * 7_919) % rows.length].id,
      ]);
      waits.push(Number(process.hrtime.bigint() - start) / 1e6);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  const start = Date.now();
  const more = await run("update public.items i set n = i.n + 1 where true /* batch: i.id */");
  const seconds = (Date.now() - start) / 1_000;
  running = false;
  await writing;
  await writer.end();
  waits.sort((a, b) => a - b);
  const p99 = waits[Math.floor(waits.length * 0.99)] ?? 0;
  console.log(
    `  ${name.padEnd(22)} ${seconds.toFixed(1)} s, ` +
      `${Math.round(ROWS / seconds).toLocaleString("en")} rows/s; writer waited at most ` +
      `${Math.round(waits.at(-1) ?? 0)} ms, 99 % under ${Math.round(p99)} ms` +
      (typeof more === "string" ? more : ""),
  );
}
