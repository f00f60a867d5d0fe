import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listenInSilence } from "../migrator/server-fixture";
import { type ClientDatabase, createKey, createClientDatabase } from "./client-fixture";
import { startEmulatorProxy } from "./emulator-proxy";

const PROGRAM = path.resolve(__dirname, "../../src/bin/app-data.mjs");
/** What a server says to a login: that it is welcome, and that it waits for a query. */
const LOGGED_IN = "R\0\0\0\b\0\0\0\0Z\0\0\0\u0005I";
const CANARY = `sk-canary-${randomUUID()}`;

let database: ClientDatabase;
let environment: NodeJS.ProcessEnv;
const user = randomUUID();

beforeAll(async () => {
  database = await createClientDatabase();
  const superuser = await database.connect("postgres");
  await superuser.query(`grant connect on database ${database.name} to monitor`);
  await superuser.query("insert into public.users (id, email) values ($1, 'a@example.org')", [
    user,
  ]);
  const { settings } = database;
  environment = {
    ...process.env,
    AWS_REGION: settings.region,
    APP_DATA_APP_SECRET_ARN: settings.appSecretArn,
    APP_DATA_MONITOR_SECRET_ARN: await database.secretOf("monitor"),
    APP_DATA_DATABASE_TLS: "off",
    APP_DATA_API_KEYS_KEY_ARN: settings.apiKeysKeyArn,
    APP_DATA_API_KEYS_CONTEXT: JSON.stringify(settings.apiKeysContext),
    APP_DATA_EXPORTS_BUCKET: settings.exportsBucket,
  };
});
afterAll(() => database.drop());

async function run(
  args: readonly string[],
  { input = "", env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...environment, ...env } });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => (output.stdout += text));
  child.stderr.on("data", (text) => (output.stderr += text));
  child.stdin.end(input);
  const [exitCode] = await once(child, "close");
  return { exitCode, ...output };
}

/** As {@link run} in a terminal, where somebody types once there is a prompt; what the terminal showed. */
async function runInTerminal(args: readonly string[], typed: string) {
  const terminal = "import os, pty, sys; pty.spawn(sys.argv[1:])";
  const shell = `"$0" "$@"; echo "exit code $?"`;
  const child = spawn(
    "python3",
    ["-c", terminal, "sh", "-c", shell, process.execPath, PROGRAM, ...args],
    { env: environment },
  );
  let shown = "";
  let hasTyped = false;
  child.stdout.on("data", (text) => {
    shown += text;
    if (hasTyped || !/: $/.test(shown)) return;
    hasTyped = true;
    child.stdin.write(typed);
  });
  await once(child, "close");
  return shown;
}

const of = ["--user", user, "--provider", "openai"];

describe("app-data vault", () => {
  it("stores a secret of standard input, prints it to standard output alone, lists and deletes it", async () => {
    const put = await run(["vault", "put", ...of], { input: `${CANARY}\n` });
    expect(put).toMatchObject({ exitCode: 0, stderr: "" });
    expect(put.stdout).not.toContain(CANARY);
    expect(await run(["vault", "get", ...of])).toEqual({
      exitCode: 0,
      stdout: `${CANARY}\n`,
      stderr: "",
    });
    const listed = await run(["vault", "list", "--user", user, "--json"]);
    expect(JSON.parse(listed.stdout)).toEqual({
      keys: [{ provider: "openai", createdAt: expect.any(String) }],
    });
    const dry = await run(["vault", "rotate", "--dry-run", "--json"]);
    expect(JSON.parse(dry.stdout)).toMatchObject({ due: 0, isComplete: true });
    expect(await run(["vault", "delete", ...of])).toMatchObject({ exitCode: 0 });
    const gone = await run(["vault", "get", ...of, "--json"]);
    expect(gone).toMatchObject({ exitCode: 1, stderr: "" });
    expect(JSON.parse(gone.stdout).error.code).toBe("KEY003");
  });

  it("stores no key for a provider that is not on the list of the settings, where there is one", async () => {
    const misspelt = ["--user", user, "--provider", "opneai"];
    const put = (args: readonly string[], list: string) =>
      run(["vault", "put", ...args], { input: CANARY, env: { APP_DATA_PROVIDERS: list } });
    const refused = await put(misspelt, "openai, anthropic");
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^KEY001 .*providers.* openai, anthropic\b/);
    // With the arguments exchanged it would be the secret.
    expect(refused.stderr).not.toContain("opneai");
    expect(await put(of, "openai, anthropic")).toMatchObject({ exitCode: 0 });
    expect(await put(misspelt, "")).toMatchObject({ exitCode: 0 });
    // What is there can be looked at and deleted, whatever the list says.
    const env = { APP_DATA_PROVIDERS: "google" };
    expect((await run(["vault", "get", ...misspelt], { env })).stdout).toBe(`${CANARY}\n`);
    for (const each of [of, misspelt]) {
      expect(await run(["vault", "delete", ...each], { env })).toMatchObject({ exitCode: 0 });
    }
    const wrong = await put(of, "OpenAI");
    expect(wrong.stderr).toMatch(/^CFG102 providers .*"OpenAI"/);
  });
});

describe("app-data vault put in a terminal", () => {
  it("shows nothing of what is typed", async () => {
    const shown = await runInTerminal(["vault", "put", ...of], `${CANARY}\r`);
    expect(shown).toContain("exit code 0");
    expect(shown).not.toContain(CANARY);
    expect((await run(["vault", "get", ...of])).stdout).toBe(`${CANARY}\n`);
    await run(["vault", "delete", ...of]);
  });

  it("ends by SIGINT at Ctrl+C, and stores nothing", async () => {
    const shown = await runInTerminal(["vault", "put", ...of], `${CANARY}\u0003`);
    expect(shown).toContain("exit code 130");
    expect(shown).not.toContain(CANARY);
    const { stdout } = await run(["vault", "list", "--user", user, "--json"]);
    expect(JSON.parse(stdout)).toEqual({ keys: [] });
  });
});

describe("app-data export and user", () => {
  it("makes an export, tells of it, prints its URL, deletes it, and erases the user", async () => {
    const request = ["export", "request", "--user", user, "--type", "full", "--format", "jsonl"];
    const { stdout } = await run(request);
    const id = stdout.trim();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await run(["export", "run", id])).toMatchObject({ exitCode: 0 });
    const status = await run(["export", "status", id, "--json"]);
    expect(JSON.parse(status.stdout)).toMatchObject({ id, status: "completed", downloads: 0 });
    const link = await run(["export", "download", id]);
    expect((await fetch(link.stdout.trim())).status).toBe(200);
    expect(await run(["export", "delete", id])).toMatchObject({ exitCode: 0 });
    expect(await run(["export", "status", id])).toMatchObject({ exitCode: 1 });
    expect(await run(["export", "status", "1"])).toMatchObject({ exitCode: 1 });

    expect(await run(["user", "erase", user])).toMatchObject({ exitCode: 2 });
    const erased = await run(["user", "erase", user, "--yes", "--json"]);
    expect(JSON.parse(erased.stdout)).toMatchObject({ rows: { users: 1 }, objects: 0 });
  });
});

describe("the command line", () => {
  it.each([
    ["an unknown command", ["vault", "steal"]],
    ["an unknown option", ["vault", "list", "--user", user, "--all"]],
    ["an option of another command", ["vault", "list", ...of]],
    ["a missing option", ["vault", "get", "--user", user]],
    ["an unknown job", ["job", "nothing"]],
    ["no job", ["job"]],
    ["nothing", []],
  ])("ends with 2 at %s", async (_what, args) => {
    expect(await run(args)).toMatchObject({ exitCode: 2 });
  });

  it("takes no secret as an argument, and does not repeat it", async () => {
    const { exitCode, stdout, stderr } = await run(["vault", "put", ...of, CANARY]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("standard input");
    expect(stdout + stderr).not.toContain(CANARY);
  });

  it("ends with 1 and the code at what the library refuses", async () => {
    const { exitCode, stderr } = await run(["vault", "list", "--user", "1"]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^DAT001 /);
  });

  it("explains each command", async () => {
    const { stdout } = await run(["--help"]);
    const commands = [...stdout.matchAll(/^ {2}app-data ([a-z ]+?)(?: [A-Z]+)? {2}/gm)];
    expect(commands.length).toBeGreaterThan(7);
    for (const command of commands) {
      const help = await run([...(command[1] ?? "").split(" "), "--help"]);
      expect(help).toMatchObject({ exitCode: 0, stderr: "" });
      expect(help.stdout).toMatch(new RegExp(`^app-data ${command[1]}`));
    }
  });
});

describe("app-data job", () => {
  it("prints the counts, and logs beside them", async () => {
    const { exitCode, stdout, stderr } = await run(["job", "expire-exports", "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ status: "done", counts: { expired: 0 } });
    expect(
      stderr
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).msg),
    ).toEqual(["job started", "job done"]);
  });
});

describe("app-data doctor", () => {
  /** What it says where something is wrong, in less than ten seconds. */
  async function examined(env: NodeJS.ProcessEnv): Promise<string> {
    const started = Date.now();
    const { exitCode, stdout } = await run(["doctor"], { env });
    expect(exitCode).toBe(1);
    expect(Date.now() - started).toBeLessThan(10_000);
    return stdout;
  }

  it("finds everything in order in less than ten seconds", async () => {
    const started = Date.now();
    const { exitCode, stdout } = await run(["doctor", "--json"]);
    const { ok, findings } = JSON.parse(stdout);
    expect(findings.filter((finding: { ok: boolean }) => !finding.ok)).toEqual([]);
    expect({ ok, exitCode }).toEqual({ ok: true, exitCode: 0 });
    expect(findings.length).toBeGreaterThan(10);
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  it("uses each key of a rotation", async () => {
    const doctor = async (other: string) => {
      const env = { APP_DATA_API_KEYS_OTHER_KEY_ARNS: `${await createKey()}, ${other}` };
      return (await run(["doctor"], { env })).stdout;
    };
    expect(await doctor(await createKey())).toMatch(
      /^ok {4}key for API keys +each of 3 encrypts and decrypts/m,
    );
    const none = `arn:aws:kms:eu-central-1:123456789012:key/${randomUUID()}`;
    expect(await doctor(none)).toMatch(/^FAIL {2}key for API keys +KEY005/m);
  });

  it("ends in less than ten seconds where nothing answers: neither the database nor AWS", async () => {
    const silence = await listenInSilence();
    try {
      for (const env of [
        { APP_DATA_DATABASE_PORT: String(silence.port) },
        { AWS_ENDPOINT_URL: `http://${silence.host}:${silence.port}` },
      ]) {
        expect(await examined(env)).toMatch(/^FAIL {2}session as a user /m);
      }
    } finally {
      await silence.close();
    }
  });

  it("ends in less than ten seconds where AWS is slow, and then the database takes logins alone", async () => {
    const slow = await startEmulatorProxy(() => sleep(1_800, false));
    const database = createServer((socket) => {
      socket.on("error", () => undefined).once("data", () => socket.write(LOGGED_IN));
    });
    await once(database.listen(0, "127.0.0.1"), "listening");
    try {
      const { port } = database.address() as AddressInfo;
      const text = await examined({
        APP_DATA_DATABASE_PORT: String(port),
        AWS_ENDPOINT_URL: slow.endpoint,
      });
      expect(text).toMatch(/^ok {4}secret of app /m);
      expect(text).toMatch(/^FAIL {2}session as a user .*no answer in 7000 ms/m);
    } finally {
      database.close();
      await slow.close();
    }
  });

  it("names what is wrong, each on a line", async () => {
    const superuser = await database.secretOf("postgres");
    const env = {
      APP_DATA_APP_SECRET_ARN: superuser,
      APP_DATA_EXPORTS_BUCKET: "there-is-none",
      APP_DATA_API_KEYS_KEY_ARN: `arn:aws:kms:eu-central-1:123456789012:key/${randomUUID()}`,
    };
    const { exitCode, stdout } = await run(["doctor"], { env });
    expect(exitCode).toBe(1);
    const failed = stdout.split("\n").filter((line) => line.startsWith("FAIL"));
    expect(failed.join("\n")).toMatch(/rights of app .*DAT005/);
    expect(failed.join("\n")).toMatch(/bucket of the exports .*NoSuchBucket/);
    expect(failed.join("\n")).toMatch(/key for API keys .*KEY\d{3}/);
    expect(stdout).toMatch(/^ok {4}secret of app /m);
    const nothing = await run(["doctor"], { env: { APP_DATA_APP_SECRET_ARN: "" } });
    expect(nothing.stdout).toMatch(/^FAIL {2}settings .*CFG101/);
  });
});
