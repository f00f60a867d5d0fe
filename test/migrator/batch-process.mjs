// A run of batches in a process of its own, which a test can kill. Reads from the environment where
// the database is and which file to run, holds the migrators' lock, and goes on from the checkpoint.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Client } = require("pg");
const { splitStatements } = require("@app-data/rules");
const { readBatch } = require("../../migrator/dist/sql/batch/directive.js");
const { runBatches } = require("../../migrator/dist/run/batch/index.js");
const { withMigrationLock } = require("../../migrator/dist/database/lock.js");

const { TEST_URL: url, TEST_FILE: path } = process.env;
const file = { file: path, sql: readFileSync(path, "utf8") };
const [statement] = await splitStatements(file.sql, path);
const client = new Client(url);
await client.connect();
await withMigrationLock(client, async () => {
  const { rows } = await client.query("select checkpoint from public.checkpoints");
  await runBatches(client, readBatch(statement, file), statement, {
    file,
    checkpoint: rows[0]?.checkpoint,
    saveCheckpoint: (session, checkpoint) =>
      session.query(
        "insert into public.checkpoints values (1, $1) on conflict (id) do update set checkpoint = $1",
        [JSON.stringify(checkpoint)],
      ),
    report: ({ batches }) => process.stdout.write(`${batches}\n`),
  });
});
await client.end();
