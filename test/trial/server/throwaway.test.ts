import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Contract, contractPresets, defaultContract } from "@app-data/rules";
import { Client } from "pg";
import { NoServerError, withThrowawayDatabase, withThrowawayServer } from "../../../trial/src";
import { superuser } from "../trial-server";

const PROGRAM = path.resolve(__dirname, "../../../tools/local/throwaway-postgres.mjs");
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function names(query: string): Promise<string[]> {
  const client = new Client({ ...superuser(), database: "postgres" });
  await client.connect();
  try {
    return (await client.query<{ name: string }>(query)).rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}
const rolesAndDatabases = () =>
  names(`select rolname as name from pg_roles where rolname ~ '^other_' or rolname = 'made_by_migration'
         union all select datname from pg_database where datname ~ '^throwaway_' order by 1`);

/** Roles that no other test has. */
const other: Contract = {
  ...defaultContract,
  migrationRole: "other_Migrator",
  loginRole: "other_app",
  anonymousRole: "other anon",
  signedInRoles: ["other_user"],
  backOfficeRoles: [],
};

describe("a throw-away server", () => {
  it("is there for the work, and gone after it", async () => {
    let client: Client | undefined;
    await withThrowawayServer(async (server) => {
      client = new Client({ ...server, database: "postgres" });
      client.on("error", () => undefined);
      await client.connect();
      const { rows } = await client.query("select current_user = 'postgres' as is_postgres");
      expect(rows).toEqual([{ is_postgres: false }]);
    });
    await expect(client?.query("select 1")).rejects.toThrow();
  });

  it("is gone when the work fails", async () => {
    let port = 0;
    const work = withThrowawayServer((server) => {
      port = server.port;
      return Promise.reject(new Error("the work failed"));
    });
    await expect(work).rejects.toThrow("the work failed");
    const client = new Client({ host: "127.0.0.1", port });
    await expect(client.connect()).rejects.toThrow("ECONNREFUSED");
  });

  it("goes with its files when whoever started it is killed", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "app-data-killed-"));
    try {
      const script = `const { spawn } = require("node:child_process");
        spawn(process.execPath, [${JSON.stringify(PROGRAM)}], { stdio: ["pipe", 1, 2] });`;
      const parent = spawn(process.execPath, ["-e", script], {
        env: { ...process.env, TMPDIR: directory },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const line = await new Promise<string>((resolve) =>
        parent.stdout.once("data", (data: Buffer) => resolve(String(data))),
      );
      expect(readdirSync(directory)).toHaveLength(1);
      parent.kill("SIGKILL");
      for (let tries = 0; tries < 100 && readdirSync(directory).length > 0; tries += 1)
        await sleep(100);
      expect(readdirSync(directory)).toEqual([]);
      const { port } = JSON.parse(line) as { port: number };
      await expect(new Client({ host: "127.0.0.1", port }).connect()).rejects.toThrow(
        "ECONNREFUSED",
      );
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("is the one that the environment names", async () => {
    const { user, password, host, port } = superuser();
    process.env["APP_DATA_SCRATCH_DATABASE_URL"] =
      `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/postgres`;
    try {
      await withThrowawayServer(async (server) => {
        expect(server).toEqual(superuser());
        return Promise.resolve();
      });
      process.env["APP_DATA_SCRATCH_DATABASE_URL"] = "nonsense";
      await expect(withThrowawayServer(() => Promise.resolve())).rejects.toThrow(
        /^POL004 There is no PostgreSQL .*APP_DATA_SCRATCH_DATABASE_URL is not a URL/,
      );
    } finally {
      delete process.env["APP_DATA_SCRATCH_DATABASE_URL"];
    }
  });
});

describe("a throw-away database", () => {
  it("has the roles of the contract, and leaves none that it made", async () => {
    const found = await withThrowawayDatabase(superuser(), other, async (client) => {
      await client.query(
        'create role made_by_migration; grant made_by_migration to "other_Migrator" with admin option',
      );
      const { rows } = await client.query<{ name: string }>(
        `select rolname as name from pg_roles r where rolname ~ '^other'
           and not rolsuper and not rolbypassrls order by 1`,
      );
      const { rows: owner } = await client.query(
        `select pg_get_userbyid(datdba) as owner from pg_database where datname = current_database()`,
      );
      expect(owner).toEqual([{ owner: "other_Migrator" }]);
      return rows.map(({ name }) => name);
    });
    expect(found).toEqual(["other anon", "other_Migrator", "other_app", "other_user"]);
    expect(await rolesAndDatabases()).toEqual([]);
  });

  it("leaves nothing when the work fails, and roles that were there before", async () => {
    const work = withThrowawayDatabase(superuser(), defaultContract, () =>
      Promise.reject(new Error("the work failed")),
    );
    await expect(work).rejects.toThrow("the work failed");
    expect(await rolesAndDatabases()).toEqual([]);
    expect(await names("select rolname as name from pg_roles where rolname = 'anon'")).toEqual([
      "anon",
    ]);
  });

  it("can be used side by side", async () => {
    const each = [1, 2, 3].map((number) =>
      withThrowawayDatabase(superuser(), other, async (client) => {
        await client.query(
          `create table public.t (n int); insert into public.t values (${number})`,
        );
        return (await client.query<{ n: number }>("select n from public.t")).rows[0]?.n;
      }),
    );
    expect(await Promise.all(each)).toEqual([1, 2, 3]);
    expect(await rolesAndDatabases()).toEqual([]);
  });

  it("is refused on a server whose superuser it is not given, or whose superuser runs migrations", async () => {
    const open = { ...defaultContract, migrationRole: "postgres" };
    await expect(withThrowawayDatabase(superuser(), open, () => Promise.resolve())).rejects.toThrow(
      NoServerError,
    );
    const gone = { ...superuser(), port: 1 };
    await expect(
      withThrowawayDatabase(gone, defaultContract, () => Promise.resolve()),
    ).rejects.toThrow(/^POL004 .* 127\.0\.0\.1:1 cannot be used: /);
  });

  it("has what the platform brings", async () => {
    const supabase = contractPresets.get("supabase") ?? defaultContract;
    await withThrowawayServer((server) =>
      withThrowawayDatabase(server, supabase, async (client) => {
        const { rows } = await client
          .query(
            `
          set request.jwt.claims = '{"sub": "a0000000-0000-4000-8000-000000000001", "role": "authenticated", "email": "a@example.test"}';
          select auth.uid(), auth.role(), auth.email(), auth.jwt() ->> 'role' as jwt,
                 storage.foldername('a/b/c.png') as folder, storage.filename('a/b/c.png') as file,
                 storage.extension('a/b/c.png') as extension,
                 current_setting('search_path') as path`,
          )
          .then((results) => (results as unknown as { rows: unknown[] }[])[1] ?? { rows: [] });
        expect(rows).toEqual([
          {
            uid: "a0000000-0000-4000-8000-000000000001",
            role: "authenticated",
            email: "a@example.test",
            jwt: "authenticated",
            folder: ["a", "b"],
            file: "c.png",
            extension: "png",
            path: "public, extensions",
          },
        ]);
        await client.query(`set session authorization postgres;
          create table public.profiles (id uuid primary key references auth.users (id));
          create policy p on storage.objects for select to authenticated using (bucket_id = 'a');
          insert into storage.buckets (id, name) values ('a', 'a')`);
      }),
    );
  });
});
