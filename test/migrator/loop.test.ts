import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestDatabase, createDatabase } from "../support/database";
import { copyMigrations } from "../support/project-migrations";

const PAGE = path.resolve("docs/migrations/loop.md");
/** A file to write, or a command with what it prints. */
const BLOCK = /^```(sql|console)\n(?:-- |\$ )(.*)\n([^]*?)^```$/gm;

let database: TestDatabase;
let project: string;

beforeAll(async () => {
  database = await createDatabase();
  project = mkdtempSync(path.join(tmpdir(), "app-data-loop-"));
  mkdirSync(path.join(project, "sql"));
  copyMigrations(path.join(project, "sql"));
  symlinkSync(path.resolve("node_modules"), path.join(project, "node_modules"));
  await run("npx migrator up");
});
afterAll(async () => {
  await database.drop();
  rmSync(project, { recursive: true });
});

/** Runs a command as a person does, in a folder with migrations; both streams, as a terminal shows them. */
function run(command: string): Promise<string> {
  const env = {
    ...process.env,
    MIGRATOR_URL: database.url("migrator"),
    APP_URL: database.url("app"),
  };
  return new Promise((resolve) => {
    execFile("bash", ["-c", `{ ${command}\n} 2>&1`], { cwd: project, env }, (_error, out) =>
      resolve(out),
    );
  });
}

/** Without what differs from run to run. */
function lasting(text: string): string {
  return text
    .replace(/\b\d+ ms/g, "N ms")
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?/g, "TIME")
    .replace(/\b[0-9a-f]{64}\b/g, "SHA256")
    .replace(/\S+@\S+/g, "WHO")
    .replace(/ +/g, " ");
}

describe("docs/migrations/loop.md", () => {
  const blocks = [...readFileSync(PAGE, "utf8").matchAll(BLOCK)];

  it("shows what is printed, from a new migration to one that is rolled back", async () => {
    expect(blocks.length).toBeGreaterThan(10);
    for (const [, kind, title = "", text = ""] of blocks) {
      if (kind === "sql") writeFileSync(path.join(project, title), text);
      else expect(lasting(`$ ${title}\n${await run(title)}`)).toBe(lasting(`$ ${title}\n${text}`));
    }
  });
});
