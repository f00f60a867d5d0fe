import type { Client, ClientBase } from "pg";
import { createDatabase, type RequestRole, type TestDatabase } from "../support/database";
import { applyAll, rejection } from "./sql-files";

const A = "aaaaaaaa-0000-4000-8000-000000000001";
const B = "bbbbbbbb-0000-4000-8000-000000000002";
/** Has signed up, and has nothing else yet. */
const C = "cccccccc-0000-4000-8000-000000000003";
const NOBODY = "dddddddd-0000-4000-8000-000000000004";
const OPEN_SESSION_OF = (user: string) => user.replace("-0000-", "-0001-");
const DONE_SESSION_OF = (user: string) => user.replace("-0000-", "-0002-");
const TABLES = ["users", "sessions", "user_api_keys", "user_progress", "export_history"];

const DENIED = "42501";

/** Rows affected or returned, or the SQLSTATE of the refusal. */
type Outcome = number | string;

describe("row level security", () => {
  let database: TestDatabase;
  let superuser: Client;
  let before: string;

  beforeAll(async () => {
    database = await createDatabase();
    superuser = await database.connect("postgres");
    await applyAll(await database.connect("migrator"));
    await superuser.query(`
      insert into public.users (id, email)
        values ('${A}', 'a@x'), ('${B}', 'b@x'), ('${C}', 'c@x');
      insert into public.user_progress (user_id) values ('${A}'), ('${B}');
      insert into public.sessions (id, user_id, started_at, ended_at)
        select s.id::uuid, u.id, '2026-01-05Z', s.ended_at::timestamptz
        from public.users u
        cross join lateral (values
          (replace(u.id::text, '-0000-', '-0001-'), null),
          (replace(u.id::text, '-0000-', '-0002-'), '2026-01-05 01:00Z')) as s (id, ended_at)
        where u.id <> '${C}';
      insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id)
        values ('${A}', 'secret of A', 'k'), ('${B}', 'secret of B', 'k');
      insert into public.export_history (user_id, export_type, format)
        values ('${A}', 'full', 'csv'), ('${B}', 'full', 'csv')`);
    before = await contents();
  });
  afterAll(() => database.drop());

  /** The privileged control: every row of every table, as nobody but a superuser sees them. */
  async function contents(): Promise<string> {
    const found: unknown[] = [];
    for (const table of TABLES) {
      found.push((await superuser.query(`select * from public.${table} order by id`)).rows);
    }
    return JSON.stringify(found);
  }

  async function outcome(client: ClientBase, sql: string): Promise<Outcome> {
    try {
      return (await client.query(sql)).rowCount ?? 0;
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  const attempt = (role: RequestRole, claims: object | undefined, sql: string) =>
    database.asRole(role, claims, (client) => outcome(client, sql));

  it("is tested as roles that it binds", async () => {
    const { rows } = await superuser.query(
      "select rolname, rolsuper, rolbypassrls, rolcanlogin from pg_roles where rolname in " +
        "('master', 'migrator', 'app', 'anon', 'authenticated', 'service_role') order by 1",
    );
    expect(rows).toEqual(
      ["anon", "app", "authenticated", "master", "migrator", "service_role"].map((rolname) => ({
        rolname,
        rolsuper: false,
        rolbypassrls: false,
        rolcanlogin: ["app", "master", "migrator"].includes(rolname),
      })),
    );
    const asWhom = await database.asUser(A, async (client) => {
      return (await client.query("select session_user, current_user")).rows;
    });
    expect(asWhom).toEqual([{ session_user: "app", current_user: "authenticated" }]);
    expect(JSON.parse(before).map((rows: unknown[]) => rows.length)).toEqual([3, 4, 2, 2, 2]);
  });

  // access-matrix.ts has whose rows are reached; these are about the state that a row is in.
  it.each<[what: string, user: string, sql: string, expected: Outcome]>([
    [
      "cannot sign up with an id by chance",
      A,
      "insert into public.users (email) values ('d@x')",
      DENIED,
    ],
    [
      "can learn from the unique email that it is taken",
      NOBODY,
      `insert into public.users (id, email) values ('${NOBODY}', 'b@x')`,
      "23505",
    ],
    [
      "cannot start a session that is completed",
      A,
      `insert into public.sessions (user_id, started_at, ended_at) values ('${A}', now(), now())`,
      DENIED,
    ],
    [
      "can complete an open session",
      A,
      `update public.sessions set ended_at = now() where id = '${OPEN_SESSION_OF(A)}'`,
      1,
    ],
    [
      "cannot change a completed session",
      A,
      `update public.sessions set images_count = 3 where id = '${DONE_SESSION_OF(A)}'`,
      0,
    ],
    [
      "cannot open a completed session again",
      A,
      `update public.sessions set ended_at = null where id = '${DONE_SESSION_OF(A)}'`,
      0,
    ],
    [
      "can upsert their preferences",
      A,
      `insert into public.user_progress (user_id, preferences) values ('${A}', '{}') on conflict (user_id) do update set preferences = excluded.preferences`,
      1,
    ],
    [
      "cannot ask for an export that is completed",
      A,
      `insert into public.export_history (user_id, export_type, format, status) values ('${A}', 'full', 'csv', 'completed')`,
      DENIED,
    ],
    [
      "cannot delete another's keys by merging",
      A,
      `merge into public.user_api_keys k using (values ('${B}'::uuid)) v (id) on k.user_id = v.id when matched then delete`,
      0,
    ],
    [
      "can delete their own keys by merging",
      A,
      `merge into public.user_api_keys k using (values ('${A}'::uuid)) v (id) on k.user_id = v.id when matched then delete`,
      1,
    ],
    ["can copy out their own rows only", A, "copy public.sessions to stdout", 2],
  ])("lets a signed-in user do what is theirs: %s", async (_what, user, sql, expected) => {
    expect(await attempt("authenticated", { sub: user }, sql)).toBe(expected);
    expect(await contents()).toBe(before);
  });

  it.each(TABLES)("shows nothing of %s to a signed-in role without an identity", async (table) => {
    for (const claims of [undefined, {}, { sub: null }, { sub: "x" }]) {
      expect(await attempt("authenticated", claims, `select * from public.${table}`)).toBe(0);
    }
    expect(await attempt("authenticated", { sub: A }, `select * from public.${table}`)).not.toBe(0);
  });

  it("is closed to master, as PUBLIC may not connect", async () => {
    expect(await rejection(database.connect("master"))).toMatchObject({ code: DENIED });
  });

  it("refuses the owner who asks for all rows or none", async () => {
    const migrator = await database.connect("migrator");
    await migrator.query("set row_security = off");
    expect(await rejection(migrator.query("select * from public.user_api_keys"))).toMatchObject({
      code: DENIED,
      message: 'query would be affected by row-level security policy for table "user_api_keys"',
    });
  });

  it("cannot be switched off by the role that it binds", async () => {
    expect(
      await attempt(
        "authenticated",
        { sub: A },
        "drop policy user_api_keys_select_own on public.user_api_keys",
      ),
    ).toBe(DENIED);
  });

  it("asks for the identity once a query, not once a row", async () => {
    const plan = await database.asUser(A, async (client) => {
      const { rows } = await client.query(
        "explain (costs off) select * from public.export_history",
      );
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    });
    expect(plan).toContain("InitPlan");
    expect(plan).not.toContain("auth.uid() = user_id");
  });
});
