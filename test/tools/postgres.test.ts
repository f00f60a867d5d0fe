import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Client } from "pg";
import { callTool } from "../support/tools";

const directory = mkdtempSync(path.join(tmpdir(), "app-data-postgres-"));

interface Postgres {
  host: string;
  port: number;
  pid: number;
  password: string;
  dataDirectory: string;
  isNew: boolean;
}
const call = <Result>(name: string, argument: object) =>
  callTool<Result>("local/postgres.mjs", name, argument);
const start = () => call<Postgres>("startPostgres", { directory });
const stop = () => call("stopPostgres", { directory });
const find = () => call<Postgres | null>("findPostgres", { directory });

afterAll(() => {
  call("removePostgres", { directory });
  rmSync(directory, { recursive: true, force: true });
});

async function query(server: Pick<Postgres, "host" | "port" | "password">, sql: string) {
  const { host, port, password } = server;
  const client = new Client({ host, port, password, user: "postgres", database: "postgres" });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const listen = (port: number) =>
  new Promise<Server>((resolve) => {
    const server = createServer().listen(port, "127.0.0.1", () => resolve(server));
  });

describe("the PostgreSQL server", () => {
  it("starts once, on loopback alone, the first time as a new one", async () => {
    const first = start();
    const second = start();
    expect(second).toEqual({ ...first, isNew: false });
    expect(first.isNew).toBe(true);
    expect(await query(first, "show listen_addresses")).toEqual([
      { listen_addresses: "127.0.0.1" },
    ]);
  });

  it("keeps its password from other users", () => {
    expect(statSync(path.join(directory, "superuser-password")).mode & 0o077).toBe(0);
  });

  it("refuses a login without the password", async () => {
    const server = start();
    await expect(query({ ...server, password: "wrong" }, "select 1")).rejects.toMatchObject({
      code: "28P01",
    });
  });

  it("comes back on its port with its data, and elsewhere when the port is taken", async () => {
    const before = start();
    await query(before, "create table kept ()");
    stop();
    expect(find()).toBeNull();

    const back = start();
    expect(back.port).toBe(before.port);
    stop();

    const other = await listen(before.port);
    const moved = start();
    expect(moved.port).not.toBe(before.port);
    expect(await query(moved, "select to_regclass('kept')::text as kept")).toEqual([
      { kept: "kept" },
    ]);
    await new Promise((resolve) => other.close(resolve));
  });

  it("comes back after it was killed", async () => {
    const killed = start();
    process.kill(killed.pid, "SIGKILL");
    while (find());
    const back = start();
    expect(await query(back, "select to_regclass('kept')::text as kept")).toEqual([
      { kept: "kept" },
    ]);
  });

  it("is found while it runs, without any file that names it", () => {
    const { pid, port } = start();
    rmSync(path.join(directory, "port"));
    expect(find()).toMatchObject({ pid, port });
  });

  it("keeps its rows when the superuser's password is lost", async () => {
    const before = start();
    rmSync(path.join(directory, "superuser-password"));
    const after = start();
    expect(after.isNew).toBe(false);
    expect(after.password).not.toBe(before.password);
    expect(await query(after, "select to_regclass('kept')::text as kept")).toEqual([
      { kept: "kept" },
    ]);
  });

  it("starts beside the server whose files it was copied from", async () => {
    const original = start();
    const lock = path.join(original.dataDirectory, "postmaster.pid");
    stop();
    // As in a copy: the lock of a process that lives, on another folder.
    writeFileSync(lock, `${process.pid}\n/elsewhere/data\n`);
    expect(await query(start(), "select to_regclass('kept')::text as kept")).toEqual([
      { kept: "kept" },
    ]);
  });

  it("is ended and made anew when its files are deleted under it", async () => {
    const before = start();
    rmSync(before.dataDirectory, { recursive: true });
    const after = start();
    expect(after.isNew).toBe(true);
    expect(find()).toMatchObject({ pid: after.pid });
    await expect(query(before, "select 1")).rejects.toThrow();
    expect(await query(after, "select to_regclass('kept')::text as kept")).toEqual([
      { kept: null },
    ]);
  });
});
