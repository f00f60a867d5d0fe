import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { applyMigration, applyPending } from "../../migrator/src";
import { createDatabase, type TestDatabase } from "../support/database";
import {
  type MigratorFixture,
  createFixture,
  currentTrios,
  trio,
} from "../migrator/migration-fixture";
import { dumpCatalog } from "./catalog-dump";
import { migrationsThrough, rejection, run, runStatements } from "./sql-files";

const NAME = "005_monitoring";
const VIEWS = [
  "changed_protection",
  "indexes",
  "notes",
  "statements",
  "tables",
  "tables_without_row_security",
  "transaction_ids",
  "triggers",
  "waiting_locks",
];

/** What `monitor` gets of a query. */
async function ask(monitor: Client, sql: string): Promise<Record<string, unknown>[]> {
  return (await monitor.query(sql)).rows;
}

describe("what monitor reads", () => {
  let fixture: MigratorFixture;
  let database: TestDatabase;
  let superuser: Client;
  let monitor: Client;
  const user = randomUUID();
  const email = `${user}@example.org`;

  beforeAll(async () => {
    fixture = await createFixture();
    database = fixture.database;
    await applyPending(
      fixture.settings,
      currentTrios().filter(({ name }) => (migrationsThrough(NAME) as string[]).includes(name)),
      { connectRoles: ["app", "monitor"] },
    );
    superuser = await database.connect("postgres");
    await superuser.query("set lock_timeout = '10s'");
    monitor = await database.connect("monitor");
    await superuser.query("insert into public.users (id, email) values ($1, $2)", [user, email]);
  });
  afterAll(() => database.drop());

  /** Changes that are undone after what is asked meanwhile. */
  async function changed<T>(sql: string, undo: string, work: () => Promise<T>): Promise<T> {
    await superuser.query(sql);
    try {
      return await work();
    } finally {
      await superuser.query(undo);
    }
  }

  it("is a login without powers and without memberships", async () => {
    const { rows } = await superuser.query(`
      select rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
             (select count(*)::int from pg_auth_members where member = r.oid) as memberships
        from pg_roles r where rolname = 'monitor'`);
    expect(rows).toEqual([
      {
        rolcanlogin: true,
        rolsuper: false,
        rolbypassrls: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolreplication: false,
        memberships: 0,
      },
    ]);
  });

  it("is every view of its schema, and nothing of a user", async () => {
    for (const view of VIEWS) await ask(monitor, `select * from monitoring.${view}`);
    const { rows } = await superuser.query<{ name: string }>(
      "select relname as name from pg_class where relnamespace = 'monitoring'::regnamespace order by 1",
    );
    expect(rows.map(({ name }) => name)).toEqual(VIEWS);
    expect(JSON.stringify(await ask(monitor, "select monitoring.report()"))).not.toContain(user);
  });

  it("is no table, view or function of any other schema", async () => {
    const { rows } = await superuser.query<{ name: string }>(`
      select format('%s.%I', relnamespace::regnamespace, relname) as name from pg_class
       where relkind in ('r', 'v', 'm') and relnamespace::regnamespace::text in ('public', 'migrations')`);
    expect(rows.length).toBeGreaterThan(10);
    for (const { name } of rows) {
      expect((await superuser.query(`select from ${name} limit 1`)).command).toBe("SELECT");
      expect(await rejection(monitor.query(`select from ${name}`))).toMatchObject({
        code: "42501",
      });
    }
    for (const call of [
      "auth.uid()",
      "public.refresh_progress_analytics()",
      "public.expire_exports()",
    ]) {
      expect(await rejection(monitor.query(`select ${call}`))).toMatchObject({ code: "42501" });
    }
    for (const role of ["authenticated", "service_role", "migrator", "app", "pg_read_all_data"]) {
      expect(await rejection(monitor.query(`set role ${role}`))).toMatchObject({ code: "42501" });
    }
  });

  it("is for monitor alone", async () => {
    for (const role of ["anon", "authenticated", "service_role"] as const) {
      for (const what of [
        ...VIEWS.map((view) => `select from monitoring.${view}`),
        "select monitoring.report()",
      ]) {
        const asked = database.asRole(role, { sub: user }, (c) => c.query(what));
        expect(await rejection(asked)).toMatchObject({ code: "42501" });
      }
    }
  });

  it("says why a figure is not to be had", async () => {
    const notes = await ask(monitor, "select figure from monitoring.notes order by 1");
    expect(notes.map(({ figure }) => figure)).toEqual([
      "denied_statements",
      "statements",
      "triggers",
    ]);
    expect(await ask(monitor, "select from monitoring.statements")).toEqual([]);
    const [note] = await ask(
      monitor,
      "select note from monitoring.notes where figure = 'statements'",
    );
    expect(note?.["note"]).toMatch(/^pg_stat_statements is not installed in this database/);
  });

  it("shows statements without their constants, where the server and the operator let it", async () => {
    const statements = () =>
      ask(
        monitor,
        "select statement, calls from monitoring.statements where role = 'authenticated'",
      );
    const one = "select email from public.users where id =";
    await superuser.query("create extension pg_stat_statements");
    try {
      await database.asUser(user, async (client) => {
        await client.query(`${one} '${user}'`);
        await client.query(`/* ${user} */ ${one} $1`, [user]);
        await client.query(`${one} $1 /* ${user} */ and true`, [user]);
        await client.query(`${one} $1 and not false -- ${user}`, [user]);
        await client.query(`set application_name = '${user}'`);
      });
      // Of a role that migrator may not look at, the numbers alone.
      expect(new Set((await statements()).map(({ statement }) => statement))).toEqual(
        new Set(["(not shown)"]),
      );
      const notes = await ask(
        monitor,
        "select note from monitoring.notes where figure = 'statements'",
      );
      expect(notes).toEqual([
        {
          note: expect.stringMatching(
            /^migrator is no member of pg_read_all_stats.*Grant pg_monitor/,
          ),
        },
      ]);
      await superuser.query("grant pg_monitor to migrator");
      const shown = await statements();
      expect(shown).toContainEqual({ statement: `${one} $1`, calls: "1" });
      expect(shown.filter(({ statement }) => statement === "(not shown)").length).toBeGreaterThan(
        0,
      );
      expect(JSON.stringify(await ask(monitor, "select monitoring.report()"))).not.toContain(user);
      expect(
        await ask(monitor, "select from monitoring.notes where figure = 'statements'"),
      ).toEqual([]);
      // What an extension brings is no change to what the migrations made.
      expect(await ask(monitor, "select * from monitoring.changed_protection")).toEqual([]);
    } finally {
      await superuser.query("revoke pg_monitor from migrator; drop extension pg_stat_statements");
    }
  });

  it("counts calls and time of triggers where the server does", async () => {
    const app = await database.connect("postgres");
    await app.query("set track_functions = 'pl'");
    await app.query(
      "insert into public.sessions (user_id, started_at) values ($1, now() - interval '1 h')",
      [user],
    );
    await app.query("update public.sessions set ended_at = now() where ended_at is null");
    await app.end().catch(() => undefined);
    const sql =
      "select calls, total_ms, mean_ms from monitoring.triggers where name = 'trigger_update_user_progress_from_session'";
    let [counted] = await ask(monitor, sql);
    for (let tries = 0; counted?.["calls"] === null && tries < 100; tries += 1) {
      await sleep(50);
      [counted] = await ask(monitor, sql);
    }
    expect(counted).toMatchObject({ calls: "1" });
    expect(Number(counted?.["total_ms"])).toBeGreaterThan(0);
  });

  it("tells size, dead rows and use of tables and indexes, and ages of transaction ids", async () => {
    await superuser.query("analyze public.users");
    const [table] = await ask(
      monitor,
      "select * from monitoring.tables where schema = 'public' and name = 'users'",
    );
    expect(table).toMatchObject({ heap_bytes: "8192" });
    expect(Number(table?.["transaction_age"])).toBeGreaterThan(0);
    const [index] = await ask(
      monitor,
      "select * from monitoring.indexes where name = 'users_email_key'",
    );
    expect(index).toMatchObject({ table_name: "users", is_unique: true, is_valid: true });
    const ages = await ask(monitor, "select * from monitoring.transaction_ids");
    expect(ages).toContainEqual(
      expect.objectContaining({ holder: "database", name: database.name }),
    );
  });

  it("names who waits for which lock, and for whom", async () => {
    const holder = await database.connect("postgres");
    const waiter = await database.connect("postgres");
    const pid = async (client: Client) =>
      (await client.query("select pg_backend_pid() as pid")).rows[0].pid;
    const [held, waits] = [await pid(holder), await pid(waiter)];
    await holder.query("begin; lock table public.users in exclusive mode");
    const waiting = waiter
      .query("begin; lock table public.users in share mode")
      .catch(() => undefined);
    let rows: Record<string, unknown>[] = [];
    try {
      for (let tries = 0; rows.length === 0 && tries < 200; tries += 1) {
        await sleep(20);
        rows = await ask(monitor, "select * from monitoring.waiting_locks");
      }
    } finally {
      await holder.query("rollback");
      await waiting;
      await waiter.query("rollback");
    }
    expect(rows).toEqual([
      expect.objectContaining({
        pid: waits,
        role: "postgres",
        waits_for: "ShareLock",
        relation: "public.users",
        blocked_by: [held],
      }),
    ]);
  });

  it("answers while a table is being changed, without what would have to wait", async () => {
    const holder = await database.connect("postgres");
    const waiter = await database.connect("postgres");
    await holder.query("begin; lock table public.users in access exclusive mode");
    const waiting = waiter.query("select count(*) from public.users").catch(() => undefined);
    try {
      await monitor.query("set statement_timeout = '5s'");
      const [{ report } = { report: undefined }] = (await ask(
        monitor,
        "select monitoring.report() as report",
      )) as { report: Record<string, Record<string, unknown>[]> }[];
      const named = (view: string, name: string) =>
        report?.[view]?.find((row) => row["name"] === name);
      expect(named("tables", "users")).toMatchObject({ heap_bytes: null, total_bytes: null });
      expect(named("indexes", "users_email_key")).toMatchObject({ is_unique: true });
      expect(named("tables", "sessions")?.["total_bytes"]).toEqual(expect.any(Number));
      expect(report?.["waiting_locks"]).toEqual([
        expect.objectContaining({ relation: "public.users", waits_for: "AccessShareLock" }),
      ]);
      expect(report?.["changed_protection"]).toEqual([
        {
          object: "all of it",
          change: expect.stringMatching(/^not compared: somebody is changing/),
        },
      ]);
    } finally {
      await holder.query("rollback");
      await waiting;
      await monitor.query("reset statement_timeout");
    }
  });

  it("has denied statements counted from the server's log, by the query of its page", async () => {
    const page = readFileSync("docs/migrations/005-monitoring.md", "utf8");
    const pattern = /\| parse @message \/(.*)\/\n/.exec(page)?.[1];
    const parse = new RegExp(pattern ?? "is not there");
    const other = randomUUID();
    await superuser.query(
      "create policy extra on public.users as restrictive to authenticated using (email not like 'no%')",
    );
    const insert = (id: string, name: string) =>
      `insert into public.users (id, email) values ('${id}', '${name}@example.org')`;
    const denied: [sql: string, relation: string][] = [
      ["select from public.activity_by_day", "activity_by_day"],
      ["select from monitoring.tables", "monitoring"],
      ["truncate public.users", "users"],
      ["select public.refresh_progress_analytics()", "refresh_progress_analytics"],
      [insert(other, "yes"), "users"],
      [insert(user, "no"), "users"],
      [`update public.users set email = 'no@example.org' where id = '${user}'`, "users"],
    ];
    const parsed: unknown[] = [];
    for (const [sql] of denied) {
      const { message } = await rejection(database.asUser(user, (client) => client.query(sql)));
      // As RDS begins a line.
      const line = `2026-11-30 12:00:00 UTC:10.0.1.2(54321):app@app:[4711]:ERROR:  ${message}`;
      expect(line).toMatch(/permission denied for|violates row-level security policy/);
      parsed.push({ ...parse.exec(line)?.groups });
    }
    await superuser.query("drop policy extra on public.users");
    expect(parsed).toEqual(denied.map(([, relation]) => ({ login: "app", relation })));
  });

  it("names a table without row level security", async () => {
    const sql = "select * from monitoring.tables_without_row_security";
    expect(await ask(monitor, sql)).toEqual([]);
    const there = await changed(
      "alter table public.users no force row level security; create table auth.open (id int)",
      "alter table public.users force row level security; drop table auth.open",
      () => ask(monitor, `${sql} order by 1, 2`),
    );
    expect(there).toEqual([
      { schema: "auth", name: "open", enabled: false, forced: false },
      { schema: "public", name: "users", enabled: true, forced: false },
    ]);
  });

  const policy = "policy users_select_own on public.users";
  it.each([
    [`alter ${policy} using (true)`, "policy public.users.users_select_own", "changed: using"],
    [`alter ${policy} to public`, "policy public.users.users_select_own", "changed: roles"],
    [`drop ${policy}`, "policy public.users.users_select_own", "removed"],
    ["create policy extra on public.users using (true)", "policy public.users.extra", "added"],
    ["grant select on public.users to service_role", "table public.users", "changed: grants"],
    [
      "grant update (email) on public.users to authenticated",
      "table public.users",
      "changed: grants",
    ],
    ["alter table public.users owner to postgres", "table public.users", "changed: owner"],
    [
      "alter table public.users no force row level security",
      "table public.users",
      "changed: forced",
    ],
    [
      "alter table public.users disable row level security",
      "table public.users",
      "changed: rowSecurity",
    ],
    [
      "grant select on public.activity_by_day to anon",
      "materialized view public.activity_by_day",
      "changed: grants",
    ],
    [
      "alter view public.progress_trends reset (security_invoker)",
      "view public.progress_trends",
      "changed: securityInvoker",
    ],
    ["grant usage on schema auth to anon", "schema auth", "changed: grants"],
    ["grant execute on function auth.uid() to anon", "function auth.uid()", "changed: grants"],
    [
      "alter function auth.uid() security definer",
      "function auth.uid()",
      "changed: securityDefiner",
    ],
    [
      "alter function public.refresh_progress_analytics() reset search_path",
      "function public.refresh_progress_analytics()",
      "changed: settings",
    ],
    [
      "create or replace function public.refresh_progress_analytics() returns boolean language plpgsql security definer set search_path = '' set lock_timeout = '2s' as 'begin return true; end'",
      "function public.refresh_progress_analytics()",
      "changed: sourceSha256",
    ],
    [
      "create function public.door() returns int language sql security definer as 'select 1'",
      "function public.door()",
      "added",
    ],
  ])("tells what no migration made: %s", async (sql, object, change) => {
    expect(await ask(monitor, "select * from monitoring.changed_protection")).toEqual([]);
    await superuser.query("begin");
    try {
      await superuser.query(sql);
      // What monitor would see once it is committed: who asks makes no difference.
      const { rows } = await superuser.query("select * from monitoring.changed_protection");
      expect(rows).toEqual([{ object, change }]);
    } finally {
      await superuser.query("rollback");
    }
  });

  const changes = async (client: Client) =>
    (await client.query("select * from monitoring.changed_protection")).rows;

  it("tells nothing of an extension that migrator made, but of what was added to it", async () => {
    const migrator = await database.connect("migrator");
    await migrator.query("begin");
    await migrator.query("create extension citext");
    expect(await changes(migrator)).toEqual([]);
    await migrator.query(`
      create function public.door() returns int language sql security definer as 'select 1';
      alter extension citext add function public.door()`);
    expect(await changes(migrator)).toEqual([
      { object: "function public.door()", change: "added" },
    ]);
    await migrator.query("rollback");
  });

  it("tells of another body of auth.uid(), and of a function that a policy asks", async () => {
    const is = (name: string, value: boolean) =>
      `create or replace function public.${name}() returns boolean language sql
         set search_path = '' as 'select ${value}';`;
    const made = `${is("asked", true)} ${is("unasked", true)}
      revoke all on function public.asked(), public.unasked() from public;
      grant execute on function public.asked() to authenticated;
      create policy extra on public.users as restrictive to authenticated using (public.asked());`;
    await applyMigration(fixture.settings, trio("997", made));
    const { rows } = await superuser.query<{ definition: string }>(
      "select replace(pg_get_functiondef('auth.uid()'::regprocedure), 'sub', 'id') as definition",
    );
    await superuser.query("begin");
    await superuser.query(rows[0]?.definition ?? "");
    await superuser.query(is("asked", false) + is("unasked", false));
    const found = await changes(superuser);
    await superuser.query("rollback");
    expect(found).toEqual([
      { object: "function auth.uid()", change: "changed: sourceSha256" },
      { object: "function public.asked()", change: "changed: sourceSha256" },
    ]);
  });

  it("is one JSON document", async () => {
    const [row] = await ask(monitor, "select monitoring.report() as report");
    const report = row?.["report"] as Record<string, unknown>;
    const lists = VIEWS.filter((view) => view !== "notes");
    for (const view of lists) expect(report[view]).toEqual(expect.any(Array));
    expect(report).toMatchObject({
      database: database.name,
      denied_statements: null,
      notes: {
        denied_statements: expect.stringMatching(/^PostgreSQL counts no statement that it denies/),
      },
      tables_without_row_security: [],
      changed_protection: [],
    });
    expect(Object.keys(report).sort()).toEqual(
      [
        ...VIEWS,
        "counted_since",
        "database",
        "denied_statements",
        "rolled_back_transactions",
        "server_version",
        "taken_at",
      ].sort(),
    );
  });

  it("tells nothing of what the steps of a migration made and took back", async () => {
    const each = (sql: (policy: string) => string) =>
      Array.from({ length: 9 }, (_, at) => `${sql(`early_${at} on public.users`)};\n`).join("");
    const index = (name: string, column: string) =>
      `create index concurrently ${name} on public.users (${column});\n`;
    const there = each((policy) => `create policy ${policy} to migrator using (true)`);
    const thereAndBack =
      there + index("users_created", "created_at") + each((policy) => `drop policy ${policy}`);
    const undo = { rollback: "drop index public.users_created;" };
    await applyMigration(fixture.settings, trio("998", thereAndBack, undo));
    expect(await changes(monitor)).toEqual([]);

    // Half done, what its last step made is there.
    const again = there + index("users_updated", "updated_at") + each((p) => `drop policy ${p}`);
    const kept = "create policy early_0 on public.users as restrictive using (true);\n";
    const halfDone = trio("999", again + index("users_more", "id") + kept + index("x", "none"));
    await rejection(applyMigration(fixture.settings, halfDone));
    expect(await changes(monitor)).toEqual([]);
    await superuser.query("begin; drop policy early_0 on public.users");
    const found = await changes(superuser);
    await superuser.query("rollback");
    expect(found).toEqual([{ object: "policy public.users.early_0", change: "removed" }]);
  });
});

describe("005", () => {
  let database: TestDatabase;
  let migrator: Client;
  let superuser: Client;

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

  it("changes nothing when it runs again, and goes away and comes back equal", async () => {
    const there = await dumpCatalog(migrator);
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    expect(await dumpCatalog(migrator)).toEqual(there);
    expect(await rejection(run(migrator, "004_export_lifecycle", "rollback"))).toMatchObject({
      message: `SQL004 004_export_lifecycle cannot be rolled back before ${NAME}.`,
    });
    await run(migrator, NAME, "rollback");
    const without = await dumpCatalog(migrator);
    await run(migrator, NAME, "rollback");
    expect(await dumpCatalog(migrator)).toEqual(without);
    expect(without.filter((line) => line.includes("monitoring"))).toEqual([]);
    for (const earlier of migrationsThrough("004_export_lifecycle"))
      await run(migrator, earlier, "verify");
    expect((await rejection(run(migrator, NAME, "verify"))).message).toMatch(
      /^SQL007 .*problems: 47\)/,
    );
    await run(migrator, NAME, "forward");
    await run(migrator, NAME, "verify");
    expect(await dumpCatalog(migrator)).toEqual(there);
  });

  it("says which role it misses", async () => {
    await superuser.query("begin");
    await superuser.query("alter role monitor rename to monitor_hidden");
    await superuser.query("set local role migrator");
    const refusal = await rejection(runStatements(superuser, NAME, "forward"));
    await superuser.query("rollback");
    expect(refusal).toMatchObject({
      message: `SQL001 ${NAME} needs roles that do not exist: monitor.`,
    });
  });

  it("says that nothing is known of changes where the migrator's log is not", async () => {
    await superuser.query(`grant connect on database ${database.name} to monitor`);
    const monitor = await database.connect("monitor");
    expect(
      await ask(monitor, "select figure from monitoring.notes where figure = 'changed_protection'"),
    ).toHaveLength(1);
    expect(await ask(monitor, "select from monitoring.changed_protection")).toEqual([]);
  });

  it.each([
    ["grant usage on schema monitoring to app", "rights on schema monitoring of app is not"],
    ["alter schema monitoring owner to postgres", 'schema monitoring is "owned by postgres"'],
    [
      "alter role monitor bypassrls",
      "role monitor is not part of this: bypasses row level security",
    ],
    ["alter role monitor createrole", "role monitor is not part of this: makes roles"],
    [
      "grant pg_read_all_data to monitor",
      "role monitor is not part of this: a member of pg_read_all_data",
    ],
    [
      "grant select (email) on public.users to monitor",
      "role monitor is not part of this: has rights on public.users",
    ],
    [
      "create view monitoring.extra as select 1 as one",
      "view monitoring.extra is not part of this",
    ],
    [
      "create function monitoring.extra() returns int language sql as 'select 1'",
      "function monitoring.extra() is not part",
    ],
    ["alter function monitoring.report() security definer", "function monitoring.report() is"],
    [
      "grant execute on function monitoring.read_changes() to authenticated",
      "function monitoring.read_changes() is",
    ],
    [
      "alter function monitoring.read_statements() reset search_path",
      "function monitoring.read_statements() is",
    ],
    [
      "create or replace view monitoring.notes with (security_invoker = true) as select null::text as figure, null::text as note",
      "query of monitoring.notes is",
    ],
    ...VIEWS.flatMap((view): [string, string][] => [
      [
        `revoke select on monitoring.${view} from monitor`,
        `rights on monitoring.${view} of monitor is missing`,
      ],
      [
        `grant select on monitoring.${view} to authenticated`,
        `rights on monitoring.${view} of authenticated is not`,
      ],
      [`alter view monitoring.${view} reset (security_invoker)`, `view monitoring.${view} is "`],
      [`alter view monitoring.${view} rename to other`, `view monitoring.${view} is missing`],
    ]),
  ])("verify notices: %s", async (sql, noticed) => {
    await superuser.query("begin");
    await superuser.query(sql);
    await superuser.query("set local role migrator");
    const { message } = await rejection(runStatements(superuser, NAME, "verify"));
    await superuser.query("rollback");
    expect(
      message
        .split("\n- ")
        .slice(1)
        .filter((line) => line.startsWith(noticed)),
    ).not.toEqual([]);
  });
});
