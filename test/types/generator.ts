import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { copyMigrations } from "../support/project-migrations";

const PROJECT = path.resolve(__dirname, "../..");
const COMMAND = path.join(PROJECT, "types/dist/main.mjs");

/** How a run ended. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs the command as a person does, in a process of its own.
 * @param url becomes `MIGRATOR_URL`; undefined leaves it unset.
 */
export function runGenerator(args: string[], url?: string): Outcome {
  const env = { ...process.env, MIGRATOR_URL: url };
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
    cwd: PROJECT,
    env,
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

/** The process in which the command runs many times; none of jest's, because it is an ES module. */
export class GeneratorProcess {
  private readonly process: ChildProcess = fork(path.join(__dirname, "generator-process.mjs"), [], {
    cwd: PROJECT,
  });

  /** Runs the command, as {@link runGenerator} does; one run at a time. */
  async run(args: string[], url?: string): Promise<Outcome> {
    const answer = once(this.process, "message") as Promise<[Outcome]>;
    this.process.send({ args, url });
    return (await answer)[0];
  }

  /** Lets the process end. */
  async end(): Promise<void> {
    const ended = once(this.process, "exit");
    this.process.disconnect();
    await ended;
  }
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A folder that is deleted after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "app-data-types-"));
  folders.push(folder);
  return folder;
}

/** The types of a database with the project's migrations, made in a file of their own. */
export interface ProjectTypes {
  /** Folder of the migrations. */
  directory: string;
  /** The generated file, and what it holds. */
  file: string;
  text: string;
}

/** Makes the types of a database that holds the project's migrations. @param url of its owner. */
export function makeProjectTypes(url: string): ProjectTypes {
  const directory = projectFolder();
  const file = path.join(directory, "types.ts");
  const { code, stderr } = runGenerator(["--directory", directory, "--output", file], url);
  if (code !== 0) throw new Error(stderr);
  return { directory, file, text: readFileSync(file, "utf8") };
}

/** A folder with the project's migrations. */
export function projectFolder(): string {
  const folder = temporaryFolder();
  copyMigrations(folder);
  return folder;
}

/** A folder with one migration, `000_kinds`, which verifies nothing. */
export function migrationFolder(forward: string): string {
  const folder = temporaryFolder();
  writeFileSync(path.join(folder, "000_kinds.sql"), forward);
  writeFileSync(path.join(folder, "000_kinds_rollback.sql"), "");
  writeFileSync(path.join(folder, "000_kinds_verify.sql"), "select;");
  return folder;
}
