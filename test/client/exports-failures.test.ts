import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect as dial, createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { Client } from "pg";
import { type AppData, connect } from "../../src/app-data";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";
import { filesInZip } from "./zip-file";
import { type S3Call, type S3Proxy, startS3Proxy } from "./s3-proxy";

const PROGRAM = path.resolve(__dirname, "../../src/bin/app-data.mjs");
/** Three parts of an upload: a file of fewer is written at once. */
const MANY = 300_000;

let database: ClientDatabase;
let superuser: Client;
let data: AppData;
let proxy: S3Proxy;
let learner: string;
const s3 = new S3Client({ forcePathStyle: true });

beforeAll(async () => {
  database = await createClientDatabase();
  superuser = await database.connect("postgres");
  proxy = await startS3Proxy();
  data = await database.open({ endpoint: proxy.endpoint });
  learner = await signUp(MANY);
});
afterEach(() => {
  proxy.refuses = () => false;
});
afterAll(async () => {
  s3.destroy();
  await database.drop();
  await proxy.close();
});

async function signUp(sessions = 1): Promise<string> {
  const id = randomUUID();
  await superuser.query("insert into public.users (id, email) values ($1, $2)", [
    id,
    `${id}@example.org`,
  ]);
  await superuser.query(
    "insert into public.sessions (user_id, started_at) " +
      "select $1, now() from generate_series(1, $2::integer)",
    [id, sessions],
  );
  return id;
}

const request = (user: string) => data.exports.request(user, { type: "sessions", format: "jsonl" });

/** Exports with a file, one after the other. */
async function completed(user: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const id = await request(user);
    await data.exports.run(id);
    ids.push(id);
  }
  return ids;
}

/** All that is in the bucket for a user: versions, deleted or not, and uploads that are open. */
async function stored(user: string): Promise<string[]> {
  const where = { Bucket: database.settings.exportsBucket, Prefix: `users/${user}/` };
  const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand(where));
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand(where));
  return [...Versions, ...DeleteMarkers, ...Uploads].flatMap(({ Key }) => Key ?? []);
}

/** How often an operation has to be refused before the library gives it up. */
const always = (operation: S3Call["operation"]) => (call: S3Call) => call.operation === operation;

/** Waits for a request to S3, and holds it until it is let go. */
function hold(operation: S3Call["operation"]): { reached: Promise<void>; letGo: () => void } {
  let reach = () => {};
  let letGo = () => {};
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const held = new Promise<void>((resolve) => (letGo = resolve));
  proxy.refuses = async (call) => {
    if (call.operation === operation) {
      reach();
      await held;
    }
    return false;
  };
  return { reached, letGo };
}

/**
 * A way to the database on which the connection that completes an export is cut once: when its COMMIT is
 * sent, or when the server has answered it.
 */
async function cutAtCommit(moment: "sent" | "answered") {
  const { host, port } = database;
  let wasCut = false;
  const server = createServer((client) => {
    const backend = dial(port, host);
    const cut = () => {
      wasCut = true;
      client.destroy();
      backend.destroy();
    };
    let completes = false;
    client.on("data", (bytes) => {
      const text = bytes.toString("latin1");
      completes ||= text.includes("completed_at");
      if (!wasCut && completes && moment === "sent" && text.includes("commit")) cut();
      else backend.write(bytes);
    });
    backend.on("data", (bytes) => {
      const isAnswer = completes && bytes.includes("COMMIT\0");
      if (!wasCut && isAnswer && moment === "answered") cut();
      else client.write(bytes);
    });
    client.on("error", () => undefined).on("close", () => backend.destroy());
    backend.on("error", () => undefined).on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: databasePort } = server.address() as AddressInfo;
  const cutData = await database.open({ databaseHost: "127.0.0.1", databasePort });
  return { data: cutData, server, wasCut: () => wasCut };
}

/** As if nobody had heard of an export for so long. */
async function age(id: string): Promise<void> {
  await superuser.query("alter table public.export_history disable trigger user");
  await superuser.query(
    "update public.export_history set updated_at = now() - interval '2 h' where id = $1",
    [id],
  );
  await superuser.query("alter table public.export_history enable trigger user");
}

describe("an export of several parts", () => {
  it("is one object, encrypted with the bucket's key", async () => {
    const calls: string[] = [];
    proxy.refuses = ({ operation }) => {
      calls.push(operation);
      return false;
    };
    const [id = ""] = await completed(learner, 1);
    expect(calls.filter((operation) => operation === "part").length).toBeGreaterThan(1);
    expect(await data.exports.status(learner, id)).toMatchObject({ rows: BigInt(MANY) });
    const Bucket = database.settings.exportsBucket;
    const [Key] = await stored(learner);
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({
      ServerSideEncryption: "aws:kms",
      SSEKMSKeyId: database.exportsKeyArn,
    });
    await data.exports.delete(learner, id);
    expect(await stored(learner)).toEqual([]);
  });

  it.each(["create", "part", "complete"] as const)(
    "leaves a true row and no upload, when S3 refuses to %s",
    async (operation) => {
      const id = await request(learner);
      proxy.refuses = always(operation);
      await expect(data.exports.run(id)).rejects.toThrow("EXP016");
      expect(await stored(learner)).toEqual([]);
      expect(await data.exports.status(learner, id)).toMatchObject({
        status: "failed",
        error: "its rows could not be read or written (InternalError)",
      });
    },
  );

  it.each(["create", "part", "complete"] as const)(
    "leaves a true row and no upload, when it is stopped during %s",
    async (operation) => {
      const id = await request(learner);
      const stop = new AbortController();
      const held = hold(operation);
      const running = data.exports.run(id, { signal: stop.signal });
      running.catch(() => undefined);
      await held.reached;
      stop.abort();
      setTimeout(held.letGo, 500);
      await expect(running).rejects.toThrow("EXP016");
      expect(await stored(learner)).toEqual([]);
      expect(await data.exports.status(learner, id)).toMatchObject({
        status: "failed",
        error: "it was stopped",
      });
    },
  );

  it("leaves a true row and no upload, when its process closes meanwhile", async () => {
    const id = await request(learner);
    const closing = await connect({ ...database.settings, endpoint: proxy.endpoint });
    const held = hold("part");
    const running = closing.exports.run(id);
    running.catch(() => undefined);
    await held.reached;
    setTimeout(held.letGo, 500);
    await closing.close();
    await expect(running).rejects.toThrow("EXP016");
    expect(await stored(learner)).toEqual([]);
    expect(await data.exports.status(learner, id)).toMatchObject({
      status: "failed",
      error: "it was stopped",
    });
  });

  it("is not begun once its process closes, and stays pending", async () => {
    const ids = [await request(learner), await request(learner)] as const;
    const closing = await connect({ ...database.settings, endpoint: proxy.endpoint });
    const held = hold("part");
    const running = closing.exports.run(ids[0]);
    running.catch(() => undefined);
    await held.reached;
    const closed = closing.close();
    const late = closing.exports.run(ids[1]);
    held.letGo();
    await expect(late).rejects.toMatchObject({ name: "AbortError" });
    await closed;
    await expect(running).rejects.toThrow("EXP016");
    expect(await data.exports.status(learner, ids[1])).toMatchObject({ status: "pending" });
  });

  it("leaves a true row and no upload, when its connection is cut after the first part", async () => {
    const id = await request(learner);
    const held = hold("part");
    const running = data.exports.run(id);
    running.catch(() => undefined);
    await held.reached;
    const { rowCount } = await superuser.query(
      "select pg_terminate_backend(pid) from pg_stat_activity " +
        "where datname = current_database() and query like 'copy %'",
    );
    expect(rowCount).toBe(1);
    held.letGo();
    await expect(running).rejects.toThrow("EXP016");
    expect(await stored(learner)).toEqual([]);
    expect(await data.exports.status(learner, id)).toMatchObject({ status: "failed" });
  });

  it("leaves a true row and no upload, when it is past its deadline", async () => {
    const id = await request(learner);
    const held = hold("part");
    const running = data.exports.run(id, { deadlineMs: 5_000 });
    running.catch(() => undefined);
    // On a busy machine it may be late before its first part.
    await Promise.race([held.reached, running.catch(() => undefined)]);
    setTimeout(held.letGo, 6_500);
    await expect(running).rejects.toThrow("EXP016");
    expect(await stored(learner)).toEqual([]);
    expect(await data.exports.status(learner, id)).toMatchObject({
      status: "failed",
      error: "its rows could not be read or written (DAT003)",
    });
  });

  it("is ended by the sweep, when its process was killed", async () => {
    const id = await request(learner);
    const held = hold("part");
    const { settings } = database;
    const child = spawn(process.execPath, [PROGRAM, "export", "run", id], {
      env: {
        ...process.env,
        AWS_REGION: settings.region,
        AWS_ENDPOINT_URL: proxy.endpoint,
        APP_DATA_APP_SECRET_ARN: settings.appSecretArn,
        APP_DATA_DATABASE_TLS: "off",
        APP_DATA_API_KEYS_KEY_ARN: settings.apiKeysKeyArn,
        APP_DATA_API_KEYS_CONTEXT: JSON.stringify(settings.apiKeysContext),
        APP_DATA_EXPORTS_BUCKET: settings.exportsBucket,
      },
    });
    const closed = once(child, "close");
    await held.reached;
    child.kill("SIGKILL");
    await closed;
    held.letGo();
    expect(await data.exports.status(learner, id)).toMatchObject({ status: "processing" });
    expect(await stored(learner)).toHaveLength(1);
    // It may be at work for all that anybody knows.
    expect(await data.exports.sweep()).toMatchObject({ stalled: 0, uploadsAborted: 0 });
    await age(id);
    expect(await data.exports.sweep()).toMatchObject({ stalled: 1, uploadsAborted: 1 });
    expect(await stored(learner)).toEqual([]);
    expect(await data.exports.status(learner, id)).toMatchObject({ status: "failed" });
  });

  it("stops and leaves nothing, when its user is erased meanwhile", async () => {
    const user = await signUp(MANY);
    const id = await request(user);
    const held = hold("part");
    const running = data.exports.run(id);
    running.catch(() => undefined);
    await held.reached;
    expect((await data.users.erase(user)).rows.users).toBe(1);
    held.letGo();
    await expect(running).rejects.toThrow("EXP016");
    expect(await stored(user)).toEqual([]);
  });
});

describe("an export whose next row does not come", () => {
  it("is stopped at once when its process closes", async () => {
    const user = await signUp();
    const closing = await connect({ ...database.settings, endpoint: proxy.endpoint });
    const id = await request(user);
    const locking = await database.connect("postgres");
    await locking.query("begin; lock table public.sessions");
    try {
      const running = closing.exports.run(id);
      running.catch(() => undefined);
      for (let waits = false; !waits;) {
        const { rowCount } = await superuser.query(
          "select from pg_stat_activity where datname = current_database() " +
            "and query like 'copy %' and wait_event_type = 'Lock'",
        );
        waits = rowCount === 1;
      }
      const closed = closing.close().then(() => "closed");
      expect(await Promise.race([closed, sleep(5_000, "late", { ref: false })])).toBe("closed");
      await expect(running).rejects.toThrow("EXP016");
    } finally {
      await locking.query("rollback");
    }
    expect(await stored(user)).toEqual([]);
    expect(await data.exports.status(user, id)).toMatchObject({
      status: "failed",
      error: "it was stopped",
    });
  });
});

describe("the heartbeat of an export", () => {
  // Of all clocks, only intervals are made to pass.
  beforeEach(() => {
    jest.useFakeTimers({
      doNotFake: [
        ...(["Date", "hrtime", "performance", "nextTick", "queueMicrotask"] as const),
        ...(["setTimeout", "clearTimeout", "setImmediate", "clearImmediate"] as const),
      ],
    });
  });
  afterEach(() => jest.useRealTimers());

  it("keeps one that is at work from being given up", async () => {
    const id = await request(learner);
    const held = hold("part");
    const running = data.exports.run(id);
    await held.reached;
    await age(id);
    jest.advanceTimersByTime(60_000);
    for (let isHeardOf = false; !isHeardOf;) {
      const { rows } = await superuser.query(
        "select updated_at > now() - interval '1 h' as fresh from public.export_history where id = $1",
        [id],
      );
      isHeardOf = rows[0].fresh;
    }
    expect(await data.exports.sweep()).toMatchObject({ stalled: 0, uploadsAborted: 0 });
    held.letGo();
    await running;
    expect(await data.exports.status(learner, id)).toMatchObject({ status: "completed" });
    await data.exports.delete(learner, id);
  });

  it("ends one whose row is gone, before its next part", async () => {
    const id = await request(learner);
    const held = hold("part");
    const running = data.exports.run(id);
    running.catch(() => undefined);
    await held.reached;
    await superuser.query("delete from public.export_history where id = $1", [id]);
    const beaten = jest.spyOn(data, "asService");
    jest.advanceTimersByTime(60_000);
    await beaten.mock.results[0]?.value;
    beaten.mockRestore();
    let parts = 0;
    const { refuses } = proxy;
    proxy.refuses = (call) => {
      if (call.operation === "part") parts += 1;
      return refuses(call);
    };
    held.letGo();
    await expect(running).rejects.toMatchObject({ code: "EXP016", cause: { code: "EXP015" } });
    expect(parts).toBe(0);
    expect(await stored(learner)).toEqual([]);
  });
});

describe("an export", () => {
  it("has the times of the database, whatever the clock of the process says", async () => {
    const user = await signUp();
    const id = await request(user);
    const clock = jest.spyOn(Date, "now").mockReturnValue(Date.parse("2020-01-01T00:00:00Z"));
    await data.exports.run(id).finally(() => clock.mockRestore());
    const { rows } = await superuser.query(
      "select now() - completed_at < interval '1 min' as is_now, " +
        "expires_at - completed_at = interval '7 days' as is_kept " +
        "from public.export_history where id = $1",
      [id],
    );
    expect(rows).toEqual([{ is_now: true, is_kept: true }]);
  });

  it("fails, when its filters were changed to what are none", async () => {
    const user = await signUp();
    const id = await request(user);
    await data.asUser(user, (db) =>
      db
        .updateTable("export_history")
        .set({ filters: { color: "red" } })
        .where("id", "=", id)
        .execute(),
    );
    await expect(data.exports.run(id)).rejects.toThrow("EXP016");
    expect(await data.exports.status(user, id)).toMatchObject({
      status: "failed",
      error: "its rows could not be read or written (EXP012)",
    });
  });

  it.each(["=1", "+1", "-1", "@a", "\t1", "\r1", "＝1", "＋1", "－1", "＠a"])(
    "has no formula in a table for spreadsheets: %j",
    async (formula) => {
      const user = await signUp();
      const email = `${formula}${user}@example.org`;
      await superuser.query("update public.users set email = $2 where id = $1", [user, email]);
      const id = await data.exports.request(user, { type: "full", format: "csv" });
      await data.exports.run(id);
      const answer = await fetch(await data.exports.download(user, id));
      const files = filesInZip(Buffer.from(await answer.arrayBuffer()));
      expect(files.get("account.csv")?.toString()).toContain(`'${email}`);
    },
  );
});

describe("an export whose connection is cut while it is completed", () => {
  it("is completed and keeps its file, when the server has committed", async () => {
    const user = await signUp();
    const id = await request(user);
    const cut = await cutAtCommit("answered");
    await cut.data.exports.run(id);
    expect(cut.wasCut()).toBe(true);
    expect(await data.exports.status(user, id)).toMatchObject({ status: "completed", rows: 1n });
    expect((await fetch(await data.exports.download(user, id))).status).toBe(200);
    cut.server.close();
  });

  it("fails and leaves nothing, when the server has not", async () => {
    const user = await signUp();
    const id = await request(user);
    const cut = await cutAtCommit("sent");
    await expect(cut.data.exports.run(id)).rejects.toThrow("EXP016");
    expect(cut.wasCut()).toBe(true);
    expect(await data.exports.status(user, id)).toMatchObject({ status: "failed" });
    expect(await stored(user)).toEqual([]);
    cut.server.close();
  });
});

describe("sweep", () => {
  it("ends at once when it is stopped, also while S3 does not answer, and is gone on with", async () => {
    const user = await signUp();
    await completed(user, 3);
    await superuser.query("delete from public.export_history where user_id = $1", [user]);
    const stop = new AbortController();
    const { reached, letGo } = hold("delete");
    const sweeping = data.exports.sweep({ signal: stop.signal });
    await reached;
    stop.abort();
    await expect(sweeping).rejects.toBe(stop.signal.reason);
    letGo();
    proxy.refuses = () => false;
    await superuser.query("update public.export_object_deletions set claimed_at = null");
    expect(await data.exports.sweep()).toMatchObject({ objectsDeleted: 3 });
    expect(await stored(user)).toEqual([]);
  });

  it("deletes the other objects, when S3 refuses one, and that one when it no longer does", async () => {
    const user = await signUp();
    const ids = await completed(user, 3);
    await superuser.query("delete from public.export_history where user_id = $1", [user]);
    expect(await stored(user)).toHaveLength(3);
    proxy.refuses = ({ operation, body }) => operation === "delete" && body.includes(ids[0] ?? "");
    await expect(data.exports.sweep()).rejects.toThrow("EXP017");
    expect(await stored(user)).toHaveLength(1);
    proxy.refuses = () => false;
    await superuser.query("update public.export_object_deletions set claimed_at = null");
    expect(await data.exports.sweep()).toMatchObject({ objectsDeleted: 1 });
    expect(await stored(user)).toEqual([]);
  });
});

describe("erase", () => {
  it("asks S3 and the database as often for forty files as for four", async () => {
    const cost = async (files: number) => {
      const user = await signUp();
      for (let n = 0; n < files; n += 1) {
        const id = await request(user);
        const { key: Key } = await data.exports["claim"](id);
        await s3.send(
          new PutObjectCommand({ Bucket: database.settings.exportsBucket, Key, Body: "x" }),
        );
      }
      proxy.requests = 0;
      const statements = jest.spyOn(data, "asService");
      expect((await data.users.erase(user)).objects).toBe(files);
      const transactions = statements.mock.calls.length;
      statements.mockRestore();
      expect(await stored(user)).toEqual([]);
      return { requests: proxy.requests, transactions };
    };
    expect(await cost(40)).toEqual(await cost(4));
  });

  it("deletes the files the second time, when S3 refused the first", async () => {
    const user = await signUp();
    await completed(user, 2);
    proxy.refuses = always("delete");
    await expect(data.users.erase(user)).rejects.toThrow("EXP017");
    expect(await stored(user)).toHaveLength(2);
    proxy.refuses = () => false;
    expect(await data.users.erase(user)).toMatchObject({ objects: 2 });
    expect(await stored(user)).toEqual([]);
    const { rows } = await superuser.query(
      "select from public.export_object_deletions where storage_key like $1",
      [`users/${user}/%`],
    );
    expect(rows).toEqual([]);
  });
});
