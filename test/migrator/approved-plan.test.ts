import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestDatabase, createDatabase } from "../support/database";

const PROJECT = path.resolve(__dirname, "../..");
let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createDatabase();
  folder = mkdtempSync(path.join(tmpdir(), "app-data-plan-"));
  // The stack has no target.
  writeFileSync(path.join(folder, "pulumi"), "#!/bin/sh\n");
  chmodSync(path.join(folder, "pulumi"), 0o755);
});
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});

/** Runs a script of the project that reads the database. */
function run(script: string, ...args: string[]) {
  const env = {
    ...process.env,
    PATH: `${folder}${path.delimiter}${process.env["PATH"]}`,
    READ_ONLY_DATABASE_URL: database.url("migrator"),
    GITHUB_STEP_SUMMARY: path.join(folder, "summary"),
    GITHUB_OUTPUT: path.join(folder, "outputs"),
  };
  return spawnSync(process.execPath, [path.join(PROJECT, script), ...args], {
    cwd: PROJECT,
    env,
    encoding: "utf8",
  });
}

describe("the plan that a deployment's approval is asked for", () => {
  it("is the one that `up` can be held to", () => {
    expect(run("tools/ci/plan.mjs", "dev").status).toBe(0);
    const hash = /^hash=([0-9a-f]{64})\n$/.exec(readFileSync(path.join(folder, "outputs"), "utf8"));
    expect(readFileSync(path.join(folder, "summary"), "utf8")).toContain(hash?.[1]);
    const connection = ["--url-variable", "READ_ONLY_DATABASE_URL", "--target", "000"];
    const up = ["migrator/bin/migrator.mjs", "up", "--plan", hash?.[1] ?? ""] as const;
    // The same hash does not stand for another target.
    expect(run(...up, ...connection).stderr).toContain("MIG020");
    expect(run(...up, ...connection.slice(0, 2)).status).toBe(0);
  });
});
