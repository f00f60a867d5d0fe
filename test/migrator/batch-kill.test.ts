import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { type TestDatabase, createDatabase } from "../support/database";
import { createCheckpoints, itemsTable, savedCheckpoint } from "./batch-fixture";

const ROWS = 100_000;
const FORWARD = `-- batch: table public.items, key id, size 1000, pause 1ms
update public.items i set visits = i.visits + 1
where true /* batch: i.id */;
`;

let database: TestDatabase;
let migrator: Client;
let directory: string;
let file: string;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), "batches-"));
  file = path.join(directory, "002_visits.sql");
  writeFileSync(file, FORWARD);
});
afterAll(() => rmSync(directory, { recursive: true }));

beforeEach(async () => {
  database = await createDatabase();
  migrator = await database.connect("migrator");
  await createCheckpoints(migrator);
  await migrator.query(itemsTable("items", "id uuid primary key, visits integer not null"));
  await migrator.query(
    `insert into public.items select gen_random_uuid(), 0 from generate_series(1, ${ROWS})`,
  );
});
afterEach(() => database.drop());

/** Starts a run in a process of its own. */
function start(): ChildProcess {
  return spawn(process.execPath, [path.join(__dirname, "batch-process.mjs")], {
    env: { ...process.env, TEST_URL: database.url("migrator"), TEST_FILE: file },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Whether a run came to its end, rather than being killed. */
function ending(run: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    run.once("error", reject);
    run.once("exit", (code, signal) =>
      signal || code === 0 ? resolve(!signal) : reject(new Error(`It ended with ${code}.`)),
    );
  });
}

async function visits(): Promise<unknown> {
  const { rows } = await migrator.query(
    "select visits, count(*)::integer as rows from public.items group by visits order by visits",
  );
  return rows;
}

describe("batches in a process that is killed", () => {
  it("visit every row once, wherever kill -9 strikes", async () => {
    let kills = 0;
    for (let finished = false; !finished;) {
      const run = start();
      const ended = ending(run);
      // The first runs are killed while batches run, after some of them; the later ones may end.
      const batches = 2 + Math.floor(Math.random() * 12);
      let seen = 0;
      run.stdout?.on("data", (lines: Buffer) => {
        seen += lines.toString().split("\n").length - 1;
        if (seen < batches || kills >= 6) return;
        void sleep(Math.random() * 10).then(() => run.kill("SIGKILL"));
      });
      finished = await ended;
      if (finished) break;
      kills += 1;
      expect((await savedCheckpoint(migrator))?.keys).toBeGreaterThan(0);
    }
    expect(kills).toBe(6);
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
    expect(await savedCheckpoint(migrator)).toMatchObject({
      keys: ROWS,
      rows: ROWS,
      finished: true,
    });
  });

  it("give the same as psql -v ON_ERROR_STOP=1 -f, which knows of no batches", async () => {
    const { status, stderr } = spawnSync(
      "psql",
      ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file],
      {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], ...connection() },
      },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
    expect(await savedCheckpoint(migrator)).toBeUndefined();
  });
});

function connection(): Record<string, string> {
  return {
    PGHOST: database.host,
    PGPORT: String(database.port),
    PGUSER: "migrator",
    PGPASSWORD: database.password("migrator"),
    PGDATABASE: database.name,
  };
}
