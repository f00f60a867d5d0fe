import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import type { AppData } from "../../src/app-data";
import { HttpValidator } from "../../src/vault/validators";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";
import { type KmsProxy, startKmsProxy } from "./kms-proxy";

const CANARY = `canary-${randomUUID()}`;
const SHAPES = [
  CANARY,
  Buffer.from(CANARY).toString("hex"),
  Buffer.from(CANARY).toString("base64").slice(2, -4),
  encodeURIComponent(CANARY).slice(0, 20),
];
const foundIn = (text: string) => SHAPES.filter((shape) => text.includes(shape));

let database: ClientDatabase;
let proxy: KmsProxy;
let data: AppData;
let user: string;

beforeAll(async () => {
  [database, proxy] = await Promise.all([createClientDatabase(), startKmsProxy()]);
  const superuser = await database.connect("postgres");
  // All that a server can be told to log, with the values that were bound.
  for (const setting of [
    "log_statement = 'all'",
    "log_min_duration_statement = 0",
    "log_parameter_max_length = -1",
    "log_parameter_max_length_on_error = -1",
  ]) {
    await superuser.query(`alter database ${database.name} set ${setting}`);
  }
  data = await database.open({ endpoint: proxy.endpoint });
  user = randomUUID();
  await data.asUser(user, (db) =>
    db.insertInto("users").values({ id: user, email: "canary@example.org" }).execute(),
  );
});
afterAll(async () => {
  await database.drop();
  await proxy.close();
});
beforeEach(() => proxy.reset());

/** What the server has logged while something was done. */
async function logged(doing: () => Promise<unknown>): Promise<string> {
  const file = path.join(
    process.env["TEST_SERVERS_DIRECTORY"] ?? "",
    `postgres-${process.env["JEST_WORKER_ID"] ?? ""}`,
    "server.log",
  );
  const { size } = statSync(file);
  await doing();
  return readFileSync(file).subarray(size).toString("utf8");
}

describe("a secret in the vault", () => {
  it("is in no statement, parameter or error of the server's log", async () => {
    const log = await logged(async () => {
      await data.vault.put(user, "openai", CANARY);
      await data.vault.put(user, "google", CANARY);
      (await data.vault.get(user, "openai")).release();
      await data.vault.list(user);
      await data.vault.delete(user, "google");
      await data.vault.put(randomUUID(), "openai", CANARY).catch(() => undefined);
    });
    // What would show it: the statements are there, with their parameters and the message itself.
    expect(log).toContain('insert into "user_api_keys"');
    expect(log).toContain(`$1 = '${user}'`);
    expect(log).toMatch(/'\\x020478/);
    expect(log).toContain("violates foreign key constraint");
    expect(foundIn(log)).toEqual([]);
  });

  it("is in nothing that KMS is sent", async () => {
    await data.vault.put(user, "openai", CANARY);
    const fresh = await database.open({ endpoint: proxy.endpoint });
    await fresh.vault.get(user, "openai");
    const sent = proxy.bodies.join("\n");
    expect(sent).toContain(user);
    expect(foundIn(sent)).toEqual([]);
  });

  it("is in no error, nor in what caused it", async () => {
    await data.vault.put(user, "openai", CANARY);
    const errors: unknown[] = [];
    const collect = (error: unknown) => void errors.push(error);
    const strict = { ...data.settings.apiKeysContext, environment: "other" };
    const other = await database.open({ endpoint: proxy.endpoint, apiKeysContext: strict });
    await other.vault.get(user, "openai").catch(collect);
    // The arguments exchanged.
    await data.vault.put(user, `${CANARY}_`, "openai").catch(collect);
    await data.vault.put(user, "openai", CANARY.repeat(1_000)).catch(collect);
    await data.vault.put("no UUID", "openai", CANARY).catch(collect);
    await data.vault.put(randomUUID(), "openai", CANARY).catch(collect);
    for (const error of [
      "DisabledException",
      "AccessDeniedException",
      "InvalidCiphertextException",
    ]) {
      proxy.decide = () => ({ error });
      await data.vault.put(user, "google", CANARY).catch(collect);
      const fresh = await database.open({ endpoint: proxy.endpoint });
      await fresh.vault.get(user, "openai").catch(collect);
    }
    proxy.reset();
    const released = await data.vault.get(user, "openai");
    released.release();
    try {
      released.reveal();
    } catch (error) {
      collect(error);
    }
    expect(errors.length).toBeGreaterThan(9);
    const told = errors
      .map((error) => `${inspect(error, { depth: 20, showHidden: true })} ${JSON.stringify(error)}`)
      .join("\n");
    expect(foundIn(told.toLowerCase())).toEqual([]);
    expect(told).toContain("AccessDeniedException");
  });

  it("is in nothing that validation gives, though no header can hold it", async () => {
    await data.vault.put(user, "own", `${CANARY}\n${CANARY}`);
    const validator = new HttpValidator({
      provider: "own",
      url: "https://api.example.invalid/",
      headers: (key) => ({ authorization: key }),
      isRefusal: () => true,
    });
    // What fetch says of it.
    const refusal = await fetch("https://api.example.invalid/", {
      headers: { authorization: `${CANARY}\n${CANARY}` },
    }).catch((error: unknown) => error);
    expect(foundIn(inspect(refusal))).toContain(CANARY);
    const secret = await data.vault.get(user, "own");
    expect(await validator.check(secret, AbortSignal.timeout(1_000))).toBe("undecided");
    const result = await data.vault.validate({ validators: [validator] });
    expect(result).toMatchObject({ undecided: 1, disabled: 0 });
    expect(foundIn(inspect(result, { depth: 9 }))).toEqual([]);
  });

  it("is in no heap snapshot once it is used and released, and is while it is held", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "app-data-canary-"));
    try {
      await runNode(
        `
        import { createHash } from "node:crypto";
        import { writeHeapSnapshot } from "node:v8";
        import { connect } from ${JSON.stringify(libraryUrl())};
        const parts = [];
        for await (const part of process.stdin) parts.push(part);
        const data = await connect();
        async function use(keep) {
          const secret = await data.vault.get(process.env.CANARY_USER, "openai");
          const text = secret.reveal();
          createHash("sha256").update(text).digest();
          secret.release();
          if (keep) globalThis.kept = text;
        }
        const bytes = Buffer.concat(parts);
        await data.vault.put(process.env.CANARY_USER, "openai", bytes);
        await use(true);
        writeHeapSnapshot("held.heapsnapshot");
        delete globalThis.kept;
        await use(false);
        writeHeapSnapshot("released.heapsnapshot");
        await data.close();`,
        directory,
      );
      const snapshot = (name: string) =>
        readFileSync(path.join(directory, `${name}.heapsnapshot`), "utf8");
      expect(foundIn(snapshot("held"))).toContain(CANARY);
      expect(foundIn(snapshot("released"))).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  // A snapshot has no bytes of buffers. It is looked at from here, where the text that is looked for is. Of
  // many the process keeps a few: what Node.js frees of a decryption has it until it is written over.
  (process.platform === "linux" ? it : it.skip)(
    "leaves no copy in memory of each put, nor of each get that is released",
    async () => {
      const times = 40;
      const child = startNode(`
        import { readSync, writeSync } from "node:fs";
        import { connect } from ${JSON.stringify(libraryUrl())};
        const said = Buffer.alloc(1);
        function lookAt(step) {
          writeSync(1, step);
          readSync(0, said);
        }
        const data = await connect();
        const user = process.env.CANARY_USER;
        const bytes = Buffer.alloc(${CANARY.length});
        readSync(0, bytes);
        lookAt("given");
        for (let time = 0; time < ${times}; time += 1) await data.vault.put(user, "openai", bytes);
        bytes.fill(0);
        lookAt("put");
        const secrets = [];
        while (secrets.length < ${times}) secrets.push(await data.vault.get(user, "openai"));
        lookAt("held");
        for (const secret of secrets) secret.release();
        lookAt("released");
        await data.close();
        process.exit();`);
      const found: Record<string, number> = {};
      child.stdout?.on("data", (step: Buffer) => {
        found[step.toString()] = timesInMemory(child.pid ?? 0);
        child.stdin?.write("x");
      });
      child.stdin?.write(CANARY);
      await ended(child);
      const { given = 0, put = times, held = 0, released = times } = found;
      expect(given).toBeGreaterThan(0);
      expect(put).toBeLessThan(times / 2);
      expect(held).toBeGreaterThanOrEqual(times);
      expect(released).toBeLessThan(times / 2);
    },
  );
});

function libraryUrl(): string {
  const library = path.resolve(__dirname, "../../src/dist/index.js");
  if (!existsSync(library)) throw new Error("Run npm run build first.");
  return pathToFileURL(library).href;
}

/** How often the canary is in the memory that a process of this machine may write to. */
function timesInMemory(pid: number): number {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const chunk = Buffer.alloc(2 ** 24);
  const step = chunk.length - CANARY.length;
  const timesAt = (from: number, length: number): number => {
    try {
      const read = chunk.subarray(0, readSync(memory, chunk, 0, length, from));
      return read.toString("latin1").split(CANARY).length - 1;
    } catch {
      // Pages that are the kernel's own.
      return 0;
    }
  };
  let times = 0;
  const maps = readFileSync(`/proc/${pid}/maps`, "utf8").matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm);
  for (const [, first = "", last = ""] of maps) {
    const end = parseInt(last, 16);
    for (let at = parseInt(first, 16); at < end; at += step) {
      times += timesAt(at, Math.min(chunk.length, end - at));
    }
  }
  closeSync(memory);
  return times;
}

async function runNode(script: string, cwd: string): Promise<void> {
  const child = startNode(script, cwd);
  child.stdin?.end(CANARY);
  await ended(child);
}

/** Node.js with the settings of the library. What may not be in its memory by itself it is given to read. */
function startNode(script: string, cwd = process.cwd()): ChildProcess {
  const { settings } = database;
  return spawn(process.execPath, ["--input-type=module", "--eval", script], {
    cwd,
    env: {
      ...process.env,
      CANARY_USER: user,
      APP_DATA_APP_SECRET_ARN: settings.appSecretArn,
      APP_DATA_DATABASE_TLS: "off",
      APP_DATA_API_KEYS_KEY_ARN: settings.apiKeysKeyArn,
      APP_DATA_API_KEYS_CONTEXT: JSON.stringify(settings.apiKeysContext),
      APP_DATA_EXPORTS_BUCKET: settings.exportsBucket,
      AWS_REGION: settings.region,
    },
  });
}

async function ended(child: ChildProcess): Promise<void> {
  let told = "";
  child.stdout?.resume();
  child.stderr?.on("data", (part: Buffer) => (told += part.toString()));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`The program ended with ${code}: ${told}`);
}
