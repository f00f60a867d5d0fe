import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A path where Debian puts it is not on everybody's PATH. */
const PATH = `${process.env["PATH"]}:/usr/sbin`;
const START_MS = 20_000;

/** Whether this machine has a PgBouncer. */
export const isPgBouncerInstalled =
  spawnSync("pgbouncer", ["--version"], { env: { PATH } }).status === 0;
if (!isPgBouncerInstalled) {
  process.stderr.write("PgBouncer is not installed: its tests are skipped.\n");
}

/** A PgBouncer before one database. */
export interface PgBouncer {
  /** Where it listens on the loopback interface. */
  port: number;
  stop(): Promise<void>;
}

/** What it stands before, and how. */
export interface PgBouncerOptions {
  database: { host: string; port: number; name: string };
  /** Passwords by login. */
  logins: Record<string, string>;
  mode: string;
  /** More lines of the section `pgbouncer`. */
  settings?: string;
}

/** Starts one and waits until it takes connections. */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const { host, port, name } = options.database;
  const directory = mkdtempSync(path.join(tmpdir(), "app-data-pooler-"));
  chmodSync(directory, 0o755);
  const listenPort = await freePort();
  const users = path.join(directory, "users.txt");
  const config = path.join(directory, "pgbouncer.ini");
  const lines = Object.entries(options.logins).map(([user, password]) => `"${user}" "${password}"`);
  writeFileSync(users, `${lines.join("\n")}\n`);
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
pool_mode = ${options.mode}
${options.settings ?? ""}
`,
  );
  // It does not run as root.
  const account = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const pooler = spawn("pgbouncer", ["--quiet", config], {
    env: { PATH },
    stdio: "ignore",
    ...account,
  });
  const stop = async () => {
    if (pooler.exitCode === null && pooler.signalCode === null) {
      pooler.kill("SIGKILL");
      await once(pooler, "exit");
    }
    rmSync(directory, { recursive: true, force: true });
  };
  for (const end = Date.now() + START_MS; !(await listens(listenPort)); await sleep(50)) {
    if (Date.now() < end && pooler.exitCode === null) continue;
    await stop();
    throw new Error("PgBouncer did not start.");
  }
  return { port: listenPort, stop };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
