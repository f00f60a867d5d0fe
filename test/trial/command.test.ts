import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { leakCases } from "./leak-cases";

const PROJECT = path.resolve(__dirname, "../..");
const MAIN = path.join(PROJECT, "tools/main.mjs");

const UNPROTECTED = "create table public.notes (id uuid primary key);\n";

describe("npm run policy", () => {
  let directory: string;
  const folder = (name: string, files: Record<string, string>) => {
    const place = path.join(directory, name);
    mkdirSync(place);
    for (const [file, sql] of Object.entries(files)) writeFileSync(path.join(place, file), sql);
    return name;
  };
  /** Runs the command with temporary files below a folder that the test can look into. */
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "policy", ...args], {
      cwd: directory,
      encoding: "utf8",
      env: { ...process.env, TMPDIR: directory, APP_DATA_CACHE: path.join(directory, "cache") },
    });
    return { status, stdout, stderr };
  };

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), "app-data-policy-"));
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  // This is where continuous integration tries the migrations: all of them, whatever their number.
  it("refuses nothing of the project's own migrations, and does not judge them twice", () => {
    const { status, stdout, stderr } = run("--json");
    const attacked = "The attacker tries what the policies let through …\n";
    const { refusals, trial } = JSON.parse(stdout) as Result;
    expect({ status, refusals }).toEqual({ status: 0, refusals: 0 });
    expect(trial.tables).toBeGreaterThanOrEqual(5);
    expect(trial.attempts).toBeGreaterThan(100);
    expect(stderr).toContain(attacked);
    const again = run();
    expect(again.stderr).toBe("These files were judged before, by the same rules.\n");
    expect(again.stdout).toMatch(
      /(?:^|\n)\d+ files judged: 0 refusals, \d+ advice, 0 waived; \d+ attempts on \d+ tables\n$/,
    );
    expect(run("--fresh").stderr).toBe(attacked);
  });

  it("says in the summary that the attacker was left out with --no-trial", () => {
    const { status, stdout } = run("--no-trial");
    expect(stdout).toContain("waived; the attacker was left out\n");
    expect(status).toBe(stdout.includes(": 0 refusals") ? 0 : 1);
  });

  it("refuses with exit code 1, and says where, what and what to write instead", () => {
    const sql = folder("unprotected", { "notes.sql": `\n${UNPROTECTED}` });
    const { status, stdout } = run("--sql", sql);
    expect(status).toBe(1);
    expect(stdout).toContain(
      "refused  POL101 unprotected/notes.sql:2: table public.notes has row level security neither enabled nor forced",
    );
    expect(stdout).toContain("alter table public.notes enable row level security");
  });

  it("leaves out the rollback and verify files of trios", () => {
    const sql = folder("trios", {
      "000_a.sql": "select 1;",
      "000_a_rollback.sql": UNPROTECTED,
      "000_a_verify.sql": UNPROTECTED,
    });
    expect(run("--sql", sql)).toMatchObject({
      status: 0,
      // A folder without a table stands on this project's 000.
      stdout: expect.stringMatching(
        /^1 file judged: 0 refusals, 0 advice, 0 waived; \d+ attempts on 2 tables\n$/,
      ) as string,
    });
  });

  it("prints JSON alone with --json", () => {
    const sql = folder("json", { "notes.sql": UNPROTECTED });
    const { status, stdout } = run("--sql", sql, "--json");
    const result = JSON.parse(stdout) as { files: string[]; findings: { code: string }[] };
    expect(status).toBe(1);
    expect(result.files).toEqual(["json/notes.sql"]);
    expect(result.findings).toContainEqual(
      expect.objectContaining({
        code: "POL101",
        level: "mandatory",
        object: "public.notes",
        line: 1,
      }),
    );
  });

  it("writes SARIF whose results point to their rules, files and lines", () => {
    const sql = folder("sarif", { "notes.sql": UNPROTECTED });
    const { status } = run("--sql", sql, "--sarif", "found.sarif");
    const log = JSON.parse(readFileSync(path.join(directory, "found.sarif"), "utf8")) as Sarif;
    const [first] = log.runs;
    const result = first?.results.find(({ ruleId }) => ruleId === "POL101");
    expect(status).toBe(1);
    expect(log.version).toBe("2.1.0");
    expect(first?.tool.driver.rules[result?.ruleIndex ?? -1]?.id).toBe("POL101");
    expect(result).toMatchObject({
      level: "error",
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: "sarif/notes.sql" },
            region: { startLine: 1 },
          },
          logicalLocations: [{ fullyQualifiedName: "public.notes" }],
        },
      ],
    });
    expect(JSON.parse(run("--sql", sql, "--sarif").stdout)).toEqual(log);
  });

  it.each([
    ["a folder that is not there", ["--sql", "nowhere"], "nowhere does not exist."],
    ["a folder without SQL", ["--sql", "."], "has no .sql file."],
    ["an option that there is not", ["--frobnicate"], "Unknown option '--frobnicate'"],
    ["--trial and --no-trial", ["--trial", "--no-trial"], "contradict each other"],
    ["a contract that is not there", ["--contract", "nope"], "CFG046"],
    ["JSON and SARIF on one stream", ["--json", "--sarif"], "--json and --sarif both print"],
  ])("ends with exit code 2 for %s", (_, args, message) => {
    const { status, stderr, stdout } = run(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  it("ends with exit code 2 for SQL that cannot be read, and says where", () => {
    const sql = folder("broken", { "a.sql": "select 1;\ncreate tabel x ();\n" });
    const { status, stdout } = run("--sql", sql);
    expect(status).toBe(2);
    expect(stdout).toContain(
      'refused  POL001 broken/a.sql:2: column 8: syntax error at or near "tabel"',
    );
  });

  it("shows what the attacker did, and leaves no server behind", () => {
    const leak = leakCases.find(({ way }) => way === "a tautology in disguise");
    const sql = folder("leak", { "notes.sql": leak?.leaking ?? "" });
    const { status, stdout } = run("--sql", sql, "--trial", "--json", "--sarif", "leak.sarif");
    const { findings, trial } = JSON.parse(stdout) as Result;
    expect(status).toBe(1);
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: "POL151",
        object: "public.notes",
        file: "leak/notes.sql",
        reproduction: expect.stringContaining("set local role authenticated;") as string,
      }),
    );
    expect(trial).toMatchObject({ tables: 3 });
    const log = JSON.parse(readFileSync(path.join(directory, "leak.sarif"), "utf8")) as Sarif;
    expect(log.runs[0]?.results).toContainEqual(
      expect.objectContaining({ ruleId: "POL151", level: "error" }),
    );
    expect(trials()).toEqual([]);
  });

  it("ends with exit code 2 for a migration that PostgreSQL refuses, and says where", () => {
    const sql = folder("refused", {
      "001_a.sql": "select 1;",
      "002_b.sql": "select 1;\nselect 1 / 0;\nalter table public.nothing add x integer;\n",
    });
    const { status, stdout } = run("--sql", sql);
    expect(status).toBe(2);
    expect(stdout).toContain("refused  POL159 refused/002_b.sql:2: ");
    expect(stdout).toContain("division by zero");
  });

  it("judges what is put together at run time", () => {
    const sql = folder("dynamic", {
      "notes.sql":
        "do $$ declare s text; begin select 'create table public.' || 'notes (id integer)' into s; execute s; end $$;\n",
    });
    const { status, stdout } = run("--sql", sql);
    expect(status).toBe(1);
    expect(stdout).toContain(
      "refused  POL101 dynamic/notes.sql:1: table public.notes has row level",
    );
  });

  it("judges by another contract: a preset, or a file", () => {
    const sql = folder("platform", {
      "20240101000000_notes.sql": `create table notes (id uuid primary key, user_id uuid not null references auth.users);
        create index on notes (user_id);
        alter table notes enable row level security;
        create policy own on notes to authenticated
          using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);`,
    });
    expect(run("--sql", sql).status).toBe(2);
    const preset = run("--sql", sql, "--no-trial", "--contract", "supabase");
    expect({ status: preset.status, stdout: preset.stdout }).toEqual({
      status: 0,
      stdout: expect.stringMatching(
        /^1 file judged: 0 refusals, |\n1 file judged: 0 refusals, /,
      ) as string,
    });
    writeFileSync(
      path.join(directory, "contract.json"),
      JSON.stringify({ extends: "supabase", forceRowSecurity: true }),
    );
    const strict = run("--sql", sql, "--no-trial", "--contract", "contract.json");
    expect(strict.stdout).toContain(
      "POL101 platform/20240101000000_notes.sql:1: table public.notes",
    );
    writeFileSync(path.join(directory, "odd.json"), JSON.stringify({ roles: [] }));
    const odd = run("--sql", sql, "--contract", "odd.json");
    expect(odd.status).toBe(2);
    expect(odd.stderr).toContain("CFG046 The contract has the field roles, which is unknown");
  });

  it("ends with exit code 2 where there is no PostgreSQL, and says what to do", () => {
    const sql = folder("nowhere-to-run", { "a.sql": "select 1;" });
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [MAIN, "policy", "--sql", sql, "--fresh"],
      {
        cwd: directory,
        encoding: "utf8",
        env: { ...process.env, APP_DATA_SCRATCH_DATABASE_URL: "postgresql://nobody@127.0.0.1:1/x" },
      },
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("POL004 There is no PostgreSQL to judge the migrations on");
    expect(stderr).toContain("Set APP_DATA_SCRATCH_DATABASE_URL");
  });

  it.each([
    ["while its server is being made", () => trials().length > 0],
    ["while its server is at work", () => filesOf(trials()[0]).includes("port")],
  ])("leaves no server behind when it is told to end %s", async (when, isTime) => {
    const sql = folder(when.replaceAll(" ", "-"), { "a.sql": "select pg_sleep(60);" });
    const child = spawn(process.execPath, [MAIN, "policy", "--sql", sql], {
      cwd: directory,
      env: { ...process.env, TMPDIR: directory },
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
    while (!isTime()) await new Promise((resolve) => setTimeout(resolve, 20));
    const serverFiles = placesOf(path.join(directory, trials()[0] ?? ""));
    child.kill("SIGINT");
    expect(await ended).toBe("SIGINT");
    const isGone = () =>
      !serverFiles.some((place) => existsSync(place)) && !serverFiles.some(isUsedByAProcess);
    for (let tries = 0; tries < 600 && !isGone(); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(serverFiles.filter((place) => existsSync(place) || isUsedByAProcess(place))).toEqual([]);
  });

  function filesOf(trial: string | undefined): string[] {
    return trial === undefined ? [] : readdirSync(path.join(directory, trial));
  }

  function trials(): string[] {
    return readdirSync(directory).filter((name) => name.startsWith("app-data-throwaway-"));
  }
});

/** Where a server of this folder keeps its files: there, or, when root runs it, where its user can go. */
function placesOf(trial: string): string[] {
  const hash = createHash("sha256").update(trial).digest("hex").slice(0, 12);
  return [trial, `/var/tmp/app-data-postgres-${hash}`];
}

function isUsedByAProcess(place: string): boolean {
  return spawnSync("ps", ["-eo", "args"], { encoding: "utf8" }).stdout.includes(place);
}

interface Result {
  refusals: number;
  findings: unknown[];
  trial: { tables: number; attempts: number };
}

interface Sarif {
  version: string;
  runs: {
    tool: { driver: { rules: { id: string }[] } };
    results: { ruleId: string; ruleIndex: number }[];
  }[];
}
