import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { Client } from "pg";
import { pino } from "pino";
import type { AppData } from "../../src/app-data";
import { runJob } from "../../src/jobs/run-job";
import { type ClientDatabase, createClientDatabase, someoneWaits } from "./client-fixture";

const CANARY = `sk-canary-${randomUUID()}`;
const s3 = new S3Client({ forcePathStyle: true });

let database: ClientDatabase;
let superuser: Client;
let data: AppData;
let user: string;
let bucket: string;
let lines: string[];
const logger = pino(
  new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString());
      done();
    },
  }),
);

beforeAll(async () => {
  database = await createClientDatabase();
  superuser = await database.connect("postgres");
  await superuser.query(`grant connect on database ${database.name} to monitor`);
  bucket = database.settings.exportsBucket;
  data = await database.open({
    monitorSecretArn: await database.secretOf("monitor"),
  });
  user = randomUUID();
  await superuser.query("insert into public.users (id, email) values ($1, 'a@example.org')", [
    user,
  ]);
});
afterAll(async () => {
  s3.destroy();
  await database.drop();
});
beforeEach(() => {
  lines = [];
});

/** An export in a state, as its owner would have made it; the superuser's triggers are off. */
async function putExport(fields: {
  status: string;
  key?: string;
  expiresAt?: string;
  updatedAt?: string;
}): Promise<string> {
  const id = randomUUID();
  await superuser.query("set session_replication_role = replica");
  await superuser.query(
    `insert into public.export_history (id, user_id, export_type, format, status, storage_bucket,
       storage_key, completed_at, expires_at, updated_at, started_at)
     values ($1, $2, 'progress', 'jsonl', $3, $4, $5, now(), $6, coalesce($7, now()), now())`,
    [
      id,
      user,
      fields.status,
      fields.key === undefined ? null : bucket,
      fields.key,
      fields.expiresAt ?? "2100-01-01T00:00:00Z",
      fields.updatedAt,
    ],
  );
  await superuser.query("set session_replication_role = origin");
  return id;
}

async function statusOf(id: string): Promise<string | undefined> {
  const { rows } = await superuser.query("select status from public.export_history where id = $1", [
    id,
  ]);
  return rows[0]?.status;
}

describe("runJob", () => {
  it("leaves a job alone that runs already, and runs it once that has ended", async () => {
    let end = () => {};
    const work = () =>
      new Promise<{ done: number }>((resolve) => (end = () => resolve({ done: 1 })));
    const first = runJob(data, "rotate-keys", { logger, work });
    while (!lines.some((line) => line.includes("job started"))) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await runJob(data, "rotate-keys", { logger })).toMatchObject({
      status: "already running",
      counts: null,
    });
    expect(await runJob(data, "refresh-analytics", { logger })).toMatchObject({ status: "done" });
    end();
    expect(await first).toMatchObject({ status: "done", counts: { done: 1 } });
    expect(await runJob(data, "rotate-keys", { logger })).toMatchObject({ status: "done" });
  });

  it("ends a job at its deadline or at a signal, with what it did until then", async () => {
    const work = (_data: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise<{ done: number }>((resolve) =>
        signal.addEventListener("abort", () => resolve({ done: 2 })),
      );
    const cutOff = { status: "cut off", counts: { done: 2 } };
    expect(await runJob(data, "rotate-keys", { logger, work, deadlineMs: 50 })).toMatchObject(
      cutOff,
    );
    const signal = AbortSignal.timeout(50);
    expect(await runJob(data, "rotate-keys", { logger, work, signal })).toMatchObject(cutOff);
  });

  it("stops a job whose lock is lost", async () => {
    const work = async (_data: unknown, { signal }: { signal: AbortSignal }) => {
      await superuser.query(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted " +
          "and database = (select oid from pg_database where datname = current_database())",
      );
      if (!signal.aborted) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      }
      return {};
    };
    await expect(runJob(data, "rotate-keys", { logger, work })).rejects.toThrow("JOB001");
  });

  it("logs beginning, end and failure as JSON, and no secret", async () => {
    await data.vault.put(user, "nobody-knows", CANARY);
    for (const name of ["rotate-keys", "validate-keys"] as const) {
      await runJob(data, name, { logger });
    }
    const work = () => Promise.reject(Object.assign(new Error(`row ${CANARY}`), { code: "23505" }));
    await expect(runJob(data, "rotate-keys", { logger, work })).rejects.toThrow();
    const logged = lines.map((line) => JSON.parse(line));
    expect(logged.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(["job started", "job done", "job failed"]),
    );
    expect(logged.find(({ msg }) => msg === "job failed")).toMatchObject({ code: "23505" });
    expect(lines.join("")).not.toContain(CANARY);
    expect((await data.vault.get(user, "nobody-knows")).reveal()).toBe(CANARY);
  });
});

describe("the jobs", () => {
  it("count the keys that were validated", async () => {
    const id = randomUUID();
    await superuser.query("delete from public.user_api_keys");
    await superuser.query("insert into public.users (id, email) values ($1, 'b@example.org')", [
      id,
    ]);
    await data.vault.put(id, "nobody-knows", CANARY);
    const { counts } = await runJob(data, "validate-keys", { logger });
    expect(counts).toMatchObject({ unknown: 1, failed: 0 });
  });

  it("fail exports that stand still and expire those that are due", async () => {
    const stalled = await putExport({ status: "processing", updatedAt: "2026-01-01T00:00:00Z" });
    const due = await putExport({
      status: "completed",
      key: "due",
      expiresAt: "2026-01-01T00:00:00Z",
    });
    const { counts } = await runJob(data, "expire-exports", { logger });
    expect(counts).toEqual({ stalled: 1, expired: 1, archived: 0, forgotten: 0 });
    expect([await statusOf(stalled), await statusOf(due)]).toEqual(["failed", "expired"]);
  });

  it("archive exports of a user who is deleted at that moment", async () => {
    const id = await putExport({ status: "failed" });
    await superuser.query(
      "update public.export_history set created_at = now() - interval '1 year' where id = $1",
      [id],
    );
    const deletion = await database.connect("postgres");
    // So PostgreSQL ends the other one, which looks for the deadlock first.
    await deletion.query("begin; set local deadlock_timeout = '1 min'");
    await deletion.query("select from public.users where id = $1 for update", [user]);
    const running = runJob(data, "expire-exports", { logger });
    await someoneWaits(superuser);
    await deletion.query("update public.export_history set row_count = 1 where id = $1", [id]);
    await deletion.query("commit");
    expect(await running).toMatchObject({ status: "done", counts: { archived: 1 } });
  });

  it("tell of objects in other buckets, which they leave alone", async () => {
    await superuser.query(
      "insert into public.export_object_deletions (storage_bucket, storage_key) values ('older', 'k')",
    );
    for (let run = 0; run < 2; run += 1) {
      lines = [];
      const { counts } = await runJob(data, "sweep-exports", { logger });
      expect(counts).toMatchObject({ inOtherBuckets: 1 });
      expect(lines.map((line) => JSON.parse(line))).toContainEqual(
        expect.objectContaining({ level: 40, inOtherBuckets: 1, exportsBucket: bucket }),
      );
    }
    await superuser.query("delete from public.export_object_deletions");
  });

  it("delete objects without a row, and expire rows without an object", async () => {
    const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x" }));
    await Promise.all(["users/kept", "users/nobodys", "users/queued"].map(put));
    await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: "users/cut-off" }));
    const kept = await putExport({ status: "completed", key: "users/kept" });
    const lost = await putExport({ status: "completed", key: "users/lost" });
    const queued = await putExport({ status: "completed", key: "users/queued" });
    await superuser.query("delete from public.export_history where id = $1", [queued]);

    const { counts } = await runJob(data, "sweep-exports", { logger });
    expect(counts).toMatchObject({ withoutObject: 1, withoutRow: 1, uploadsAborted: 1 });
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    expect(Contents.map(({ Key }) => Key)).toEqual(["users/kept"]);
    expect([await statusOf(kept), await statusOf(lost)]).toEqual(["completed", "expired"]);
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads).toEqual([]);

    const cutOff = await runJob(data, "sweep-exports", { logger, signal: AbortSignal.abort() });
    expect(cutOff).toMatchObject({ status: "cut off", counts: {} });
  });

  it("refresh the reports, and ship the figures as monitor", async () => {
    expect((await runJob(data, "refresh-analytics", { logger })).counts).toEqual({ refreshed: 1 });
    const { counts } = await runJob(data, "ship-figures", { logger });
    expect(counts?.["tables"]).toBeGreaterThan(5);
    expect(counts?.["tables_without_row_security"]).toBe(0);
    const shipped = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === "figures");
    expect(shipped.figures.database).toBe(database.name);
    const poor = await database.open();
    await expect(runJob(poor, "ship-figures", { logger })).rejects.toThrow("CFG101");
  });
});
