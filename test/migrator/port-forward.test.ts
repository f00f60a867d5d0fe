import { spawn } from "node:child_process";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import type { TunnelSettings } from "../../migrator/src/database/settings";
import { forwardPort } from "../../migrator/src/database/transports/port-forward";
import { type TestDatabase, createDatabase } from "../support/database";
import { type TunnelFixture, createTunnelFixture } from "./tunnel-fixture";

const REAL_NAME = "app.c9akciq32.eu-central-1.rds.amazonaws.com";
const INSTANCE = "i-0a1b2c3d4e5f67890";
const PROGRAM = path.resolve("migrator/bin/migrator.mjs");
const systemPath = process.env["PATH"] ?? "";
const byTag: TunnelSettings = {
  kind: "tunnel",
  target: "tag:Role=bastion",
  region: "eu-central-1",
};

let database: TestDatabase;
let aws: TunnelFixture;

beforeAll(async () => {
  database = await createDatabase();
});
beforeEach(async () => {
  aws = await createTunnelFixture({ [REAL_NAME]: "127.0.0.1" });
  aws.online = ["i-0ffffffffffffffff", INSTANCE];
  process.env["PATH"] = `${aws.folder}${path.delimiter}${systemPath}`;
});
afterEach(async () => {
  await aws.close();
  process.env["PATH"] = systemPath;
});
afterAll(() => database.drop());

const named = (name: string) => aws.calls.filter(([call]) => call === name);
const pids = (event: string) =>
  aws.events().flatMap((each) => (each.event === event ? each.pid : []));

/** Waits until a process is no more. */
async function ended(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(20);
  }
}

/** Who one is at the other end of a port of this machine. */
async function whoAmI(address: string): Promise<string> {
  const [host = "", port] = address.split(":");
  const password = database.password("migrator");
  const client = new Client({
    host,
    port: Number(port),
    user: "migrator",
    password,
    database: database.name,
  });
  await client.connect();
  const { rows } = await client.query("select current_user::text as name");
  await client.end();
  return rows[0].name;
}

describe("forwardPort", () => {
  it("leads each connection to the server, through one tunnel, until it is closed", async () => {
    const { address, close } = await forwardPort(
      { host: REAL_NAME, port: database.port },
      byTag,
      0,
    );
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    const all = await Promise.all([whoAmI(address), whoAmI(address), whoAmI(address)]);
    expect(all).toEqual(["migrator", "migrator", "migrator"]);
    expect(named("StartSession")).toHaveLength(1);
    await close();
    expect(pids("terminate")).toEqual(pids("start"));
    await expect(whoAmI(address)).rejects.toThrow(/ECONNREFUSED/);
  });

  it("opens another tunnel on the same port when the session has ended", async () => {
    const { address, close } = await forwardPort(
      { host: REAL_NAME, port: database.port },
      byTag,
      0,
    );
    const [plugin = 0] = pids("start");
    process.kill(plugin, "SIGKILL");
    await ended(plugin);
    await expect(whoAmI(address)).resolves.toBe("migrator");
    expect(named("StartSession")).toHaveLength(2);
    await close();
  });

  it("goes through the online instance with the tag that has the least id", async () => {
    const { close } = await forwardPort({ host: REAL_NAME, port: database.port }, byTag, 0);
    expect(named("DescribeInstanceInformation")).toEqual([
      [
        "DescribeInstanceInformation",
        {
          Filters: [
            { Key: "tag:Role", Values: ["bastion"] },
            { Key: "PingStatus", Values: ["Online"] },
          ],
        },
      ],
    ]);
    expect(named("StartSession")[0]?.[1]).toMatchObject({ Target: INSTANCE });
    await close();
  });

  it("says when no instance with the tag is online", async () => {
    aws.online = [];
    await expect(forwardPort({ host: REAL_NAME, port: 5432 }, byTag, 0)).rejects.toThrow(
      "MIG085 No instance with the tag Role = bastion is online at Systems Manager in eu-central-1. Start one " +
        "in the database's network, with an SSM agent and an instance profile for it " +
        "(aws ssm describe-instance-information lists them), or correct the tag.",
    );
    expect(named("StartSession")).toEqual([]);
  });

  it("says what AWS says when instances may not be listed", async () => {
    aws.refusal = { name: "AccessDeniedException", message: "not authorized" };
    await expect(forwardPort({ host: REAL_NAME, port: 5432 }, byTag, 0)).rejects.toThrow(
      "MIG085 Could not look in eu-central-1 for an instance with the tag Role = bastion: " +
        "AccessDeniedException: not authorized. The AWS credentials in use need " +
        "ssm:DescribeInstanceInformation; or name the instance by its id.",
    );
  });

  it("says which port is taken", async () => {
    await expect(
      forwardPort({ host: REAL_NAME, port: 5432 }, byTag, database.port),
    ).rejects.toThrow(
      new RegExp(
        `^MIG086 Could not listen on 127\\.0\\.0\\.1:${database.port} \\(.*EADDRINUSE.*\\)\\. Choose another ` +
          "port with --local-port, and the same in database\\.tunnel\\.$",
      ),
    );
    expect(aws.calls).toEqual([]);
  });
});

describe("npx migrator tunnel", () => {
  interface Outcome {
    code: number | null;
    out: string;
    err: string;
  }

  /** Runs it on a free port; `started` is called with what it says, as soon as it says something. */
  function tunnel(args: string[], started?: (child: { kill(signal: "SIGTERM"): void }) => void) {
    const host = ["--host", REAL_NAME, "--port", String(database.port)];
    const way = ["--tunnel", "tag:Role=bastion", "--region", "eu-central-1", "--local-port", "0"];
    const child = spawn(process.execPath, [PROGRAM, "tunnel", ...host, ...way, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, MIGRATOR_URL: undefined },
    });
    return new Promise<Outcome>((resolve) => {
      const said = { out: "", err: "" };
      child.stdout.on("data", (text) => (said.out += text));
      child.stderr.on("data", (text) => {
        said.err += text;
        if (said.err.includes("Open until Ctrl-C.")) started?.(child);
      });
      child.on("close", (code) => resolve({ code, ...said }));
    });
  }
  const leads = new RegExp(
    `^127\\.0\\.0\\.1:\\d+ leads to ${REAL_NAME}:\\d+ through an instance with the tag Role = bastion\\.\\n`,
  );

  it("runs a command with the tunnel open, gives its exit code and closes the tunnel", async () => {
    const script = "console.log(process.argv.slice(1).join(' ')); process.exit(7)";
    const run = await tunnel(["--", process.execPath, "--eval", script, "--", "up", "--json"]);
    expect(run).toMatchObject({ code: 7, out: "up --json\n" });
    expect(run.err).toMatch(new RegExp(`${leads.source}$`));
    expect(pids("terminate")).toEqual(pids("start"));
    expect(named("TerminateSession")).toHaveLength(1);
  });

  it("gives 128 and the signal's number when a signal ends the command", async () => {
    const script = "process.kill(process.pid, 'SIGKILL')";
    expect(await tunnel(["--", process.execPath, "--eval", script])).toMatchObject({ code: 137 });
  });

  it("stays open without a command until it is told to end", async () => {
    const { code, out, err } = await tunnel([], (child) => child.kill("SIGTERM"));
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(err).toMatch(leads);
    expect(pids("terminate")).toEqual(pids("start"));
  });

  it("says which command there is not, and closes the tunnel", async () => {
    const { code, err } = await tunnel(["--", "no-such-command"]);
    expect(code).toBe(1);
    expect(err).toContain(
      "MIG087 Could not start no-such-command (spawn no-such-command ENOENT). What follows -- must be a " +
        "command on the PATH, such as: npx migrator tunnel … -- pulumi up.",
    );
    expect(pids("terminate")).toEqual(pids("start"));
  });

  it("runs no command when the tunnel does not open", async () => {
    aws.online = [];
    const { code, out } = await tunnel(["--", process.execPath, "--print", "1"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
  });
});
