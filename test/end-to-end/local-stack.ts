import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { currentTrios, writeTrios } from "../migrator/migration-fixture";

/** The project's folder. */
export const PROJECT = path.resolve(__dirname, "../..");

/** What a command did. */
export interface Outcome {
  code: number;
  /** Standard output and standard error. */
  output: string;
  seconds: number;
}

/** A stack of its own: its state, servers and ports are in `home`. */
export class LocalStack {
  private environment: NodeJS.ProcessEnv;

  constructor(private readonly home: string) {
    this.environment = { ...process.env, APP_DATA_HOME: home };
  }

  /** Runs `npm run …`, as a person does. */
  npm(...args: string[]): Promise<Outcome> {
    return run("npm", ["run", ...args], this.environment);
  }

  /** Takes over what `npm run env` prints, as `eval` in a shell does. */
  async evaluateEnv(): Promise<void> {
    const script = 'eval "$(npm run --silent env)" && env -0';
    const { code, output } = await run("sh", ["-c", script], this.environment);
    if (code !== 0) throw new Error(output);
    const entries = output.split("\0").filter((entry) => entry.includes("="));
    this.environment = Object.fromEntries(
      entries.map((entry) => [
        entry.slice(0, entry.indexOf("=")),
        entry.slice(entry.indexOf("=") + 1),
      ]),
    );
  }

  /** A variable of the environment. */
  variable(name: string): string {
    const value = this.environment[name];
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
  }

  /** Runs the Pulumi CLI itself. */
  pulumi(args: string[], variables: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return run("pulumi", args, { ...this.environment, ...variables });
  }

  /** Runs the migrator's command line on the migrations of {@link withMigrations}. */
  migrator(...args: string[]): Promise<Outcome> {
    const directory = path.join(this.home, "sql");
    return run("npx", ["migrator", ...args, "--directory", directory], this.environment);
  }

  /** Runs psql on a URL and gives what it prints: unaligned rows, without a header. */
  async psql(url: string, script: string): Promise<string> {
    const args = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", script];
    const { code, output } = await run("psql", args, this.environment);
    if (code !== 0) throw new Error(output);
    return output.trim();
  }

  /**
   * A configuration of the stack with other migrations: a copy of the project's, and the given files.
   * @returns the variables that make `pulumi` use it.
   */
  withMigrations(files: Record<string, string>, settings: string[] = []): NodeJS.ProcessEnv {
    const directory = path.join(this.home, "sql");
    mkdirSync(directory, { recursive: true });
    writeTrios(directory, currentTrios());
    for (const [file, sql] of Object.entries(files)) writeFileSync(path.join(directory, file), sql);
    const keys = settings.map((setting) => setting.split(":")[0] ?? setting);
    const config = readFileSync(path.join(this.home, "Pulumi.local.yaml"), "utf8")
      .split("\n")
      .filter((line) => !keys.some((key) => line.startsWith(`    ${key}:`)))
      .join("\n");
    const lines = [`    directory: ${directory}`, ...settings.map((setting) => `    ${setting}`)];
    const file = path.join(this.home, "Pulumi.changed.yaml");
    writeFileSync(
      file,
      config.replace("app-data:migrations:\n", `app-data:migrations:\n${lines.join("\n")}\n`),
    );
    return { PULUMI_OPTION_CONFIG_FILE: file };
  }
}

/** Runs a program to its end, whatever its exit code. */
function run(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  const begin = Date.now();
  return new Promise((resolve, reject) => {
    const options = { cwd: PROJECT, env, maxBuffer: 256 * 1024 * 1024 };
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") return reject(error);
      const code = typeof error?.code === "number" ? error.code : 0;
      resolve({ code, output: stdout + stderr, seconds: (Date.now() - begin) / 1000 });
    });
  });
}
