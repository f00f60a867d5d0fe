import { createHash, randomUUID } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { Readable } from "node:stream";
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { Client } from "pg";
import type { AppData } from "../../src/app-data";
import { partsOf } from "../../src/exports/parts";
import { type ClientDatabase, createClientDatabase, someoneWaits } from "./client-fixture";
import { filesInZip } from "./zip-file";

let database: ClientDatabase;
let superuser: Client;
let data: AppData;
const s3 = new S3Client({ forcePathStyle: true });

beforeAll(async () => {
  database = await createClientDatabase();
  superuser = await database.connect("postgres");
  data = await database.open();
});
afterAll(async () => {
  s3.destroy();
  await database.drop();
});

/** A user with completed sessions on consecutive days. */
async function learner(sessions: number): Promise<string> {
  const id = randomUUID();
  await superuser.query("insert into public.users (id, email) values ($1, $2)", [
    id,
    `=cmd|${id}@example.org`,
  ]);
  await superuser.query(
    "insert into public.sessions (user_id, started_at, ended_at, vocabulary_count) " +
      "select $1, t, t + interval '10 min', n from generate_series(1, $2::integer) n, " +
      "lateral (select timestamptz '2026-03-01 12:00Z' + n * interval '1 day' as t) s",
    [id, sessions],
  );
  return id;
}

async function fileOf(user: string, id: string): Promise<Buffer> {
  const answer = await fetch(await data.exports.download(user, id));
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

const keyOf = async (id: string): Promise<string> =>
  (await superuser.query("select storage_key from public.export_history where id = $1", [id]))
    .rows[0]?.storage_key;

/** All that is in the bucket for a user, deleted or not, and uploads that are open. */
async function stored(user: string): Promise<string[]> {
  const where = { Bucket: database.settings.exportsBucket, Prefix: `users/${user}` };
  const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand(where));
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand(where));
  return [...Versions, ...DeleteMarkers, ...Uploads].flatMap(({ Key }) => Key ?? []);
}

/** A completed export as the application's own code writes it; triggers are off. */
async function completedAs(key: string, user: string, at: string | null = "now"): Promise<string> {
  const id = randomUUID();
  await superuser.query("set session_replication_role = replica");
  await superuser.query(
    `insert into public.export_history (id, user_id, export_type, format, status, storage_bucket,
       storage_key, completed_at, expires_at)
     values ($1, $2, 'sessions', 'csv', 'completed', $3, $4, $5, now() + interval '1 day')`,
    [id, user, database.settings.exportsBucket, key, at],
  );
  await superuser.query("set session_replication_role = origin");
  return id;
}

describe("an export", () => {
  it("has the user's own sessions, a line each, as JSON and as CSV", async () => {
    const [user] = [await learner(3), await learner(2)];
    const lines: Record<string, string[]> = {};
    for (const format of ["jsonl", "csv"]) {
      const id = await data.exports.request(user, { type: "sessions", format });
      expect(await data.exports.status(user, id)).toMatchObject({ status: "pending", rows: null });
      await data.exports.run(id);
      const file = await fileOf(user, id);
      expect(await data.exports.status(user, id)).toMatchObject({
        status: "completed",
        rows: 3n,
        bytes: BigInt(file.length),
        checksum: createHash("sha256").update(file).digest("hex"),
        downloads: 1n,
      });
      lines[format] = gunzipSync(file).toString().trimEnd().split("\n");
    }
    const rows = lines["jsonl"]?.map((line) => JSON.parse(line)) ?? [];
    expect(rows.map((row) => row.vocabulary_count).sort()).toEqual([1, 2, 3]);
    const [first] = rows;
    expect(first.started_at).toMatch(/^2026-03-\d\dT12:00:00\+00:00$/);
    expect(lines["csv"]?.[0]).toBe(Object.keys(first).join(","));
    // As PostgreSQL writes times, which spreadsheets read.
    expect(lines["csv"]).toContain(
      Object.values(first)
        .join(",")
        .replaceAll(/T(.{8})\+00:00/g, " $1+00"),
    );
    expect(lines["csv"]).toHaveLength(4);
  });

  it("has all of a user's tables in a zip, with a manifest that says what is in it", async () => {
    const user = await learner(3);
    const id = await data.exports.request(user, { type: "full", format: "csv" });
    await data.exports.run(id);
    const files = filesInZip(await fileOf(user, id));
    const manifest = JSON.parse(files.get("manifest.json")?.toString() ?? "");
    expect(
      manifest.files.map(({ name, rows }: { name: string; rows: number }) => [name, rows]),
    ).toEqual([
      ["account.csv", 1],
      ["progress.csv", 0],
      ["sessions.csv", 3],
      ["vocabulary.csv", 3],
      ["exports.csv", 1],
      ["archived-exports.csv", 0],
    ]);
    for (const { name, sha256 } of manifest.files) {
      const content = files.get(name) ?? Buffer.from("");
      expect(createHash("sha256").update(content).digest("hex")).toBe(sha256);
    }
    // A spreadsheet would run what begins with an equals sign.
    expect(files.get("account.csv")?.toString()).toContain(`,'=cmd|${user}@example.org,`);
    expect(files.get("vocabulary.csv")?.toString()).toMatch(/,3,6\n$/);
  });

  it("leaves out no column of a user's tables but what is ours", async () => {
    const ours: [part: string, table: string, columns: string[]][] = [
      ["account", "users", ["updated_at"]],
      [
        "progress",
        "user_progress",
        ["id", "user_id", "last_session_id", "created_at", "updated_at"],
      ],
      ["sessions", "sessions", ["user_id", "created_at"]],
      [
        "exports",
        "export_history",
        [
          ...["user_id", "storage_bucket", "storage_key", "checksum_sha256", "error_message"],
          ...["started_at", "updated_at"],
        ],
      ],
      [
        "archived-exports",
        "export_archive",
        ["user_id", "checksum_sha256", "error_message", "started_at", "updated_at"],
      ],
    ];
    for (const [part, table, left] of ours) {
      const { rows } = await superuser.query<{ name: string }>(
        `select attname as name from pg_attribute
          where attrelid = ('public.' || $1)::regclass and attnum > 0 and not attisdropped`,
        [table],
      );
      const written = partsOf("full", {}).find(({ name }) => name === part)?.columns ?? [];
      expect([...written, ...left].sort()).toEqual(rows.map(({ name }) => name).sort());
    }
  });

  it("keeps to its filters", async () => {
    const user = await learner(5);
    const filters = { from: "2026-03-03T00:00:00Z", to: "2026-03-05T00:00:00+00:00" };
    const id = await data.exports.request(user, { type: "vocabulary", format: "jsonl", filters });
    await data.exports.run(id);
    const lines = gunzipSync(await fileOf(user, id))
      .toString()
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line).words)).toEqual([2, 3]);
  });

  it("is refused with what was found and what is needed", async () => {
    const user = await learner(0);
    const good = { type: "sessions", format: "jsonl" };
    for (const [wrong, message] of [
      [
        { type: "everything" },
        'EXP010 The type of the export is "everything", and has to be one of',
      ],
      [{ format: "xlsx" }, 'EXP011 The format of the export is "xlsx"'],
      [{ filters: { color: "red" } }, 'EXP012 The filters of the export have "color"'],
      [{ filters: { from: "yesterday" } }, "which is no time; write 2026-03-02T10:00:00Z"],
      [{ filters: { from: "2026-13-45T10:00:00Z" } }, "which is no time"],
      [
        { filters: { from: "2026-03-02T10:00:00Z", to: "2026-03-02T10:00:00Z" } },
        "before they begin",
      ],
      ...[
        ["Array", [1]],
        ["Number", 5],
        ["Boolean", true],
        ["String", ""],
        ["Date", new Date()],
        ["Map", new Map([["from", "2026-03-02T10:00:00Z"]])],
      ].map(
        ([kind, filters]) =>
          [
            { filters: filters as object },
            `are of the type ${String(kind)}, and have to be`,
          ] as const,
      ),
      [{ type: "progress", filters: { from: "2026-03-02T10:00:00Z" } }, "not for progress"],
    ] as const) {
      await expect(data.exports.request(user, { ...good, ...wrong })).rejects.toThrow(message);
    }
    await expect(data.exports.request("me", good)).rejects.toThrow("DAT001");
    await expect(data.exports.run("1")).rejects.toThrow("DAT001");
    await expect(data.exports.run(randomUUID())).rejects.toThrow("EXP015");
  });

  it.each([
    ...["2026-02-30T10:00:00Z", "2025-02-29T10:00:00Z", "2024-02-29T10:00:00Z"],
    ...["0000-03-02T10:00:00Z", "0001-01-01T00:00:00+15:59", "9999-12-31T23:59:59.999999Z"],
    ...["2026-03-02T10:00+23:00", "2026-03-02T10:00-16:00", "2026-03-02T10:00-15:59"],
    ...["2026-03-02T10:00+01:60", "2026-03-02T10:00-00:00", "2026-00-10T10:00Z"],
    ...["2026-03-02T24:00:00Z", "2026-03-02T24:00:01Z", "2026-03-02T23:60:00Z"],
  ])("takes %s as a time where PostgreSQL does", async (from) => {
    const isTime = await superuser.query("select $1::timestamptz", [from]).then(
      () => true,
      () => false,
    );
    const request = { type: "sessions", format: "csv", filters: { from } };
    const asking = data.exports.request(await learner(0), request);
    await (isTime
      ? expect(asking.then((id) => data.exports.run(id))).resolves.toBeUndefined()
      : expect(asking).rejects.toThrow("which is no time"));
  });

  it("is nobody else's to see, download or delete", async () => {
    const [owner, other] = [await learner(1), await learner(1)];
    const id = await data.exports.request(owner, { type: "sessions", format: "jsonl" });
    await data.exports.run(id);
    for (const attempt of [
      () => data.exports.status(other, id),
      () => data.exports.download(other, id),
      () => data.exports.delete(other, id),
    ]) {
      await expect(attempt()).rejects.toThrow("EXP013");
    }
    expect(await data.exports.status(owner, id)).toMatchObject({ downloads: 0n });
  });

  it("is run once, and downloaded when it is completed and not later", async () => {
    const user = await learner(1);
    const id = await data.exports.request(user, { type: "sessions", format: "jsonl" });
    await expect(data.exports.download(user, id)).rejects.toThrow("EXP014");
    const runs = await Promise.allSettled([1, 2, 3].map(() => data.exports.run(id)));
    expect(runs.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await superuser.query(
      "update public.export_history set expires_at = now() - interval '1 s' where id = $1",
      [id],
    );
    await expect(data.exports.download(user, id)).rejects.toThrow("has expired");
  });

  it("has a link that is good for a quarter of an hour, and for saving alone", async () => {
    const user = await learner(1);
    const id = await data.exports.request(user, { type: "sessions", format: "jsonl" });
    await data.exports.run(id);
    const { searchParams } = new URL(await data.exports.download(user, id));
    expect(searchParams.get("X-Amz-Expires")).toBe("900");
    expect(searchParams.get("response-content-disposition")).toContain("attachment");
    expect(searchParams.get("response-cache-control")).toContain("no-store");
  });

  it("takes its object along when it is deleted", async () => {
    const user = await learner(1);
    const id = await data.exports.request(user, { type: "sessions", format: "jsonl" });
    await data.exports.run(id);
    expect(await stored(user)).toHaveLength(1);
    await data.exports.delete(user, id);
    expect(await stored(user)).toEqual([]);
    await expect(data.exports.status(user, id)).rejects.toThrow("EXP013");
  });

  it("takes a fixed number of transactions, whatever is in it", async () => {
    const user = await learner(3);
    const id = await data.exports.request(user, { type: "full", format: "jsonl" });
    const count = async (work: () => Promise<unknown>) => {
      const spy = jest.spyOn(data, "asUser");
      const service = jest.spyOn(data, "asService");
      await work();
      const calls = spy.mock.calls.length + service.mock.calls.length;
      spy.mockRestore();
      service.mockRestore();
      return calls;
    };
    expect(await count(() => data.exports.run(id))).toBe(2);
    expect(await count(() => data.exports.status(user, id))).toBe(1);
    expect(await count(() => data.exports.download(user, id))).toBe(2);
  });
});

describe("an export that fails", () => {
  const failure = async (user: string, breakIt: (id: string) => Promise<unknown>) => {
    await superuser.query(
      "insert into public.sessions (user_id, started_at) " +
        "select $1, now() from generate_series(1, 60000)",
      [user],
    );
    const id = await data.exports.request(user, { type: "sessions", format: "jsonl" });
    const running = data.exports.run(id);
    running.catch(() => undefined);
    await breakIt(id);
    await expect(running).rejects.toThrow("EXP016");
    const status = await data.exports.status(user, id);
    expect(status).toMatchObject({ status: "failed", checksum: null });
    expect(status.error).toMatch(/^its rows could not be read or written \(.+\)$/);
    expect(await stored(user)).toEqual([]);
  };

  it("says so in its row and leaves nothing, when the connection is cut", async () => {
    await failure(await learner(1), async () => {
      for (let found = 0; found === 0;) {
        const { rows } = await superuser.query(
          "select pg_terminate_backend(pid) from pg_stat_activity " +
            "where datname = current_database() and query like 'copy %'",
        );
        found = rows.length;
      }
    });
  });

  it("says so in its row and leaves nothing, when it is stopped", async () => {
    const user = await learner(1);
    await superuser.query(
      "insert into public.sessions (user_id, started_at) " +
        "select $1, now() from generate_series(1, 60000)",
      [user],
    );
    const id = await data.exports.request(user, { type: "sessions", format: "csv" });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 150);
    await expect(data.exports.run(id, { signal: stop.signal })).rejects.toThrow("EXP016");
    expect(await data.exports.status(user, id)).toMatchObject({ status: "failed" });
    expect(await stored(user)).toEqual([]);
  });

  it("says so in its row, when S3 refuses", async () => {
    const user = await learner(1);
    const elsewhere = await database.open({ exportsBucket: "no-such-bucket" });
    const id = await elsewhere.exports.request(user, { type: "sessions", format: "jsonl" });
    await expect(elsewhere.exports.run(id)).rejects.toThrow("EXP016");
    expect(await data.exports.status(user, id)).toMatchObject({ status: "failed" });
  });
});

describe("sweep", () => {
  it("expires an export whose object is gone, and leaves the others", async () => {
    const user = await learner(1);
    const ids = [];
    for (let n = 0; n < 3; n += 1) {
      const id = await data.exports.request(user, { type: "sessions", format: "jsonl" });
      await data.exports.run(id);
      ids.push(id);
    }
    const [gone = "", ...kept] = ids;
    await data.exports["bucket"].delete(await keyOf(gone));
    expect(await data.exports.sweep()).toMatchObject({ withoutObject: 1, withoutRow: 0 });
    expect(await data.exports.status(user, gone)).toMatchObject({ status: "expired" });
    for (const id of kept) await fileOf(user, id);
    expect(await data.exports.sweep()).toMatchObject({ withoutObject: 0 });
  });

  it("leaves exports alone whose objects an application wrote elsewhere in the bucket", async () => {
    const user = await learner(1);
    const id = await completedAs("exports/1.csv", user);
    const lost = await completedAs(`users/${user}/lost.csv`, user);
    const Bucket = database.settings.exportsBucket;
    await s3.send(new PutObjectCommand({ Bucket, Key: "exports/1.csv", Body: "x" }));
    expect(await data.exports.sweep()).toMatchObject({ withoutObject: 1, objectsDeleted: 1 });
    expect(await data.exports.status(user, id)).toMatchObject({ status: "completed" });
    expect(await data.exports.status(user, lost)).toMatchObject({ status: "expired" });
    expect((await fileOf(user, id)).toString()).toBe("x");
    await data.exports.delete(user, id);
    await expect(
      s3.send(new HeadObjectCommand({ Bucket, Key: "exports/1.csv" })),
    ).rejects.toMatchObject({ name: "NotFound" });
  });

  it("expires an export from before 004 whose object is gone, without a time of its completion", async () => {
    const user = await learner(1);
    const id = await completedAs(`users/${user}/old.csv`, user, null);
    expect(await data.exports.sweep()).toMatchObject({ withoutObject: 1 });
    expect(await data.exports.status(user, id)).toMatchObject({ status: "expired" });
  });

  it("deletes what a run that was killed has left", async () => {
    const user = await learner(1);
    const bucket = data.exports["bucket"];
    // As a process leaves it that dies in the middle: an object without a row, an upload without an end.
    const key = `users/${user}/exports/x/y.jsonl.gz`;
    const { signal } = new AbortController();
    await bucket.upload(key, Readable.from([Buffer.from("x")]), "application/gzip", signal);
    await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket.name, Key: `${key}.2` }));
    const id = await data.exports.request(user, { type: "sessions", format: "jsonl" });
    await data.exports["claim"](id);
    await superuser.query("alter table public.export_history disable trigger user");
    await superuser.query(
      "update public.export_history set updated_at = now() - interval '2 h' where id = $1",
      [id],
    );
    await superuser.query("alter table public.export_history enable trigger user");
    expect((await stored(user)).length).toBe(2);
    expect(await data.exports.sweep()).toMatchObject({
      stalled: 1,
      withoutRow: 1,
      uploadsAborted: 1,
    });
    expect(await stored(user)).toEqual([]);
    expect(await data.exports.status(user, id)).toMatchObject({ status: "failed" });
  });

  it("leaves an upload alone that is still written", async () => {
    const user = await learner(1);
    const id = await data.exports.request(user, { type: "sessions", format: "jsonl" });
    const { key } = await data.exports["claim"](id);
    const Bucket = database.settings.exportsBucket;
    await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: key }));
    expect(await data.exports.sweep()).toMatchObject({ uploadsAborted: 0 });
    expect(await stored(user)).toEqual([key]);
  });
});

describe("erase", () => {
  it("deletes a user whose exports a job archives at that moment", async () => {
    const user = await learner(1);
    await completedAs("in-the-way", user);
    const job = await database.connect("postgres");
    // So PostgreSQL ends the other one, which looks for the deadlock first.
    await job.query("begin; set local deadlock_timeout = '1 min'");
    await job.query("delete from public.export_history where user_id = $1", [user]);
    const erasing = data.users.erase(user);
    await someoneWaits(superuser);
    await job.query(
      `insert into public.export_archive (id, user_id, export_type, format, status, filters,
         download_count, created_at, updated_at)
       values (gen_random_uuid(), $1, 'full', 'jsonl', 'failed', '{}', 0, now(), now())`,
      [user],
    );
    await job.query("commit");
    expect((await erasing).rows).toMatchObject({ users: 1, export_history: 0, export_archive: 1 });
  });

  it("removes a user's rows, keys and files, says what, and leaves everybody else's", async () => {
    const [user, other] = [await learner(4), await learner(4)];
    for (const each of [user, other]) {
      const id = await data.exports.request(each, { type: "full", format: "jsonl" });
      await data.exports.run(id);
      await data.vault.put(each, "openai", "sk-secret");
    }
    const { rows, objects } = await data.users.erase(user);
    expect({ rows, objects }).toEqual({
      rows: {
        users: 1,
        sessions: 4,
        user_progress: 0,
        user_api_keys: 1,
        export_history: 1,
        export_archive: 0,
      },
      objects: 1,
    });
    expect(await stored(user)).toEqual([]);
    expect(await stored(other)).toHaveLength(1);
    const left = await superuser.query("select from public.sessions where user_id = $1", [other]);
    expect(left.rowCount).toBe(4);
    expect((await data.users.erase(user)).rows.users).toBe(0);
  });

  it("is finished by the sweep when it was cut off", async () => {
    const user = await learner(1);
    const id = await data.exports.request(user, { type: "full", format: "jsonl" });
    await data.exports.run(id);
    const cut = jest.spyOn(data.exports, "deleteAllOf").mockRejectedValueOnce(new Error("cut"));
    await expect(data.users.erase(user)).rejects.toThrow("cut");
    cut.mockRestore();
    expect(await stored(user)).toHaveLength(1);
    expect((await data.exports.sweep()).objectsDeleted).toBeGreaterThanOrEqual(1);
    expect(await stored(user)).toEqual([]);
  });
});

describe("where the database demands tokens, and this process has none", () => {
  let user: string;
  let completed: string;
  let pending: string;
  beforeAll(async () => {
    user = await learner(2);
    const request = { type: "sessions", format: "jsonl" };
    completed = await data.exports.request(user, request);
    await data.exports.run(completed);
    pending = await data.exports.request(user, request);
    await superuser.query(
      "insert into auth.token_settings (believes_claims, audience, current_pads) " +
        "values (false, 'test', decode(repeat('00', 128), 'hex'))",
    );
  });
  afterAll(() => superuser.query("delete from auth.token_settings"));

  it("erase deletes neither rows nor files", async () => {
    await expect(data.users.erase(user)).rejects.toThrow(/^DAT009 .* auth\.uid\(\) is null/);
    expect(await stored(user)).toEqual([await keyOf(completed)]);
    const { rowCount } = await superuser.query("select from public.users where id = $1", [user]);
    expect(rowCount).toBe(1);
  });

  it("an export fails, and is no empty file", async () => {
    await expect(data.exports.run(pending)).rejects.toMatchObject({
      code: "EXP016",
      cause: { code: "DAT009" },
    });
    expect(await stored(user)).toEqual([await keyOf(completed)]);
  });
});
