import { randomBytes, randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Client } from "pg";
import { hmacPads } from "../../migrator/src/pulumi/token-settings";
import type { AppData } from "../../src/app-data";
import { type PgBouncer, isPgBouncerInstalled, startPgBouncer } from "../support/pgbouncer";
import { createSecret } from "../support/secrets";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";

let database: ClientDatabase;
let superuser: Client;
let pooler: PgBouncer | undefined;
let data: AppData;
let users: [string, string];

const whoever = isPgBouncerInstalled ? describe : describe.skip;

whoever("sessions behind PgBouncer in transaction mode, with one connection to the server", () => {
  beforeAll(async () => {
    database = await createClientDatabase();
    superuser = await database.connect("postgres");
    pooler = await startPgBouncer({
      database,
      logins: { app: database.password("app") },
      mode: "transaction",
      settings: "default_pool_size = 1",
    });
    data = await database.open({ databasePort: pooler.port });
    users = [randomUUID(), randomUUID()];
    await superuser.query(
      "insert into public.users (id, email) select u, u::text || '@x.io' from unnest($1::uuid[]) u",
      [users],
    );
  });
  afterAll(async () => {
    await database.drop();
    await pooler?.stop();
  });

  const seen = (user: string, by = data) =>
    by.asUser(user, async (db) => {
      const rows = await db.selectFrom("users").select("id").execute();
      const { rows: backend } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(
        db,
      );
      return { ids: rows.map(({ id }) => id), pid: backend[0]?.pid };
    });

  /** What a client finds that takes the server's connection next, and sets nothing. */
  async function leftBehind() {
    const client = await data["userPool"].take(5_000);
    const { rows } = await client.query(
      "select current_user::text as role, coalesce(current_setting('request.jwt.claims', true), '') as claims, " +
        "coalesce(current_setting('request.jwt.token', true), '') as token, " +
        "current_setting('statement_timeout') as timeout",
    );
    client.release();
    return rows[0];
  }

  it("shows each of two users their own rows alone, on one backend", async () => {
    const turns = Array.from({ length: 40 }, (_, turn) => users[turn % 2] ?? "");
    const answers = await Promise.all(turns.map((user) => seen(user)));
    expect(answers.map(({ ids }) => ids)).toEqual(turns.map((user) => [user]));
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(1);
    const { rows } = await superuser.query("select id from public.users");
    expect(rows).toHaveLength(2);
  });

  it("leaves nothing on the backend, whatever the work set, threw or ended", async () => {
    const works: Parameters<AppData["asUser"]>[1][] = [
      async () => Promise.reject(new Error("thrown")),
      (db) => sql`select 1 / 0`.execute(db),
      (db) => sql`set statement_timeout = 4242`.execute(db),
      (db) => sql`select set_config('role', 'service_role', false)`.execute(db),
      (db) => sql`select set_config('request.jwt.claims', '{"sub":"x"}', false)`.execute(db),
      async (db) => {
        await sql`select set_config('role', 'service_role', false)`.execute(db);
        await sql`select set_config('request.jwt.claims', '{"sub":"x"}', false)`.execute(db);
        await sql`commit`.execute(db);
      },
    ];
    for (const work of works) {
      await data.asUser(users[0], work).catch(() => undefined);
      expect(await leftBehind()).toEqual({ role: "app", claims: "", token: "", timeout: "0" });
    }
  });

  it("goes on after the backend was ended in the middle of a transaction", async () => {
    const ended = data.asUser(users[0], async (db) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
      await superuser.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
      return db.selectFrom("users").select("id").execute();
    });
    await expect(ended).rejects.toThrow();
    expect((await seen(users[1])).ids).toEqual([users[1]]);
  });

  it("gives the backend back at the deadline", async () => {
    const late = data.asUser(users[0], (db) => sql`select pg_sleep(30)`.execute(db), {
      deadlineMs: 300,
    });
    await expect(late).rejects.toThrow("DAT003");
    expect((await seen(users[1])).ids).toEqual([users[1]]);
  });

  it("prepares no statement, which the next transaction would miss on another backend", async () => {
    await seen(users[0]);
    const prepared = await data.asUser(users[0], (db) =>
      sql`select from pg_prepared_statements where name <> ''`.execute(db),
    );
    expect(prepared.rows).toEqual([]);
    await superuser.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'",
    );
    expect((await seen(users[0]).catch(() => seen(users[0]))).ids).toEqual([users[0]]);
  });

  it("writes, reads a snapshot and works as the back office", async () => {
    const id = await data.asUser(users[0], async (db) => {
      const row = await db
        .insertInto("sessions")
        .values({ user_id: users[0], started_at: "2026-03-02T10:00:00Z" })
        .returning("id")
        .executeTakeFirstOrThrow();
      return row.id;
    });
    const read = (user: string) =>
      data.asUser(user, (db) => db.selectFrom("sessions").select("id").execute(), {
        mode: "snapshot",
      });
    expect(await read(users[0])).toEqual([{ id }]);
    expect(await read(users[1])).toEqual([]);
    expect(
      await data.asService((db) => sql<{ role: string }>`select current_user as role`.execute(db)),
    ).toMatchObject({ rows: [{ role: "service_role" }] });
  });

  it("shows each of two users their own rows alone where the database demands tokens", async () => {
    const key = randomBytes(32);
    await superuser.query(
      "insert into auth.token_settings (believes_claims, audience, current_pads) values (false, 'test', $1)",
      [hmacPads(key)],
    );
    try {
      const signing = await database.open({
        databasePort: pooler?.port,
        tokenSecretArn: await createSecret({ key: key.toString("base64") }),
        tokenAudience: "test",
      });
      const turns = Array.from({ length: 40 }, (_, turn) => users[turn % 2] ?? "");
      const answers = await Promise.all(turns.map((user) => seen(user, signing)));
      expect(answers.map(({ ids }) => ids)).toEqual(turns.map((user) => [user]));
      expect(new Set(answers.map(({ pid }) => pid)).size).toBe(1);
      expect(await leftBehind()).toEqual({ role: "app", claims: "", token: "", timeout: "0" });
      // On the same backend, without a token.
      expect((await seen(users[0])).ids).toEqual([]);
    } finally {
      await superuser.query("delete from auth.token_settings");
    }
  });
});
