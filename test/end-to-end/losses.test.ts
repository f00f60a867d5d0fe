import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Client } from "pg";
import { callTool } from "../support/tools";
import { PARTS, processesOf } from "./local-home";
import { runCommand, RunningCommand } from "./running-command";

const MINUTES = 60_000;
const OWNER = "33333333-3333-4333-8333-333333333333";

const homes: string[] = [];
afterAll(async () => {
  for (const home of homes) {
    await runCommand("npm run down -- --purge", home);
    for (const part of PARTS) expect(processesOf(home, part)).toEqual([]);
    rmSync(home, { recursive: true, force: true });
  }
}, 10 * MINUTES);

function newHome(): string {
  const home = mkdtempSync(path.join(tmpdir(), "app-data-losses-"));
  homes.push(home);
  return home;
}

/** Brings the stack up and gives what was printed. */
async function up(home: string): Promise<string> {
  const run = await runCommand("npm run up", home);
  expect(run.output).toContain('The stack "local" is up');
  expect(await run.code).toBe(0);
  return run.output;
}

/** One transaction of the application for a signed-in user, with the login that `npm run env` prints. */
async function asOwner(home: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: await variable(home, "APP_URL") });
  await client.connect();
  try {
    await client.query("begin");
    await client.query("set local role authenticated");
    const claims = JSON.stringify({ sub: OWNER });
    await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
    const { rows } = await client.query(sql);
    await client.query("commit");
    return rows;
  } finally {
    await client.end();
  }
}

const write = (home: string) =>
  asOwner(home, `insert into public.users (id, email) values ('${OWNER}', 'owner@example.org')`);
const emails = (home: string) => asOwner(home, "select email from public.users");
const KEPT = [{ email: "owner@example.org" }];

async function variable(home: string, name: string): Promise<string> {
  const { output } = await runCommand("npm run --silent env", home);
  const value = new RegExp(`^export ${name}='(.*)'$`, "m").exec(output)?.[1];
  if (!value) throw new Error(`npm run env printed no ${name}:\n${output}`);
  return value;
}

const lose = (home: string, ...names: string[]) =>
  names.forEach((name) => rmSync(path.join(home, name), { recursive: true }));

describe("a stack", () => {
  const home = newHome();

  it(
    "is made once by two first runs at once, and the second is told so",
    async () => {
      const runs = [new RunningCommand("npm run up", home), new RunningCommand("npm run up", home)];
      expect(await Promise.all(runs.map(({ code }) => code))).toEqual([0, 0]);
      const waited = runs.filter(({ output }) => output.includes(`at work on ${home}`));
      expect(waited).toHaveLength(1);
      expect(waited[0]?.output).toMatch(/Resources:\s+\d+ unchanged/);
    },
    20 * MINUTES,
  );

  it(
    "goes on with its passwords, its configuration or the files of the emulator gone",
    async () => {
      await write(home);
      const [before] = processesOf(home, "emulator");

      lose(home, "master-password", "postgres/superuser-password", "Pulumi.local.yaml", "emulator");
      const output = await up(home);
      expect(output).toMatch(/\d+ unchanged/);
      expect(output).not.toMatch(/[+-] +\d+ (?:created|deleted)/);
      expect(processesOf(home, "emulator")).toEqual([before]);
      expect(await emails(home)).toEqual(KEPT);
      const master = new Client({ connectionString: await variable(home, "MASTER_URL") });
      await master.connect();
      await master.end();

      // The database is made anew: the rows went with its files.
      const [server] = processesOf(home, "postgres");
      lose(home, "postgres");
      const { dataDirectory } = callTool<{ dataDirectory: string }>(
        "local/postgres.mjs",
        "findPostgres",
        { directory: path.join(home, "postgres") },
      );
      rmSync(dataDirectory, { recursive: true, force: true });
      expect(await up(home)).toContain("The database that this stack was made on is gone.");
      expect(processesOf(home, "postgres")).not.toContain(server);
      expect(await emails(home)).toEqual([]);
    },
    30 * MINUTES,
  );

  it(
    "comes up again with everything gone, its servers still at work",
    async () => {
      rmSync(home, { recursive: true });
      await up(home);
      for (const part of ["emulator", "postgres"] as const) {
        expect(processesOf(home, part)).toHaveLength(1);
      }
    },
    30 * MINUTES,
  );
});

describe("another stack", () => {
  // Runs beside those above.
  it.concurrent(
    "keeps its rows with its passphrase or its state gone",
    async () => {
      const home = newHome();
      await up(home);
      await write(home);

      lose(home, "passphrase");
      expect(await up(home)).toMatch(/The passphrase of this stack \(.*\) is gone/);
      expect(existsSync(path.join(home, "state.old"))).toBe(true);
      expect(await emails(home)).toEqual(KEPT);

      lose(home, "state", "state.old");
      await up(home);
      expect(await emails(home)).toEqual(KEPT);
      const config = readFileSync(path.join(home, "Pulumi.local.yaml"), "utf8");
      expect((await up(home)).match(/\d+ unchanged/)).not.toBeNull();
      expect(readFileSync(path.join(home, "Pulumi.local.yaml"), "utf8")).not.toBe(config);
    },
    30 * MINUTES,
  );
});
