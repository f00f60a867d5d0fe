import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { applyPending, readHistory } from "../../migrator/src";
import type { ConnectionSettings } from "../../migrator/src/database/settings";
import { preflight } from "../../migrator/src/preflight";
import { type MigratorFixture, createFixture, protectedTable } from "./migration-fixture";

/** A path where Debian puts it is not on everybody's PATH. */
const PATH = `${process.env["PATH"]}:/usr/sbin`;
const isInstalled = spawnSync("pgbouncer", ["--version"], { env: { PATH } }).status === 0;

let fixture: MigratorFixture;
let directory: string;
let pooler: ChildProcess | undefined;

beforeEach(async () => {
  fixture = await createFixture();
  directory = mkdtempSync(path.join(tmpdir(), "app-data-pooler-"));
  chmodSync(directory, 0o755);
});
afterEach(async () => {
  if (pooler?.exitCode === null) {
    pooler.kill("SIGKILL");
    await once(pooler, "exit");
  }
  await fixture.database.drop();
  rmSync(directory, { recursive: true });
});

/** Starts a PgBouncer before the database. @returns how it is reached through that. */
async function throughPooler(mode: string, settings = ""): Promise<ConnectionSettings> {
  const { host, port, name } = fixture.database;
  const listenPort = await freePort();
  const users = path.join(directory, "users.txt");
  const config = path.join(directory, "pgbouncer.ini");
  writeFileSync(users, `"migrator" "${fixture.database.password("migrator")}"\n`);
  writeFileSync(
    config,
    `[databases]
${name} = host=${host} port=${port} dbname=${name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = ${mode}
${settings}
`,
  );
  // It does not run as root.
  const account = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  pooler = spawn("pgbouncer", ["--quiet", config], { env: { PATH }, stdio: "ignore", ...account });
  const through = { ...fixture.settings, port: listenPort };
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50)) {
    const { steps } = await preflight(through);
    if (steps.length > 2) break;
  }
  return through;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function sessionStep(settings: ConnectionSettings) {
  const { ok, steps } = await preflight(settings);
  return { ok, ...steps.find(({ name }) => name === "session") };
}

(isInstalled ? describe : describe.skip)("a pooler", () => {
  it.each([
    ["transaction", ""],
    ["transaction", "default_pool_size = 1"],
    ["transaction", "server_round_robin = 1\nmin_pool_size = 3"],
  ])("in %s mode is refused, with the reason, before anything runs: %s", async (mode, more) => {
    const settings = await throughPooler(mode, more);
    const refusal =
      /^MIG038 Between here and database \S+ at 127\.0\.0\.1:\d+ is a pooler that lends a session of the server for one transaction/;
    await expect(applyPending(settings, [protectedTable("000", "notes")])).rejects.toThrow(refusal);
    await expect(readHistory(settings)).rejects.toThrow(refusal);
    expect(await sessionStep(settings)).toMatchObject({
      ok: false,
      detail: "a pooler's, lent for a transaction",
      remedy:
        "Connect to the server itself, or to a pool in session mode (with Supabase: port 5432 in place of 6543).",
    });
    const superuser = await fixture.database.connect("postgres");
    const { rows } = await superuser.query(
      "select to_regclass('public.notes') as notes, (select count(*)::integer from pg_locks where locktype = 'advisory') as locks",
    );
    expect(rows).toEqual([{ notes: null, locks: 0 }]);
  });

  it("in session mode serves", async () => {
    const settings = await throughPooler("session");
    expect(await sessionStep(settings)).toMatchObject({
      detail: "a pooler's, lent for the connection",
    });
    const applied = await applyPending(settings, [protectedTable("000", "notes")]);
    expect(applied).toHaveLength(1);
    expect(await readHistory(settings)).toHaveLength(1);
  });
});
