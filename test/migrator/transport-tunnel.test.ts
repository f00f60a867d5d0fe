import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionSettings } from "../../migrator/src";
import { withConnection } from "../../migrator/src/database/connection";
import { preflight } from "../../migrator/src/preflight";
import { closeTunnels } from "../../migrator/src/database/transports/tunnel-pool";
import { createAuthority } from "./certificate-fixture";
import { type MigratorFixture, createFixture } from "./migration-fixture";
import { type Listener, listenWithTls } from "./server-fixture";
import { STREAM_URL, TOKEN, type TunnelFixture, createTunnelFixture } from "./tunnel-fixture";

const REAL_NAME = "app.c9akciq32.eu-central-1.rds.amazonaws.com";
const INSTANCE = "i-0a1b2c3d4e5f67890";

let fixture: MigratorFixture;
let aws: TunnelFixture;
let server: Listener;
let settings: ConnectionSettings;
const systemPath = process.env["PATH"] ?? "";

beforeAll(async () => {
  fixture = await createFixture();
});
beforeEach(async () => {
  aws = await createTunnelFixture({ [REAL_NAME]: "127.0.0.1" });
  process.env["PATH"] = `${aws.folder}${path.delimiter}${systemPath}`;
  const authority = createAuthority("Authority of a test");
  const authoritiesFile = path.join(aws.folder, "authority.pem");
  writeFileSync(authoritiesFile, authority.certificate);
  server = await listenWithTls(authority.issue(REAL_NAME), fixture.database);
  settings = {
    ...fixture.settings,
    host: REAL_NAME,
    port: server.port,
    tls: { mode: "verify-full", serverName: REAL_NAME, authoritiesFile },
    transport: { kind: "tunnel", target: INSTANCE, region: "eu-central-1" },
  };
});
afterEach(async () => {
  await closeTunnels();
  await server.close();
  await aws.close();
  process.env["PATH"] = systemPath;
});
afterAll(() => fixture.database.drop());

function whoAmI(connection = settings): Promise<string> {
  return withConnection(connection, async (client) => {
    const { rows } = await client.query<{ name: string }>("select current_user::text as name");
    return rows[0]?.name ?? "";
  });
}

/** The settings with a tunnel that may take so long to open. */
function within(openSeconds: number): ConnectionSettings {
  return {
    ...settings,
    transport: { kind: "tunnel", target: INSTANCE, region: "eu-central-1", openSeconds },
  };
}

const named = (name: string) => aws.calls.filter(([call]) => call === name);
const pids = (event: string) =>
  aws.events().flatMap((each) => (each.event === event ? each.pid : []));

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition() && waited < 10_000; waited += 20) await sleep(20);
  expect(condition()).toBe(true);
}

describe("the tunnel", () => {
  it("leads to the server, whose certificate is verified by its real name", async () => {
    await expect(whoAmI()).resolves.toBe("migrator");
    expect(aws.calls).toEqual([
      [
        "StartSession",
        {
          Target: INSTANCE,
          DocumentName: "AWS-StartPortForwardingSessionToRemoteHost",
          Parameters: { host: [REAL_NAME], portNumber: [String(server.port)] },
        },
      ],
    ]);
    const impostor = { ...settings, tls: { ...settings.tls, serverName: "other.example.org" } };
    await expect(whoAmI(impostor as ConnectionSettings)).rejects.toThrow(
      `MIG003 Could not connect to database ${settings.database} at ${REAL_NAME}:${server.port} through ` +
        `instance ${INSTANCE} as migrator: Hostname/IP does not match certificate's altnames: ` +
        `Host: other.example.org. is not in the cert's altnames: DNS:${REAL_NAME}. `,
    );
  });

  it("hands the session's token to the plugin by the environment, not as an argument", async () => {
    await whoAmI();
    const [start] = aws.events();
    expect(start?.args).toEqual([
      "AWS_SSM_START_SESSION_RESPONSE",
      "eu-central-1",
      "StartSession",
      "",
      JSON.stringify({
        Target: INSTANCE,
        DocumentName: "AWS-StartPortForwardingSessionToRemoteHost",
        Parameters: { host: [REAL_NAME], portNumber: [String(server.port)] },
      }),
      "https://ssm.eu-central-1.amazonaws.com",
    ]);
    expect(JSON.parse(start?.response ?? "")).toEqual({
      SessionId: "session-1",
      StreamUrl: STREAM_URL,
      TokenValue: TOKEN,
    });
    // The plugin's own arguments, and those of everything that stands before it.
    const commandLines = execFileSync("ps", ["-ax", "-ww", "-o", "args="], { encoding: "utf8" });
    expect(commandLines).toContain("AWS_SSM_START_SESSION_RESPONSE eu-central-1 StartSession");
    expect(commandLines).not.toContain(TOKEN);
    expect(commandLines).not.toContain(STREAM_URL);
  });

  it("is one for all connections of the process, side by side and one after the other", async () => {
    await Promise.all([whoAmI(), whoAmI(), whoAmI()]);
    await whoAmI();
    expect(named("StartSession")).toHaveLength(1);
  });

  it("is another for another server, on a port of its own", async () => {
    const ports = new Set<number>();
    const remember = (connection: ConnectionSettings) =>
      withConnection(connection, async (client) => void ports.add(client.port));
    await remember(settings);
    const plain = { ...settings, port: fixture.database.port, tls: { mode: "disable" } as const };
    await remember(plain);
    expect(named("StartSession")).toHaveLength(2);
    expect(ports.size).toBe(2);
  });

  it("ends plugin and session when it is closed, and opens anew", async () => {
    await whoAmI();
    await closeTunnels();
    const [pid = 0] = pids("start");
    expect(isRunning(pid)).toBe(false);
    expect(pids("terminate")).toEqual([pid]);
    expect(named("TerminateSession")).toEqual([["TerminateSession", { SessionId: "session-1" }]]);
    await expect(whoAmI()).resolves.toBe("migrator");
    expect(named("StartSession")).toHaveLength(2);
  });

  it("fails what is under way when the plugin is killed, and opens anew for the next", async () => {
    const broken = withConnection(settings, async (client) => {
      process.kill(pids("start")[0] ?? 0, "SIGKILL");
      await client.query("select pg_sleep(20)");
    });
    await expect(broken).rejects.toThrow(/Connection terminated unexpectedly|ECONNRESET/);
    await expect(whoAmI()).resolves.toBe("migrator");
    expect(pids("start")).toHaveLength(2);
    await until(() => named("TerminateSession").length === 1);
  });
});

describe("a tunnel that does not open", () => {
  it("says where to get the plugin when it is missing", async () => {
    process.env["PATH"] = "/usr/bin:/bin";
    await expect(whoAmI()).rejects.toThrow(
      "MIG032 The tunnel needs AWS's session-manager-plugin, version 1.2.497.0 or newer, and it is not on the " +
        "PATH. Install it (https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html), " +
        "or open a port-forward yourself and set database.tunnel.",
    );
    expect(aws.calls).toEqual([]);
  });

  it("says when the plugin is too old to be handed the token in secret", async () => {
    aws.behaviour = "too old";
    await expect(whoAmI()).rejects.toThrow(
      "MIG032 The session-manager-plugin on the PATH is too old: it must be 1.2.497.0 or newer, which takes the " +
        "session's token from its environment, not from its arguments. Install it anew (https://",
    );
    expect(named("TerminateSession")).toHaveLength(1);
  });

  it("says what AWS says when it starts no session", async () => {
    aws.refusal = { name: "TargetNotConnected", message: `${INSTANCE} is not connected.` };
    await expect(whoAmI()).rejects.toThrow(
      `MIG033 AWS did not start a session on ${INSTANCE} in eu-central-1 (TargetNotConnected: ${INSTANCE} is not ` +
        "connected.). The instance must run an SSM agent of version 3.1.1374.0 or newer that is online " +
        "(aws ssm describe-instance-information), and the AWS credentials in use need ssm:StartSession on it " +
        "and on the document AWS-StartPortForwardingSessionToRemoteHost.",
    );
  });

  it("passes on what a plugin says that ends", async () => {
    aws.behaviour = "ends";
    await expect(whoAmI()).rejects.toThrow(
      `MIG034 The tunnel through ${INSTANCE} in eu-central-1 did not open: its plugin ended: SessionId: session-1 : ` +
        "----------ERROR------- Unable to start session It ended with code 255.",
    );
    expect(named("TerminateSession")).toHaveLength(1);
  });

  it("gives up on a plugin that never listens, and leaves none behind", async () => {
    aws.behaviour = "never listens";
    await expect(whoAmI(within(3))).rejects.toThrow(
      `MIG034 The tunnel through ${INSTANCE} in eu-central-1 did not open: its plugin did not listen within 3 s.`,
    );
    expect(pids("terminate")).toEqual(pids("start"));
    expect(named("TerminateSession")).toHaveLength(1);
  });

  it("tells that the far end is closed", async () => {
    aws.behaviour = "far end is closed";
    await expect(whoAmI(within(3))).rejects.toThrow(
      `MIG034 The tunnel through ${INSTANCE} in eu-central-1 did not open: it is open, and ${REAL_NAME}:${server.port} ` +
        "does not answer at its end (the connection was closed at once); the instance's and the database's " +
        `security groups must let ${INSTANCE} through.`,
    );
    expect(pids("terminate")).toEqual(pids("start"));
  });

  it("opens for the next connection once it can", async () => {
    aws.behaviour = "ends";
    await expect(whoAmI()).rejects.toThrow(/^MIG034/);
    aws.behaviour = "forwards";
    await expect(whoAmI()).resolves.toBe("migrator");
  });
});

describe("preflight through a tunnel", () => {
  it("finds nothing wrong when the tunnel opens", async () => {
    const { address, ok, steps } = await preflight(settings);
    expect(address).toBe(`${REAL_NAME}:${server.port} through instance ${INSTANCE}`);
    expect(steps[0]?.detail).toBe(
      `${REAL_NAME} is looked up by instance ${INSTANCE}, at the tunnel's end`,
    );
    expect(steps[1]?.detail).toMatch(
      new RegExp(
        `^${REAL_NAME}:${server.port} answers through instance ${INSTANCE}, at 127\\.0\\.0\\.1:\\d+$`,
      ),
    );
    expect(ok).toBe(true);
  });

  it("gives up in time on a plugin that never listens", async () => {
    aws.behaviour = "never listens";
    const { steps } = await preflight(within(60));
    expect(steps.map(({ name, ok }) => [name, ok])).toEqual([
      ["name", true],
      ["route", false],
    ]);
    expect(steps[1]?.remedy).toMatch(/^MIG034 .* its plugin did not listen within 13 s\.$/);
    expect(steps[1]?.milliseconds).toBeLessThan(15_000);
  });
});

describe("the process that opened a tunnel", () => {
  const script = `
    const { openRoute } = require(${JSON.stringify(path.resolve("migrator/dist/database/transports/transport.js"))});
    openRoute(JSON.parse(process.argv[1])).then((route) => {
      console.log("open");
      if (process.argv[2] === "release") route.release();
      else setInterval(() => undefined, 1000);
    });`;

  /** A process of its own with an open tunnel, and its plugin. */
  async function startProcess(mode: "hold" | "release") {
    const child = spawn(process.execPath, ["--eval", script, JSON.stringify(settings), mode], {
      stdio: ["ignore", "pipe", "inherit"],
      env: process.env,
    });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const [plugin = 0] = pids("start");
    return { child, ended, plugin };
  }

  it.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)(
    "leaves no plugin behind when it ends by %s, and ends the session",
    async (signal) => {
      const { child, ended, plugin } = await startProcess("hold");
      expect(isRunning(plugin)).toBe(true);
      child.kill(signal);
      await ended;
      await until(() => !isRunning(plugin));
      expect(pids("terminate")).toEqual([plugin]);
    },
  );

  it("is not kept alive by a tunnel that nobody uses", async () => {
    const started = Date.now();
    const { ended, plugin } = await startProcess("release");
    await ended;
    expect(Date.now() - started).toBeLessThan(8_000);
    await until(() => !isRunning(plugin));
  });
});
