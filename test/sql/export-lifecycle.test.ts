import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { randomUUID } from "node:crypto";
import type { Client, ClientBase } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { dumpCatalog } from "./catalog-dump";
import { alone, type Mutation, tableMutations } from "./mutations";
import { migrationsThrough, rejection, run } from "./sql-files";
import { survivingMutations } from "./surviving-mutations";

const NAME = "004_export_lifecycle";
const STATES = ["pending", "processing", "completed", "failed", "expired"] as const;
type State = (typeof STATES)[number];
const ALLOWED = [
  "pending processing",
  "processing completed",
  "completed expired",
  "pending failed",
  "processing failed",
];
const BUCKET = "exports";

let database: TestDatabase;
let migrator: Client;
let superuser: Client;
let user: string;

beforeAll(async () => {
  database = await createDatabase();
  migrator = await database.connect("migrator");
  superuser = await database.connect("postgres");
  for (const migration of migrationsThrough(NAME)) {
    await run(migrator, migration, "forward");
    await run(migrator, migration, "verify");
  }
});
afterAll(() => database.drop());
beforeEach(async () => {
  await superuser.query("delete from public.users; delete from public.export_object_deletions");
  user = await signUp();
});

async function signUp(): Promise<string> {
  const id = randomUUID();
  await superuser.query("insert into public.users (id, email) values ($1, $2)", [id, id]);
  return id;
}

const asService = <T>(work: (client: ClientBase) => Promise<T>) =>
  database.asRole("service_role", undefined, work, { commit: true });

/** One statement as `service_role`. */
const service = (sql: string, values: unknown[] = []) =>
  asService(async (client) => (await client.query(sql, values)).rows);

/** An export in a state, with an object where it has one; as it came there, without the triggers. */
async function anExport(state: State, columns: Record<string, unknown> = {}): Promise<string> {
  const id = randomUUID();
  const all: Record<string, unknown> = {
    id,
    user_id: user,
    export_type: "full",
    format: "csv",
    status: state,
    ...(state === "completed" && {
      storage_bucket: BUCKET,
      storage_key: `key-${id}`,
      completed_at: new Date(),
      expires_at: new Date(Date.now() + 3_600_000),
    }),
    ...columns,
  };
  const names = Object.keys(all);
  await superuser.query(
    `insert into public.export_history (${names.join(", ")})
       values (${names.map((_, at) => `$${at + 1}`).join(", ")})`,
    Object.values(all),
  );
  return id;
}

async function stateOf(id: string): Promise<unknown> {
  const { rows } = await superuser.query(
    "select status, storage_bucket, storage_key from public.export_history where id = $1",
    [id],
  );
  return rows[0];
}

/** The keys that wait to be deleted. */
async function queued(): Promise<string[]> {
  const { rows } = await superuser.query<{ storage_key: string }>(
    "select storage_key from public.export_object_deletions order by storage_key",
  );
  return rows.map(({ storage_key }) => storage_key);
}

const set = (id: string, change: string) =>
  service(`update public.export_history set ${change} where id = $1`, [id]);

describe("the states of an export", () => {
  const pairs = STATES.flatMap((from) => STATES.map((to) => [from, to] as const));

  it.each(pairs)("from %s to %s", async (from, to) => {
    const id = await anExport(from);
    const details =
      to === "completed" && from !== "completed"
        ? `, storage_bucket = 'b', storage_key = '${id}', completed_at = now(), expires_at = now()`
        : "";
    const changed = set(id, `status = '${to}'${details}`);
    if (from === to || ALLOWED.includes(`${from} ${to}`)) {
      await changed;
      expect(await stateOf(id)).toMatchObject({ status: to });
      return;
    }
    expect(await rejection(changed)).toMatchObject({
      code: "EXP01",
      message: `EXP001 export ${id} is ${from}, and cannot become ${to}.`,
    });
    expect(await stateOf(id)).toMatchObject({ status: from });
  });

  it("bind everybody, the superuser too", async () => {
    const id = await anExport("expired");
    const changed = superuser.query("update public.export_history set status = 'pending'");
    expect(await rejection(changed)).toMatchObject({ code: "EXP01" });
    expect(await stateOf(id)).toMatchObject({ status: "expired" });
  });

  it("begin with pending for whoever may begin one", async () => {
    const insert = "insert into public.export_history (user_id, export_type, format";
    const values = `('${user}', 'full', 'csv'`;
    await service(`${insert}) values ${values})`);
    for (const role of ["authenticated", "service_role"] as const) {
      const begun = database.asRole(role, { sub: user }, (c) =>
        c.query(`${insert}, status) values ${values}, 'completed')`),
      );
      expect(await rejection(begun)).toMatchObject({ code: "42501" });
    }
  });

  it.each(["storage_bucket", "storage_key"])("cannot name a %s alone", async (column) => {
    const id = await anExport("processing");
    expect(await rejection(set(id, `${column} = 'x'`))).toMatchObject({ code: "EXP02" });
    await set(id, "storage_bucket = 'b', storage_key = 'x'");
  });

  it("are completed with an object and both times alone", async () => {
    const id = await anExport("processing", { storage_bucket: "b", storage_key: "k" });
    const times = ["completed_at = now()", "expires_at = now() + interval '1 day'"];
    for (const missing of [times.slice(0, 1), times.slice(1), []]) {
      expect(
        await rejection(set(id, ["status = 'completed'", ...missing].join(", "))),
      ).toMatchObject({
        code: "EXP03",
      });
    }
    const without = await anExport("processing");
    expect(
      await rejection(set(without, ["status = 'completed'", ...times].join(", "))),
    ).toMatchObject({
      code: "EXP03",
      message: `EXP003 export ${without} cannot be completed without storage_bucket, storage_key, completed_at and expires_at.`,
    });
    await set(id, ["status = 'completed'", ...times].join(", "));
    for (const lost of ["storage_bucket = null, storage_key", "completed_at", "expires_at"]) {
      expect(await rejection(set(id, `${lost} = null`))).toMatchObject({ code: "EXP03" });
    }
  });

  it.each(STATES)("let a user change the filters while pending alone: %s", async (state) => {
    const id = await anExport(state);
    const changed = await database.asUser(
      user,
      async (c) =>
        (await c.query(`update public.export_history set filters = '{"a": 1}'`)).rowCount,
      { commit: true },
    );
    expect(changed).toBe(state === "pending" ? 1 : 0);
    const { rows } = await superuser.query(
      "select filters from public.export_history where id = $1",
      [id],
    );
    expect(rows).toEqual([{ filters: state === "pending" ? { a: 1 } : {} }]);
  });
});

describe("objects without a row", () => {
  const object = { storage_bucket: BUCKET, storage_key: "k" };

  it("are queued when a row is deleted", async () => {
    const id = await anExport("completed");
    await anExport("pending");
    await service("delete from public.export_history");
    expect(await queued()).toEqual([`key-${id}`]);
  });

  it("are queued when a user is deleted, by whomever", async () => {
    const id = await anExport("completed");
    await superuser.query("create role test_deleter");
    try {
      await superuser.query("grant usage on schema public to test_deleter");
      await superuser.query("grant select, delete on public.users to test_deleter");
      await superuser.query("create policy test on public.users to test_deleter using (true)");
      await superuser.query("set role test_deleter");
      expect((await superuser.query("delete from public.users")).rowCount).toBe(1);
    } finally {
      await superuser.query("reset role");
      await superuser.query("drop owned by test_deleter; drop role test_deleter");
    }
    expect(await queued()).toEqual([`key-${id}`]);
    expect(await stateOf(id)).toBeUndefined();
  });

  it.each([
    ["completed", "expired"],
    ["processing", "failed"],
    ["pending", "failed"],
  ] as const)("are queued when %s becomes %s, and the row names none", async (from, to) => {
    const id = await anExport(from, object);
    await set(id, `status = '${to}'`);
    expect(await queued()).toEqual(["k"]);
    expect(await stateOf(id)).toEqual({ status: to, storage_bucket: null, storage_key: null });
  });

  it("are queued when a row names another one", async () => {
    const id = await anExport("processing", object);
    await set(id, "storage_key = 'other'");
    expect(await queued()).toEqual(["k"]);
    await set(id, "storage_bucket = null, storage_key = null");
    expect(await queued()).toEqual(["k", "other"]);
  });

  it("are not queued while a row names them", async () => {
    const id = await anExport("processing", object);
    await set(id, "row_count = 7, storage_key = 'k'");
    await set(id, "status = 'completed', completed_at = now(), expires_at = now()");
    await set(id, "download_count = 1");
    expect(await queued()).toEqual([]);
  });

  it("leave the queue with the transaction that queued them", async () => {
    await anExport("completed");
    const undone = asService(async (client) => {
      await client.query("delete from public.export_history");
      throw new Error("The job died.");
    });
    await rejection(undone);
    expect(await queued()).toEqual([]);
  });

  it("cannot be named by two rows, nor again while they are queued", async () => {
    await anExport("processing", object);
    const id = await anExport("processing");
    expect(
      await rejection(set(id, `storage_bucket = '${BUCKET}', storage_key = 'k'`)),
    ).toMatchObject({
      code: "23505",
    });
    await service("delete from public.export_history where storage_key = 'k'");
    expect(
      await rejection(set(id, `storage_bucket = '${BUCKET}', storage_key = 'k'`)),
    ).toMatchObject({
      code: "EXP04",
      message: `EXP004 export ${id} cannot be written to a key that is about to be deleted.`,
    });
  });

  it("are queued when the job finds them in the bucket, and those of rows are not", async () => {
    await anExport("processing", object);
    const call = `select public.queue_unnamed_export_objects('${BUCKET}', '{k,stray,stray}') as n`;
    expect(await service(call)).toEqual([{ n: "1" }]);
    expect(await service(call)).toEqual([{ n: "0" }]);
    expect(await queued()).toEqual(["stray"]);
  });
});

describe("the job", () => {
  const one = async (call: string) => Number((await service(`select public.${call} as n`))[0].n);
  const ago = (text: string) =>
    superuser
      .query<{ at: Date }>("select now() - $1::interval as at", [text])
      .then(({ rows }) => rows[0]?.at);
  /** Sets `updated_at`, which a trigger writes. */
  const touchedAt = async (id: string, text: string) => {
    await superuser.query("set session_replication_role = replica");
    await superuser.query(
      `update public.export_history set updated_at = now() - interval '${text}' where id = $1`,
      [id],
    );
    await superuser.query("reset session_replication_role");
  };

  it("gives up what has not moved for an hour, and tells the user", async () => {
    const [stalled, moving, pending] = [
      await anExport("processing"),
      await anExport("processing"),
      await anExport("pending"),
    ];
    await touchedAt(stalled, "61 minutes");
    await touchedAt(moving, "59 minutes");
    await touchedAt(pending, "2 days");
    expect(await one("fail_stalled_exports()")).toBe(1);
    expect(await stateOf(stalled)).toMatchObject({ status: "failed" });
    expect(await stateOf(moving)).toMatchObject({ status: "processing" });
    const message = await database.asUser(user, (c) =>
      c.query("select error_message from public.export_history where status = 'failed'"),
    );
    expect(message.rows).toEqual([
      { error_message: "The export was given up: it made no progress for an hour." },
    ]);
  });

  it.each(["storage_bucket", "storage_key"])(
    "gives up and expires what named a %s alone before 004",
    async (column) => {
      const stalled = await anExport("processing", { [column]: "x" });
      await touchedAt(stalled, "61 minutes");
      const due = await anExport("completed", {
        storage_bucket: null,
        storage_key: null,
        expires_at: await ago("1 second"),
        [column]: "x",
      });
      expect(await one("fail_stalled_exports()")).toBe(1);
      expect(await one("expire_exports()")).toBe(1);
      const ended = { storage_bucket: null, storage_key: null };
      expect(await stateOf(stalled)).toEqual({ status: "failed", ...ended });
      expect(await stateOf(due)).toEqual({ status: "expired", ...ended });
      expect(await queued()).toEqual([]);
    },
  );

  it("expires what is due", async () => {
    const due = await anExport("completed", { expires_at: await ago("1 second") });
    const later = await anExport("completed");
    expect(await one("expire_exports()")).toBe(1);
    expect(await stateOf(due)).toMatchObject({ status: "expired" });
    expect(await stateOf(later)).toMatchObject({ status: "completed" });
  });

  it("moves what is over and old to the archive, without keys, for its user to see", async () => {
    const old = {
      created_at: await ago("91 days"),
      error_message: "e",
      filters: { a: 1 },
      row_count: 3,
    };
    // One that failed before 004, and still names its object.
    const failed = await anExport("failed", { ...old, storage_bucket: BUCKET, storage_key: "k" });
    await anExport("completed", { created_at: old.created_at });
    await anExport("expired");
    expect(await one("archive_exports()")).toBe(1);
    expect(await queued()).toEqual(["k"]);
    const select = "select * from public.export_archive";
    const { rows, fields } = await database.asUser(user, (c) => c.query(select));
    expect(fields.map(({ name }) => name).filter((name) => name.startsWith("storage"))).toEqual([]);
    expect(rows).toEqual([
      expect.objectContaining({
        id: failed,
        status: "failed",
        ...old,
        row_count: "3",
        download_count: "0",
      }),
    ]);
    expect((await database.asUser(await signUp(), (c) => c.query(select))).rowCount).toBe(0);
    expect(await one("archive_exports('1 day')")).toBe(0);

    expect(await one("delete_archived_exports()")).toBe(0);
    await superuser.query(
      "update public.export_archive set archived_at = now() - interval '366 days'",
    );
    expect(await one("delete_archived_exports()")).toBe(1);
    expect((await superuser.query(select)).rowCount).toBe(0);
  });

  it("takes a batch at a time, and never what another job has", async () => {
    for (let made = 0; made < 10; made += 1)
      await anExport("completed", { expires_at: await ago("1 hour") });
    await asService(async (first) => {
      expect((await first.query("select public.expire_exports(4) as n")).rows).toEqual([
        { n: "4" },
      ]);
      expect(await one("expire_exports(4)")).toBe(4);
      expect(await one("expire_exports(4)")).toBe(2);
      expect(await one("expire_exports(4)")).toBe(0);
    });
    expect(await queued()).toHaveLength(10);
  });

  it("leaves nothing half done when it dies", async () => {
    await anExport("expired", { created_at: await ago("1 year") });
    await rejection(
      asService(async (client) => {
        await client.query("select public.archive_exports()");
        throw new Error("The job died.");
      }),
    );
    expect(await one("archive_exports()")).toBe(1);
    expect((await superuser.query("select from public.export_archive")).rowCount).toBe(1);
  });

  it("claims objects that no other job has, and those of a job that died ten minutes ago", async () => {
    for (let made = 0; made < 3; made += 1) await anExport("completed");
    await service("delete from public.export_history");
    const claim = "select * from public.claim_export_object_deletions(2)";
    expect(await service(claim)).toHaveLength(2);
    expect(await service(claim)).toHaveLength(1);
    expect(await service(claim)).toHaveLength(0);
    await superuser.query(
      "update public.export_object_deletions set claimed_at = now() - interval '10 minutes 1 second'",
    );
    expect(await service(claim)).toHaveLength(2);
    const { rows } = await superuser.query(
      "select attempts, count(*)::int as rows from public.export_object_deletions group by 1 order by 1",
    );
    expect(rows).toEqual([
      { attempts: "1", rows: 1 },
      { attempts: "2", rows: 2 },
    ]);
  });

  it.each([
    "fail_stalled_exports()",
    "expire_exports()",
    "archive_exports()",
    "delete_archived_exports()",
    "claim_export_object_deletions()",
    "queue_unnamed_export_objects('b', '{k}')",
  ])("is service_role alone: %s", async (call) => {
    await service(`select public.${call}`);
    for (const role of ["anon", "authenticated"] as const) {
      const called = database.asRole(role, { sub: user }, (c) => c.query(`select public.${call}`));
      expect(await rejection(called)).toMatchObject({ code: "42501" });
    }
  });

  it.each(["export_archive", "export_object_deletions"])(
    "and nobody but it writes %s",
    async (table) => {
      const [column] = table === "export_archive" ? ["archived_at"] : ["attempts"];
      for (const sql of [
        `delete from public.${table}`,
        `update public.${table} set ${column} = ${column}`,
        `insert into public.${table} default values`,
        `truncate public.${table}`,
      ]) {
        for (const role of ["anon", "authenticated"] as const) {
          const tried = database.asRole(role, { sub: user }, (c) => c.query(sql));
          expect(await rejection(tried)).toMatchObject({ code: "42501" });
        }
      }
      expect(await rejection(service(`truncate public.${table}`))).toMatchObject({ code: "42501" });
    },
  );
});

describe("rows and objects", () => {
  const s3 = new S3Client({ forcePathStyle: true });
  const bucket = `exports-${randomUUID()}`;

  beforeAll(() => s3.send(new CreateBucketCommand({ Bucket: bucket })));
  afterAll(() => s3.destroy());

  const objects = async () =>
    ((await s3.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ?? []).map(
      ({ Key }) => Key ?? "",
    );

  /** One run of the job, as docs/migrations/004-export-lifecycle.md writes it. */
  async function runJob(deleteObjects: (keys: string[]) => Promise<unknown>): Promise<void> {
    const found = await objects();
    await service("select public.fail_stalled_exports()");
    await service("select public.expire_exports()");
    await service(
      `update public.export_history set status = 'expired'
        where status = 'completed' and storage_bucket = $1 and storage_key <> all ($2)`,
      [bucket, found],
    );
    await service("select public.queue_unnamed_export_objects($1, $2)", [bucket, found]);
    const claimed = await service("select * from public.claim_export_object_deletions(1000)");
    const keys = claimed.map(({ storage_key }) => storage_key);
    if (keys.length === 0) return;
    await deleteObjects(keys);
    await service(
      "delete from public.export_object_deletions where storage_bucket = $1 and storage_key = any ($2)",
      [bucket, keys],
    );
  }

  const deleteObjects = (keys: string[]) =>
    s3.send(
      new DeleteObjectsCommand({
        Bucket: bucket,
        Delete: { Objects: keys.map((Key) => ({ Key })) },
      }),
    );
  const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "rows" }));

  it("are in step after one run of the job, whatever happened before", async () => {
    const made: string[] = [];
    for (let number = 0; number < 8; number += 1) {
      const id = await anExport("completed", { storage_bucket: bucket, storage_key: `${number}` });
      await put(`${number}`);
      made.push(id);
    }
    const [deleted, expired] = made;
    await service("delete from public.export_history where id = $1", [deleted]);
    await service("update public.export_history set status = 'expired' where id = $1", [expired]);
    // Gone from the bucket; left there by a job that died; of a user who is deleted.
    await deleteObjects(["2"]);
    await put("stray");
    user = await signUp();
    await anExport("completed", { storage_bucket: bucket, storage_key: "of-deleted" });
    await put("of-deleted");
    await superuser.query("delete from public.users where id = $1", [user]);

    // A job that dies between claim and deletion, another that is refused: neither loses a name.
    await rejection(runJob(() => Promise.reject(new Error("The object store says no."))));
    expect(await queued()).toEqual(["0", "1", "2", "of-deleted", "stray"]);
    await superuser.query(
      "update public.export_object_deletions set claimed_at = claimed_at - interval '11 minutes'",
    );
    await runJob(deleteObjects);

    const { rows } = await superuser.query(
      "select storage_key from public.export_history where storage_key is not null order by 1",
    );
    expect(rows.map(({ storage_key }) => storage_key)).toEqual(["3", "4", "5", "6", "7"]);
    expect((await objects()).sort()).toEqual(["3", "4", "5", "6", "7"]);
    expect(await queued()).toEqual([]);
  });
});

describe("004", () => {
  const HINT =
    "Export the rows and delete them, or accept the loss: set app_data.allow_data_loss to on and run the rollback again.";

  it("changes nothing when it runs again, and goes away and comes back equal", async () => {
    const there = await dumpCatalog(migrator);
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    expect(await dumpCatalog(migrator)).toEqual(there);
    for (const earlier of migrationsThrough(NAME)) await run(migrator, earlier, "verify");
    await run(migrator, NAME, "rollback");
    const without = await dumpCatalog(migrator);
    await run(migrator, NAME, "rollback");
    expect(await dumpCatalog(migrator)).toEqual(without);
    for (const earlier of migrationsThrough("003_progress_analytics"))
      await run(migrator, earlier, "verify");
    expect((await rejection(run(migrator, NAME, "verify"))).message).toMatch(
      /^SQL007 .*problems: 66\)/,
    );
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    expect(await dumpCatalog(migrator)).toEqual(there);
  });

  it("is not rolled back while rows would be lost, unless that is accepted", async () => {
    await anExport("completed");
    await anExport("expired", { created_at: new Date(0) });
    await service("select public.archive_exports()");
    await service("delete from public.export_history");
    const before = await dumpCatalog(migrator);
    expect(await rejection(run(migrator, NAME, "rollback"))).toMatchObject({
      code: "55000",
      message: `SQL005 rolling back ${NAME} would lose rows (public.export_archive: 1, public.export_object_deletions: 1).`,
      hint: HINT,
    });
    expect(await dumpCatalog(migrator)).toEqual(before);
    await migrator.query("set app_data.allow_data_loss = on");
    await run(migrator, NAME, "rollback");
    await migrator.query("reset app_data.allow_data_loss");
    await run(migrator, NAME, "forward");
    expect(await dumpCatalog(migrator)).toEqual(before);
  });

  it("keeps 003 from being rolled back before it", async () => {
    expect(await rejection(run(migrator, "003_progress_analytics", "rollback"))).toMatchObject({
      message: `SQL004 003_progress_analytics cannot be rolled back before ${NAME}.`,
    });
  });

  it("verify notices every single change", async () => {
    await superuser.query("create role test_reader");
    await superuser.query("create role test_bypass bypassrls");
    try {
      const functions = (
        await superuser.query<{ name: string; definer: boolean; definition: string }>(`
          select p.oid::regprocedure::text as name, prosecdef as definer, pg_get_functiondef(p.oid) as definition
            from pg_proc p where proname ~ 'export' and pronamespace = 'public'::regnamespace
             and proname <> 'update_export_history_updated_at'`)
      ).rows;
      expect(functions).toHaveLength(8);
      const mutations: Mutation[] = [
        ...(await tableMutations(superuser, ["export_archive"])),
        ...functions.flatMap(({ name, definer, definition }) => {
          const named = `public.${name}`;
          const noticed = `function ${named} is "`;
          return [
            alone(`alter function ${named} owner to test_reader`, noticed),
            alone(`alter function ${named} reset search_path`, noticed),
            alone(`alter function ${named} security ${definer ? "invoker" : "definer"}`, noticed),
            alone(`grant execute on function ${named} to authenticated`, noticed),
            alone(`grant execute on function ${named} to public`, noticed),
            alone(`alter function ${named} rename to renamed`, `function ${named} is missing`),
            alone(definition.replace(/(AS \$function\$)/, "$1 "), `body of ${named} is "`),
          ];
        }),
        ...["trigger_export_history_transition", "trigger_export_object_deletion"].flatMap(
          (trigger) => [
            alone(
              `drop trigger ${trigger} on public.export_history`,
              `trigger public.export_history.${trigger} is missing`,
            ),
            alone(
              `alter table public.export_history disable trigger ${trigger}`,
              `trigger public.export_history.${trigger} is "DISABLED`,
            ),
          ],
        ),
        ...[
          "idx_export_history_expires_at",
          "idx_export_history_storage",
          "idx_export_object_deletions_requested_at",
        ].map((index) => alone(`drop index public.${index}`, `index public.${index} is missing`)),
        ...[
          "disable row level security",
          "no force row level security",
          "owner to test_reader",
        ].map((change) =>
          alone(
            `alter table public.export_object_deletions ${change}`,
            'table public.export_object_deletions is "',
          ),
        ),
        alone(
          "alter table public.export_object_deletions drop constraint export_object_deletions_pkey",
          "constraint public.export_object_deletions.export_object_deletions_pkey is missing",
        ),
        alone(
          "alter table public.export_object_deletions alter attempts drop default",
          "column public.export_object_deletions.attempts is",
        ),
        alone(
          "grant select on public.export_object_deletions to authenticated",
          "rights on public.export_object_deletions of authenticated is not",
        ),
        alone(
          "revoke delete on public.export_object_deletions from service_role",
          "rights on public.export_object_deletions of service_role is",
        ),
        alone(
          "grant update (storage_key) on public.export_object_deletions to service_role",
          "column rights on public.export_object_deletions of service_role is",
        ),
      ];
      expect(await survivingMutations(superuser, mutations, NAME)).toEqual([]);
      expect(mutations.length).toBeGreaterThan(160);
    } finally {
      await superuser.query("drop role test_reader; drop role test_bypass");
    }
  });
});
