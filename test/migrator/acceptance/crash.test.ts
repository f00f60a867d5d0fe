import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { type ConnectionSettings, applyPending, readHistory } from "../../../migrator/src";
import { callTool } from "../../support/tools";
import { protectedTable, trio } from "../migration-fixture";

const PASSWORD_VARIABLE = "CRASH_TEST_PASSWORD";

interface Server {
  host: string;
  port: number;
  pid: number;
  password: string;
}

/** What is only in the server's memory stays there for as long as a test runs. */
const settings = { wal_writer_delay: "10s", checkpoint_timeout: "1h", bgwriter_delay: "10s" };

let directory: string;
let connection: ConnectionSettings;

/** Starts the server, after a crash by way of recovery. */
async function start(): Promise<{ pid: number }> {
  const { host, port, pid, password } = callTool<Server>("local/postgres.mjs", "startPostgres", {
    directory,
    settings,
  });
  const admin = new Client({ host, port, user: "postgres", password, database: "postgres" });
  await admin.connect();
  const { rowCount } = await admin.query("select from pg_roles where rolname = 'migrator'");
  if (rowCount === 0) {
    await admin.query(`create role migrator login password '${password}'`);
    await admin.query("create database crash owner migrator");
  }
  await admin.end();
  process.env[PASSWORD_VARIABLE] = password;
  const credentials = { kind: "environment", variable: PASSWORD_VARIABLE } as const;
  const reach = { database: "crash", user: "migrator", credentials };
  connection = { host, port, ...reach, tls: { mode: "disable" } };
  return { pid };
}

/** Takes the server down at once: nothing that is not on disk yet gets there. */
async function crash({ pid }: { pid: number }): Promise<void> {
  process.kill(pid, "SIGQUIT");
  while (callTool("local/postgres.mjs", "findPostgres", { directory }) !== null) await sleep(20);
}

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), "app-data-crash-"));
});
afterAll(() => {
  callTool("local/postgres.mjs", "removePostgres", { directory });
  rmSync(directory, { recursive: true, force: true });
  Reflect.deleteProperty(process.env, PASSWORD_VARIABLE);
});

it("keeps through a crash of the server what a run has said is applied", async () => {
  const trios = ["000", "001", "002"].map((version) => protectedTable(version, `t${version}`));
  const server = await start();
  const applied = await applyPending(connection, trios);
  expect(applied.map(({ version }) => version)).toEqual(["000", "001", "002"]);
  await crash(server);
  const restarted = await start();
  expect((await readHistory(connection)).map(({ applied: is }) => is)).toEqual([true, true, true]);

  const failing = [protectedTable("003", "c"), trio("004", "select 1 / 0;")];
  await expect(applyPending(connection, [...trios, ...failing])).rejects.toThrow("MIG005");
  await crash(restarted);
  await start();
  const newest = (await readHistory(connection)).at(-1);
  expect(newest).toMatchObject({ version: "003", applied: true });
});
