import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { sql } from "kysely";
import type { Client } from "pg";
import type { AppData } from "../../src/app-data";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";

let database: ClientDatabase;
let superuser: Client;
let data: AppData;

beforeAll(async () => {
  database = await createClientDatabase();
  superuser = await database.connect("postgres");
  data = await database.open();
});
afterAll(() => database.drop());

async function signUp(): Promise<string> {
  const id = randomUUID();
  await superuser.query("insert into public.users (id, email) values ($1, $2)", [
    id,
    `${id}@example.org`,
  ]);
  return id;
}

describe("asUser", () => {
  it("sees the user's own rows, and nobody else's", async () => {
    const [own, other] = [await signUp(), await signUp()];
    const read = () => data.asUser(own, (db) => db.selectFrom("users").select("id").execute());
    expect(await read()).toEqual([{ id: own }]);
    const { rows } = await superuser.query("select id from public.users where id = $1", [other]);
    expect(rows).toHaveLength(1);
  });

  it("commits what the work did, and rolls back what it did before it threw", async () => {
    const user = await signUp();
    const start = (id: string) =>
      data.asUser(user, async (db) => {
        await db
          .insertInto("sessions")
          .values({ id, user_id: user, started_at: "2026-03-02T10:00:00Z" })
          .execute();
        if (id.startsWith("f")) throw new Error("on purpose");
      });
    const [kept, lost] = ["0", "f"].map((first) => first + randomUUID().slice(1));
    await start(kept ?? "");
    await expect(start(lost ?? "")).rejects.toThrow("on purpose");
    const { rows } = await superuser.query("select id from public.sessions where user_id = $1", [
      user,
    ]);
    expect(rows).toEqual([{ id: kept }]);
  });

  it("refuses an id that is no UUID", async () => {
    for (const id of ["", "1", "' or true --", `${randomUUID()}x`]) {
      await expect(data.asUser(id, async () => undefined)).rejects.toThrow("DAT001");
    }
  });

  it("leaves no identity on the connection, whatever the work did", async () => {
    const one = await database.open({ poolSize: 1 });
    const user = await signUp();
    const state = async () => {
      const client = await one["userPool"].take(1_000);
      const { rows } = await client.query(
        "select current_user::text as role, current_setting('request.jwt.claims', true) as claims",
      );
      client.release();
      return rows[0];
    };
    const works: ((db: Parameters<Parameters<AppData["asUser"]>[1]>[0]) => Promise<unknown>)[] = [
      async () => undefined,
      async () => Promise.reject(new Error("thrown")),
      (db) => sql`select 1 / 0`.execute(db),
      (db) => sql`commit`.execute(db),
      (db) => sql`rollback`.execute(db),
      (db) => sql`select pg_terminate_backend(pg_backend_pid())`.execute(db),
      (db) => sql`select set_config('role', 'service_role', false)`.execute(db),
      (db) => sql`select set_config('request.jwt.claims', '{"sub":"x"}', false)`.execute(db),
      async (db) => {
        await sql`select 1 / 0`.execute(db).catch(() => undefined);
      },
      async (db) => {
        await sql`select set_config('role', 'service_role', false)`.execute(db);
        await sql`select set_config('request.jwt.claims', '{"sub":"x"}', false)`.execute(db);
        await sql`commit`.execute(db);
      },
    ];
    for (const work of works) {
      await one.asUser(user, work).catch(() => undefined);
      const { role, claims } = await state();
      expect({ role, claims: claims ?? "" }).toEqual({ role: "app", claims: "" });
    }
  });

  it("says so when the work ended the transaction, or swallowed a failure", async () => {
    const user = await signUp();
    for (const text of ["commit", "rollback"]) {
      await expect(data.asUser(user, (db) => sql.raw(text).execute(db))).rejects.toThrow("DAT004");
    }
    await expect(
      data.asUser(user, (db) => sql`select 1 / 0`.execute(db).catch(() => undefined)),
    ).rejects.toThrow("DAT004");
    await expect(
      data.asUser(user, (db) => db.transaction().execute(async () => undefined)),
    ).rejects.toThrow("DAT006");
  });

  it("refuses a query after its transaction, which would run as the connection's next user", async () => {
    const one = await database.open({ poolSize: 1 });
    const [first, second] = [await signUp(), await signUp()];
    const kept: Parameters<Parameters<AppData["asUser"]>[1]>[0][] = [];
    await one.asUser(first, async (db) => kept.push(db));
    await one
      .asUser(first, async (db) => {
        kept.push(db);
        throw new Error("on purpose");
      })
      .catch(() => undefined);
    await one.asUser(second, async (db) => {
      for (const old of kept) {
        await expect(old.selectFrom("users").select("id").execute()).rejects.toThrow("DAT008");
      }
      expect(await db.selectFrom("users").select("id").execute()).toEqual([{ id: second }]);
    });
  });

  it("ends work that is past its deadline, on the server too", async () => {
    const user = await signUp();
    const mark = `deadline-${user}`;
    const late = (work: Parameters<typeof data.asUser>[1]) =>
      expect(data.asUser(user, work, { deadlineMs: 300 })).rejects.toThrow("DAT003");
    await late((db) => sql`select pg_sleep(30), ${mark}::text`.execute(db));
    await late(() => new Promise((resolve) => setTimeout(resolve, 3_000)));
    // The server ends it while there is no query, and the work finds that out before it is given up.
    await late(async (db) => {
      await sleep(500);
      await db.selectFrom("users").select("id").execute();
    });
    await late(() => sleep(500));
    const { rows } = await superuser.query(
      "select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' " +
        "and state = 'active' and pid <> pg_backend_pid()",
    );
    expect(rows).toEqual([]);
  });

  it("says that no connection was free in time", async () => {
    const one = await database.open({ poolSize: 1 });
    const user = await signUp();
    const holding = one.asUser(user, (db) => sql`select pg_sleep(1)`.execute(db));
    await expect(one.asUser(user, async () => 1, { deadlineMs: 200 })).rejects.toThrow("DAT002");
    await holding;
    expect(await one.asUser(user, async () => 1)).toBe(1);
  });

  it("does work again after a deadlock or conflict only where it may be repeated", async () => {
    const user = await signUp();
    for (const repeatable of [false, true]) {
      let attempts = 0;
      const run = data.asUser(
        user,
        async (db) => {
          attempts += 1;
          if (attempts < 3) {
            await sql`do $$ begin raise exception 'conflict' using errcode = '40001'; end $$`.execute(
              db,
            );
          }
          return attempts;
        },
        { repeatable },
      );
      if (repeatable) expect(await run).toBe(3);
      else await expect(run).rejects.toMatchObject({ code: "40001" });
    }
  });

  it("reads one state of all tables as a snapshot, and writes nothing", async () => {
    const user = await signUp();
    const count = (db: Parameters<Parameters<AppData["asUser"]>[1]>[0]) =>
      db.selectFrom("sessions").select("id").execute();
    await data.asUser(
      user,
      async (db) => {
        expect(await count(db)).toHaveLength(0);
        await superuser.query(
          "insert into public.sessions (user_id, started_at) values ($1, now())",
          [user],
        );
        expect(await count(db)).toHaveLength(0);
      },
      { mode: "snapshot" },
    );
    expect(await data.asUser(user, count)).toHaveLength(1);
    await expect(
      data.asUser(user, (db) => db.deleteFrom("user_api_keys").execute(), { mode: "snapshot" }),
    ).rejects.toMatchObject({ code: "25006" });
  });
});

describe("asService", () => {
  it("sees the exports of all users", async () => {
    const users = [await signUp(), await signUp()];
    for (const user of users) {
      await data.asUser(user, (db) =>
        db
          .insertInto("export_history")
          .values({ user_id: user, export_type: "progress", format: "jsonl" })
          .execute(),
      );
    }
    const rows = await data.asService((db) =>
      db.selectFrom("export_history").select("user_id").where("user_id", "in", users).execute(),
    );
    expect(rows.map((row) => row.user_id).sort()).toEqual([...users].sort());
  });
});

describe("connect", () => {
  it("refuses a login that owns tables, or that no row level security binds", async () => {
    for (const [role, finding] of [
      ["migrator", "owns"],
      ["postgres", "superuser"],
    ] as const) {
      const appSecretArn = await database.secretOf(role);
      await expect(database.open({ appSecretArn })).rejects.toThrow(finding);
    }
  });

  it("refuses a login that bypasses row level security, or may become a role that does", async () => {
    const role = `bypass_${randomUUID().slice(0, 8)}`;
    await superuser.query(`create role ${role} bypassrls; create role ${role}_member`);
    try {
      await superuser.query(`grant ${role} to ${role}_member; grant ${role}_member to app`);
      await expect(database.open()).rejects.toThrow(
        `DAT005 The login app may become ${role}, which has BYPASSRLS`,
      );
      await superuser.query(`alter role ${role} nobypassrls superuser`);
      await expect(database.open()).rejects.toThrow(
        `DAT005 The login app may become ${role}, which is a superuser`,
      );
      await superuser.query(`alter role ${role} nosuperuser`);
      await database.open();
      await superuser.query("alter role app bypassrls");
      await expect(database.open()).rejects.toThrow("DAT005 The login app has BYPASSRLS");
    } finally {
      await superuser.query(`alter role app nobypassrls; drop role ${role}_member, ${role}`);
    }
  });

  it("refuses a login that sees a row through a view, unless it reads as its caller or is an extension's", async () => {
    await signUp();
    await superuser.query(
      "create view public.everybody as select id from public.users; " +
        "grant select on public.everybody to authenticated",
    );
    try {
      await expect(database.open()).rejects.toThrow(
        "DAT005 The login app sees rows of public.everybody as authenticated without claims",
      );
      await database.open({ openTables: ["everybody"] });
      await superuser.query("alter view public.everybody set (security_invoker = on)");
      await database.open();
      await superuser.query("alter view public.everybody reset (security_invoker)");
      await superuser.query("alter extension plpgsql add view public.everybody");
      await database.open();
      await superuser.query("alter extension plpgsql drop view public.everybody");
      await expect(database.open()).rejects.toThrow("DAT005");
    } finally {
      await superuser.query("drop view public.everybody");
    }
  });

  it("refuses a login that sees a row without claims", async () => {
    const user = await signUp();
    await superuser.query("create policy everybody on public.users for select using (true)");
    try {
      await expect(database.open()).rejects.toThrow("sees rows of public.users as authenticated");
      const open = await database.open({ openTables: ["users"] });
      expect(await open.asUser(user, async () => "in")).toBe("in");
    } finally {
      await superuser.query("drop policy everybody on public.users");
    }
  });

  it("refuses the same of the login of the back office", async () => {
    for (const [role, finding] of [
      ["migrator", "owns"],
      ["postgres", "superuser"],
    ] as const) {
      const serviceSecretArn = await database.secretOf(role);
      await expect(database.open({ serviceSecretArn })).rejects.toThrow(
        new RegExp(`^DAT005 The login ${role} .*${finding}.*output serviceSecretArn`),
      );
    }
    await superuser.query(`grant connect on database ${database.name} to service`);
    const open = await database.open({ serviceSecretArn: await database.secretOf("service") });
    const read = sql<{ login: string }>`select session_user::text as login`;
    expect((await open.asService((db) => read.execute(db))).rows).toEqual([{ login: "service" }]);
  });

  it("refuses a login that sees what no policy can protect", async () => {
    const kinds = {
      "materialized view": "create materialized view public.copied as select 1 as id",
      "foreign table": `create foreign table public.copied (line text) server files
        options (program 'echo a')`,
    };
    await superuser.query(
      "create extension file_fdw; create server files foreign data wrapper file_fdw",
    );
    for (const [kind, statement] of Object.entries(kinds)) {
      await superuser.query(`${statement}; grant select on public.copied to authenticated`);
      try {
        await expect(database.open()).rejects.toThrow("DAT005");
        await database.open({ openTables: ["copied"] });
      } finally {
        await superuser.query(`drop ${kind} public.copied`);
      }
    }
    await superuser.query("create materialized view public.empty as select 1 as id with no data");
    await superuser.query("grant select on public.empty to authenticated");
    await database.open();
    await superuser.query("drop materialized view public.empty; drop extension file_fdw cascade");
  });

  it("reads the password again when one is refused after a rotation", async () => {
    const appSecretArn = await database.secretOf("app");
    const rotated = await database.open({ appSecretArn, poolSize: 2 });
    const user = await signUp();
    const secrets = new SecretsManagerClient({});
    const change = async (password: string) => {
      await superuser.query(`alter role app password '${password}'`);
      const login = JSON.parse(
        (await secrets.send(new GetSecretValueCommand({ SecretId: appSecretArn }))).SecretString ??
          "",
      );
      const SecretString = JSON.stringify({ ...login, password });
      await secrets.send(new PutSecretValueCommand({ SecretId: appSecretArn, SecretString }));
    };
    try {
      await change("rotated");
      const two = [1, 2].map(() =>
        rotated.asUser(user, (db) => sql`select pg_sleep(0.1)`.execute(db)),
      );
      expect(await Promise.all(two)).toHaveLength(2);
    } finally {
      await change(database.password("app"));
    }
    await secrets.send(new PutSecretValueCommand({ SecretId: appSecretArn, SecretString: "{}" }));
    await expect(database.open({ appSecretArn })).rejects.toThrow("CFG105");
    secrets.destroy();
  });

  it("names a setting that is missing or of another form", async () => {
    await expect(database.open({ appSecretArn: "" })).rejects.toThrow(/CFG10[14]/);
    await expect(database.open({ poolSize: 0 })).rejects.toThrow("CFG102");
    await expect(database.open({ databaseHost: "db.example.org" })).rejects.toThrow("CFG103");
  });
});

describe("close", () => {
  it("leaves nothing that goes on by itself", async () => {
    await (await database.open()).close();
    const timers = jest.spyOn(globalThis, "setTimeout");
    await sleep(500);
    expect(timers).not.toHaveBeenCalled();
    timers.mockRestore();
  });

  it("may be called twice; both wait for the transaction that runs", async () => {
    const closing = await database.open({ poolSize: 1 });
    const user = await signUp();
    let isDone = false;
    const closed = await new Promise<Promise<void>[]>((resolve, reject) => {
      const running = closing.asUser(user, async (db) => {
        resolve([closing.close(), closing.close()]);
        await sql`select pg_sleep(0.2)`.execute(db);
      });
      running.then(() => (isDone = true), reject);
    });
    for (const each of closed) {
      await each;
      expect(isDone).toBe(true);
    }
  });
});
