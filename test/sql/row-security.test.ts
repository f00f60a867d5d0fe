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

  const keys = (user: string) =>
    `insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id) values ('${user}', 'x', 'k')`;
  const exportOf = (user: string) =>
    `insert into public.export_history (user_id, export_type, format) values ('${user}', 'full', 'csv')`;
  const session = (user: string) =>
    `insert into public.sessions (user_id, started_at) values ('${user}', now())`;

  describe.each<
    [table: string, cases: [what: string, user: string, sql: string, expected: Outcome][]]
  >([
    [
      "users",
      [
        ["can select their own row", A, "select * from public.users", 1],
        ["cannot select another's row", A, `select * from public.users where id = '${B}'`, 0],
        [
          "can insert their own row",
          NOBODY,
          `insert into public.users (id, email) values ('${NOBODY}', 'd@x') returning id`,
          1,
        ],
        [
          "cannot insert a row for another",
          A,
          `insert into public.users (id, email) values ('${NOBODY}', 'd@x')`,
          DENIED,
        ],
        [
          "cannot insert a row with an id by chance",
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
          "cannot set their own times",
          NOBODY,
          `insert into public.users (id, email, created_at) values ('${NOBODY}', 'd@x', 'epoch')`,
          DENIED,
        ],
        [
          "cannot update any row",
          A,
          `update public.users set email = 'e@x' where id = '${A}'`,
          DENIED,
        ],
        ["cannot delete any row", A, `delete from public.users where id = '${A}'`, DENIED],
        [
          "cannot upsert another's row",
          A,
          `insert into public.users (id, email) values ('${B}', 'e@x') on conflict (id) do nothing`,
          DENIED,
        ],
        ["cannot truncate", A, "truncate public.users cascade", DENIED],
        ["can copy out their own row only", A, "copy public.users to stdout", 1],
        ["cannot copy in", A, "copy public.users (id, email) from stdin", "0A000"],
      ],
    ],
    [
      "sessions",
      [
        ["can select their own rows", A, "select * from public.sessions", 2],
        [
          "cannot select another's rows",
          A,
          `select * from public.sessions where user_id = '${B}'`,
          0,
        ],
        ["can start a session", A, `${session(A)} returning id`, 1],
        ["cannot start another's", A, session(B), DENIED],
        ["cannot probe whether a user is there", A, session(NOBODY), DENIED],
        [
          "cannot start one that is completed",
          A,
          `insert into public.sessions (user_id, started_at, ended_at) values ('${A}', now(), now())`,
          DENIED,
        ],
        [
          "can complete an open session",
          A,
          `update public.sessions set ended_at = now(), images_count = 3 where id = '${OPEN_SESSION_OF(A)}' returning *`,
          1,
        ],
        [
          "cannot change a completed one",
          A,
          `update public.sessions set images_count = 3 where id = '${DONE_SESSION_OF(A)}'`,
          0,
        ],
        [
          "cannot open a completed one again",
          A,
          `update public.sessions set ended_at = null where id = '${DONE_SESSION_OF(A)}'`,
          0,
        ],
        [
          "cannot complete another's",
          A,
          `update public.sessions set ended_at = now() where id = '${OPEN_SESSION_OF(B)}'`,
          0,
        ],
        [
          "cannot take another's",
          A,
          `update public.sessions set user_id = '${A}' where id = '${OPEN_SESSION_OF(B)}'`,
          DENIED,
        ],
        [
          "cannot give theirs away",
          A,
          `update public.sessions set user_id = '${B}' where id = '${OPEN_SESSION_OF(A)}'`,
          DENIED,
        ],
        [
          "cannot move the start",
          A,
          `update public.sessions set started_at = now() where id = '${OPEN_SESSION_OF(A)}'`,
          DENIED,
        ],
        ["cannot delete", A, "delete from public.sessions", DENIED],
        [
          "cannot upsert another's",
          A,
          `insert into public.sessions (id, user_id, started_at) values ('${OPEN_SESSION_OF(B)}', '${A}', now()) on conflict (id) do update set ended_at = now()`,
          DENIED,
        ],
        [
          "cannot lock another's",
          A,
          `select * from public.sessions where user_id = '${B}' for update`,
          0,
        ],
        ["cannot truncate", A, "truncate public.sessions", DENIED],
        ["can copy out their own rows only", A, "copy public.sessions to stdout", 2],
      ],
    ],
    [
      "user_api_keys",
      [
        ["can select their own row", A, "select * from public.user_api_keys", 1],
        [
          "cannot select another's row",
          A,
          `select * from public.user_api_keys where user_id = '${B}'`,
          0,
        ],
        ["can insert their own row", C, `${keys(C)} returning *`, 1],
        ["cannot insert a row for another", A, keys(C), DENIED],
        ["cannot probe whether a user is there", A, keys(NOBODY), DENIED],
        [
          "can update their own row",
          A,
          "update public.user_api_keys set encrypted_keys = 'y', is_active = false returning *",
          1,
        ],
        [
          "cannot update another's row",
          A,
          `update public.user_api_keys set is_active = false where user_id = '${B}'`,
          0,
        ],
        [
          "cannot take another's row",
          A,
          `update public.user_api_keys set user_id = '${A}' where user_id = '${B}'`,
          DENIED,
        ],
        [
          "cannot give their row away",
          A,
          `update public.user_api_keys set user_id = '${C}'`,
          DENIED,
        ],
        ["cannot set times", A, "update public.user_api_keys set created_at = 'epoch'", DENIED],
        ["can delete their own row", A, "delete from public.user_api_keys returning *", 1],
        [
          "cannot delete another's row",
          A,
          `delete from public.user_api_keys where user_id = '${B}'`,
          0,
        ],
        [
          "can upsert their own row",
          A,
          `${keys(A)} on conflict (user_id) do update set encrypted_keys = excluded.encrypted_keys`,
          1,
        ],
        [
          "cannot upsert another's row",
          A,
          `${keys(B)} on conflict (user_id) do update set encrypted_keys = excluded.encrypted_keys`,
          DENIED,
        ],
        [
          "cannot see another's row by merging",
          A,
          `merge into public.user_api_keys k using (values ('${B}'::uuid)) v (id) on k.user_id = v.id when matched then delete`,
          0,
        ],
        ["cannot truncate", A, "truncate public.user_api_keys", DENIED],
        ["can copy out their own row only", A, "copy public.user_api_keys to stdout", 1],
        [
          "cannot copy in",
          A,
          "copy public.user_api_keys (user_id, encrypted_keys, encryption_key_id) from stdin",
          "0A000",
        ],
      ],
    ],
    [
      "user_progress",
      [
        ["can select their own row", A, "select * from public.user_progress", 1],
        [
          "cannot select another's row",
          A,
          `select * from public.user_progress where user_id = '${B}'`,
          0,
        ],
        [
          "can insert their own row",
          C,
          `insert into public.user_progress (user_id, preferences) values ('${C}', '{"a":1}') returning *`,
          1,
        ],
        [
          "cannot insert a row for another",
          A,
          `insert into public.user_progress (user_id) values ('${C}')`,
          DENIED,
        ],
        [
          "cannot insert a counter",
          C,
          `insert into public.user_progress (user_id, total_sessions) values ('${C}', 9)`,
          DENIED,
        ],
        [
          "can update their preferences",
          A,
          `update public.user_progress set preferences = '{"a":1}' returning *`,
          1,
        ],
        [
          "cannot update another's preferences",
          A,
          `update public.user_progress set preferences = '{}' where user_id = '${B}'`,
          0,
        ],
        [
          "cannot update a counter",
          A,
          "update public.user_progress set total_sessions = 9",
          DENIED,
        ],
        [
          "cannot award themselves achievements",
          A,
          "update public.user_progress set achievements = '{}'",
          DENIED,
        ],
        [
          "cannot take another's row",
          A,
          `update public.user_progress set user_id = '${A}' where user_id = '${B}'`,
          DENIED,
        ],
        [
          "can upsert their own row",
          A,
          `insert into public.user_progress (user_id, preferences) values ('${A}', '{}') on conflict (user_id) do update set preferences = excluded.preferences`,
          1,
        ],
        [
          "cannot upsert another's row",
          A,
          `insert into public.user_progress (user_id, preferences) values ('${B}', '{}') on conflict (user_id) do update set preferences = excluded.preferences`,
          DENIED,
        ],
        ["cannot delete", A, "delete from public.user_progress", DENIED],
        ["cannot truncate", A, "truncate public.user_progress", DENIED],
        ["can copy out their own row only", A, "copy public.user_progress to stdout", 1],
        [
          "cannot call the function that counts",
          A,
          "select public.update_user_progress_from_session()",
          DENIED,
        ],
      ],
    ],
    [
      "export_history",
      [
        ["can select their own row", A, "select * from public.export_history", 1],
        [
          "cannot select another's row",
          A,
          `select * from public.export_history where user_id = '${B}'`,
          0,
        ],
        ["can ask for an export", A, `${exportOf(A)} returning *`, 1],
        ["cannot ask for another's", A, exportOf(B), DENIED],
        ["cannot probe whether a user is there", A, exportOf(NOBODY), DENIED],
        [
          "cannot ask for one that is completed",
          A,
          `insert into public.export_history (user_id, export_type, format, status) values ('${A}', 'full', 'csv', 'completed')`,
          DENIED,
        ],
        [
          "can update the filters",
          A,
          `update public.export_history set filters = '{"a":1}' returning *`,
          1,
        ],
        [
          "cannot update another's filters",
          A,
          `update public.export_history set filters = '{}' where user_id = '${B}'`,
          0,
        ],
        [
          "cannot point an export at another's file",
          A,
          "update public.export_history set storage_key = 'of-b'",
          DENIED,
        ],
        [
          "cannot take another's row",
          A,
          `update public.export_history set user_id = '${A}' where user_id = '${B}'`,
          DENIED,
        ],
        ["cannot delete", A, "delete from public.export_history", DENIED],
        ["cannot truncate", A, "truncate public.export_history", DENIED],
        ["can copy out their own row only", A, "copy public.export_history to stdout", 1],
      ],
    ],
  ])("a signed-in user of %s", (_, cases) => {
    it.each(cases)("%s", async (_what, user, sql, expected) => {
      expect(await attempt("authenticated", { sub: user }, sql)).toBe(expected);
      expect(await contents()).toBe(before);
    });
  });

  it.each(TABLES)("shows nothing of %s to a signed-in role without an identity", async (table) => {
    for (const claims of [undefined, {}, { sub: null }, { sub: "x" }]) {
      expect(await attempt("authenticated", claims, `select * from public.${table}`)).toBe(0);
    }
    expect(await attempt("authenticated", { sub: A }, `select * from public.${table}`)).not.toBe(0);
  });

  it.each(TABLES)("lets anon do nothing with %s", async (table) => {
    for (const sql of [
      `select * from public.${table}`,
      `insert into public.${table} default values`,
      `update public.${table} set id = id`,
      `delete from public.${table}`,
      `truncate public.${table}`,
      `copy public.${table} to stdout`,
      "select auth.uid()",
    ]) {
      expect([sql, await attempt("anon", { sub: A }, sql)]).toEqual([sql, DENIED]);
    }
  });

  it.each(["app", "master"] as const)("lets %s do nothing in its own name", async (role) => {
    // The database is closed to master: PUBLIC may not connect.
    if (role === "master") {
      const refusal = await rejection(database.connect("master"));
      expect(refusal).toMatchObject({ code: "42501" });
      return;
    }
    const client = await database.connect(role);
    for (const table of TABLES) {
      expect(await outcome(client, `select * from public.${table}`)).toBe(DENIED);
    }
  });

  describe("service_role", () => {
    it.each<[what: string, sql: string, expected: Outcome]>([
      ["cannot read users", "select * from public.users", DENIED],
      ["cannot read sessions", "select * from public.sessions", DENIED],
      ["cannot read API keys", "select * from public.user_api_keys", DENIED],
      ["cannot count API keys", "select count(*) from public.user_api_keys", DENIED],
      ["cannot write API keys", keys(C), DENIED],
      ["cannot delete API keys", "delete from public.user_api_keys", DENIED],
      ["can read all progress", "select * from public.user_progress", 2],
      [
        "can make a progress row",
        `insert into public.user_progress (user_id) values ('${C}') returning *`,
        1,
      ],
      [
        "cannot make one with preferences",
        `insert into public.user_progress (user_id, preferences) values ('${C}', '{}')`,
        DENIED,
      ],
      ["can award achievements", `update public.user_progress set achievements = '{"a":1}'`, 2],
      ["cannot write preferences", "update public.user_progress set preferences = '{}'", DENIED],
      ["cannot write counters", "update public.user_progress set total_sessions = 1", DENIED],
      ["cannot delete progress", "delete from public.user_progress", DENIED],
      ["can read all exports", "select * from public.export_history", 2],
      ["can ask for an export", exportOf(C), 1],
      [
        "can report on an export",
        "update public.export_history set status = 'completed', storage_bucket = 'b', storage_key = 'k', file_size_bytes = 1, row_count = 1, checksum_sha256 = repeat('0', 64), error_message = null, started_at = now(), completed_at = now(), expires_at = now(), download_count = 1",
        2,
      ],
      [
        "cannot move an export to another user",
        `update public.export_history set user_id = '${A}'`,
        DENIED,
      ],
      [
        "cannot change what was asked for",
        "update public.export_history set filters = '{}'",
        DENIED,
      ],
      ["can delete exports", "delete from public.export_history", 2],
      ["cannot truncate exports", "truncate public.export_history", DENIED],
      ["cannot become the owner", "set local role migrator", DENIED],
    ])("%s", async (_what, sql, expected) => {
      expect(await attempt("service_role", { role: "service_role" }, sql)).toBe(expected);
      expect(await contents()).toBe(before);
    });
  });

  it("shows the owner no API key and no export, and no row of its own making", async () => {
    const migrator = await database.connect("migrator");
    const count = async (table: string) =>
      (await migrator.query(`select count(*)::int as n from public.${table}`)).rows[0].n;
    expect(await count("user_api_keys")).toBe(0);
    expect(await count("export_history")).toBe(0);
    expect(await count("user_progress")).toBe(2);
    expect(await outcome(migrator, keys(C))).toBe(DENIED);
    expect(await outcome(migrator, "delete from public.users")).toBe(0);
    await migrator.query("set row_security = off");
    expect(await rejection(migrator.query("select * from public.user_api_keys"))).toMatchObject({
      code: DENIED,
      message: 'query would be affected by row-level security policy for table "user_api_keys"',
    });
  });

  it("cannot be switched off by the role that it binds", async () => {
    for (const sql of [
      "alter table public.user_api_keys disable row level security",
      "drop policy user_api_keys_select_own on public.user_api_keys",
      "create view public.v as select * from public.user_api_keys",
    ]) {
      expect(await attempt("authenticated", { sub: A }, sql)).toBe(DENIED);
    }
    const rows = await database.asUser(A, async (client) => {
      await client.query("set local row_security = off");
      return outcome(client, "select * from public.user_api_keys");
    });
    expect(rows).toBe(DENIED);
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
