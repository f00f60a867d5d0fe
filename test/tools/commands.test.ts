import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";

const PROJECT = path.resolve(__dirname, "../..");

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "app-data-commands-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Runs a command of package.json without npm. */
function command(args: string[], { node = [] as string[], variables = {} } = {}) {
  const env = { ...process.env, APP_DATA_HOME: home, ...variables };
  const all = [...node, path.join(PROJECT, "tools/main.mjs"), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { env, encoding: "utf8" });
  return { status, stdout, stderr };
}

/** A Pulumi state that has a resource, in a home whose emulator does not run. */
function pretendDeployed() {
  const folder = path.join(home, "state/.pulumi/stacks/app-data");
  mkdirSync(folder, { recursive: true });
  const state = {
    checkpoint: { latest: { resources: [{ urn: "urn:pulumi:local::app-data::x" }] } },
  };
  writeFileSync(path.join(folder, "local.json"), JSON.stringify(state));
}

describe("the commands", () => {
  it("explain themselves", () => {
    const { status, stdout } = command(["help"]);
    expect(status).toBe(0);
    for (const name of ["up", "redo", "preview", "refresh", "status", "env", "down", "test"]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
    }
  });

  it.each([
    [["deploy"], 'There is no command "deploy".'],
    [["audit", "--fix"], "Unknown option '--fix'"],
    [["status", "--purge"], "Unknown option '--purge'"],
    [["down", "all"], "Unexpected argument 'all'"],
  ])("refuse %j", (args, message) => {
    const { status, stderr } = command(args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it("say which Node.js is needed on an old one", () => {
    const pretend =
      'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"18.20.4"}})';
    const { status, stderr } = command(["up"], { node: ["--import", pretend] });
    expect(stderr.trim()).toBe(
      "This is Node.js 18.20.4, and 20.11 or newer is needed; install Node.js 22 or newer.",
    );
    expect(status).toBe(1);
  });

  it("say what to install where Python is missing", () => {
    const bin = path.join(home, "bin");
    mkdirSync(bin);
    symlinkSync("/bin/sh", path.join(bin, "sh"));
    const { status, stderr } = command(["preview"], { variables: { PATH: bin } });
    expect(stderr.trim()).toBe(
      "error: No Python 3.10 or newer with its venv module was found on PATH; " +
        "install it (Debian and Ubuntu: apt-get install python3 python3-venv).",
    );
    expect(status).toBe(1);
  });

  it.each([
    ["preview", "To go on without it: npm run up"],
    ["refresh", "To go on without it: npm run up"],
    ["audit", "To go on without it: npm run up"],
    ["check:before", "To go on without it: npm run up"],
    ["check:after", "To go on without it: npm run up"],
    ["down", "To forget it all with: npm run down -- --purge"],
  ])("%s says what the stack has lost and names one command", (name, way) => {
    pretendDeployed();
    const { status, stderr } = command([name]);
    const file = path.join(home, "passphrase");
    expect(stderr.trim()).toBe(
      `error: The passphrase of this stack (${file}) is gone, and without it the secrets in its state. ${way}`,
    );
    expect(status).toBe(1);
    writeFileSync(file, "any");
    expect(command([name]).stderr).toContain("The database that this stack was made on is gone.");
  });

  it.each(["up", "preview", "refresh", "down"])(
    "%s leaves a run that is at work alone, and says how old it is and how to end it",
    (name) => {
      pretendDeployed();
      const folder = path.join(home, "state/.pulumi/locks/organization/app-data/local");
      mkdirSync(folder, { recursive: true });
      const run = spawn("sleep", ["60"], { argv0: "pulumi" });
      const timestamp = new Date(Date.now() - 3 * 60_000).toISOString();
      const lock = { pid: run.pid, hostname: hostname(), timestamp };
      writeFileSync(path.join(folder, "1.json"), JSON.stringify(lock));
      writeFileSync(path.join(folder, "1.json.attrs"), "{}");
      const { status, stderr } = command([name]);
      run.kill();
      expect(stderr.trim()).toBe(
        `error: Another run is at work on this stack (process ${run.pid} on ${hostname()}, since 3 min). ` +
          `Wait for it to end and run this again, or end it: kill -INT ${run.pid}`,
      );
      expect(status).toBe(1);
    },
  );

  it("say that the state is damaged where a full disk has cut it short", () => {
    pretendDeployed();
    writeFileSync(path.join(home, "state/.pulumi/stacks/app-data/local.json"), '{"checkpoint":');
    const { status, stderr } = command(["preview"]);
    const damaged = "error: The state of this stack is damaged.";
    expect(stderr.trim()).toBe(`${damaged} To go on without it: npm run up`);
    expect(status).toBe(1);
    expect(command(["down"]).stderr).toContain(`${damaged} To forget it all with:`);
  });

  it("status tells it, too", () => {
    pretendDeployed();
    const { status, stdout } = command(["status"]);
    expect(stdout).toMatch(/AWS emulator +not running\nPostgreSQL +not running\nStack +deployed/);
    expect(stdout).toMatch(/is gone.* Go on without it: npm run up/);
    expect(status).toBe(0);
    const json: unknown = JSON.parse(command(["status", "--json"]).stdout);
    expect(json).toEqual({ home, deployed: true, emulator: null, postgres: null });
  });

  it("tell of a place that they cannot write to in a sentence, with --debug in a stack trace", () => {
    const file = path.join(home, "file");
    writeFileSync(file, "");
    const variables = { APP_DATA_CACHE: path.join(file, "cache") };
    const { status, stderr } = command(["down"], { variables });
    expect(stderr).toMatch(/^\nerror: \S.*\n$/);
    expect(status).toBe(1);
    expect(command(["down", "--debug"], { variables }).stderr).toMatch(/\n +at /);
  });

  it("env needs a stack that is up", () => {
    const { status, stdout, stderr } = command(["env"]);
    expect(stderr).toContain("The stack is not up. Run `npm run up` first");
    expect(stdout).toBe("");
    expect(status).toBe(1);
  });

  it("down without a stack, and down --purge, leave nothing", () => {
    expect(command(["down"]).status).toBe(0);
    pretendDeployed();
    expect(command(["down", "--purge"]).status).toBe(0);
    const { stdout } = command(["status", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ deployed: false });
  });
});
