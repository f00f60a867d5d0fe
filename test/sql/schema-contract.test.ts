import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { applyAll } from "./sql-files";

const TABLES = ["export_history", "sessions", "user_api_keys", "user_progress", "users"];

describe("the schema after 001", () => {
  let database: TestDatabase;
  let migrator: Client;
  let superuser: Client;

  beforeAll(async () => {
    database = await createDatabase();
    migrator = await database.connect("migrator");
    superuser = await database.connect("postgres");
    await applyAll(migrator);
  });
  afterAll(() => database.drop());

  const values = async (sql: string): Promise<string[]> => {
    const { rows } = await superuser.query({ text: sql, rowMode: "array" });
    return rows.map((row: unknown[]) => row.join(" "));
  };

  const columns = (table: string) =>
    values(`
      select a.attname, format_type(a.atttypid, a.atttypmod),
        case when a.attnotnull then 'not null' else 'null' end
      from pg_attribute a
      where a.attrelid = 'public.${table}'::regclass and a.attnum > 0 order by a.attnum`);

  it("has five tables, all owned by migrator, with enabled and forced row level security", async () => {
    expect(
      await values(`
        select relname, relowner::regrole, relrowsecurity, relforcerowsecurity from pg_class
        where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace order by relname`),
    ).toEqual(TABLES.map((table) => `${table} migrator true true`));
    expect(
      await values("select relname from pg_class where relnamespace = 'auth'::regnamespace"),
    ).toEqual([]);
  });

  it("has 8 columns in user_api_keys", async () => {
    expect(await columns("user_api_keys")).toEqual([
      "id uuid not null",
      "user_id uuid not null",
      "encrypted_keys bytea not null",
      "encryption_key_id text not null",
      "is_active boolean not null",
      "last_validated_at timestamp with time zone null",
      "created_at timestamp with time zone not null",
      "updated_at timestamp with time zone not null",
    ]);
  });

  it("has 25 columns in user_progress", async () => {
    const counters =
      "total_sessions total_descriptions total_images total_questions total_vocabulary " +
      "total_time_seconds sessions_today sessions_this_week descriptions_this_week " +
      "vocabulary_this_week time_this_week_seconds current_streak_days longest_streak_days " +
      "best_session_vocabulary longest_session_seconds";
    expect(await columns("user_progress")).toEqual([
      "id uuid not null",
      "user_id uuid not null",
      ...counters.split(" ").map((name) => `${name} bigint not null`),
      "average_session_seconds bigint null",
      "last_session_id uuid null",
      "first_activity_at timestamp with time zone null",
      "last_activity_at timestamp with time zone null",
      "achievements jsonb not null",
      "preferences jsonb not null",
      "created_at timestamp with time zone not null",
      "updated_at timestamp with time zone not null",
    ]);
  });

  it("has 18 columns in export_history", async () => {
    expect(await columns("export_history")).toEqual([
      "id uuid not null",
      "user_id uuid not null",
      "export_type text not null",
      "format text not null",
      "status text not null",
      "storage_bucket text null",
      "storage_key text null",
      "file_size_bytes bigint null",
      "row_count bigint null",
      "checksum_sha256 text null",
      "filters jsonb not null",
      "error_message text null",
      "started_at timestamp with time zone null",
      "completed_at timestamp with time zone null",
      "expires_at timestamp with time zone null",
      "download_count bigint not null",
      "created_at timestamp with time zone not null",
      "updated_at timestamp with time zone not null",
    ]);
  });

  it("has 4 columns in users and 9 in sessions", async () => {
    expect(await columns("users")).toEqual([
      "id uuid not null",
      "email text not null",
      "created_at timestamp with time zone not null",
      "updated_at timestamp with time zone not null",
    ]);
    expect(await columns("sessions")).toEqual([
      "id uuid not null",
      "user_id uuid not null",
      "started_at timestamp with time zone not null",
      "ended_at timestamp with time zone null",
      "descriptions_count integer not null",
      "images_count integer not null",
      "questions_count integer not null",
      "vocabulary_count integer not null",
      "created_at timestamp with time zone not null",
    ]);
  });

  it("has 7 named indexes on the new tables, of which 2 back constraints, and 3 primary keys", async () => {
    expect(
      await values(`
        select i.indexrelid::regclass,
          substring(pg_get_indexdef(i.indexrelid) from '\\(.*\\)'),
          coalesce((select contype::text from pg_constraint where conindid = i.indexrelid
            and conrelid = i.indrelid), '-')
        from pg_index i
        where i.indrelid in ('user_api_keys'::regclass, 'user_progress'::regclass,
          'export_history'::regclass)
        order by i.indexrelid::regclass::text`),
    ).toEqual([
      "export_history_pkey (id) p",
      "idx_export_history_created_at (created_at DESC) -",
      "idx_export_history_export_type (export_type) -",
      "idx_export_history_status (status, created_at DESC) -",
      "idx_export_history_user_id (user_id, created_at DESC) -",
      "idx_user_api_keys_user_id (user_id) u",
      "idx_user_progress_last_activity (last_activity_at DESC) -",
      "idx_user_progress_user_id (user_id) u",
      "user_api_keys_pkey (id) p",
      "user_progress_pkey (id) p",
    ]);
    expect(await values("select pg_get_indexdef('idx_sessions_user_id'::regclass)")).toEqual([
      "CREATE INDEX idx_sessions_user_id ON public.sessions USING btree (user_id, ended_at)",
    ]);
  });

  it("has 4 triggers that call 4 functions", async () => {
    expect(
      await values(`
        select tgname, tgrelid::regclass, tgfoid::regproc from pg_trigger
        where not tgisinternal order by tgname`),
    ).toEqual([
      "trigger_export_history_updated_at export_history update_export_history_updated_at",
      "trigger_update_user_progress_from_session sessions update_user_progress_from_session",
      "trigger_user_api_keys_updated_at user_api_keys update_user_api_keys_updated_at",
      "trigger_user_progress_updated_at user_progress update_user_progress_updated_at",
    ]);
    expect(
      await values(`
        select proname, proowner::regrole, prosecdef, proconfig, proacl from pg_proc
        where pronamespace in ('public'::regnamespace, 'auth'::regnamespace) order by proname`),
    ).toEqual([
      'uid migrator false search_path="" {migrator=X/migrator,authenticated=X/migrator,' +
        "service_role=X/migrator}",
      'update_export_history_updated_at migrator false search_path="" {migrator=X/migrator}',
      'update_user_api_keys_updated_at migrator false search_path="" {migrator=X/migrator}',
      'update_user_progress_from_session migrator true search_path="" {migrator=X/migrator}',
      'update_user_progress_updated_at migrator false search_path="" {migrator=X/migrator}',
    ]);
  });

  it("has 12 policies on the new tables, 5 on the old ones, and 3 for migrator", async () => {
    const policies = await values(
      "select tablename, policyname, permissive, cmd, roles from pg_policies order by 1, 2",
    );
    const own = (table: string, verb: string) =>
      `${table} ${table}_${verb.toLowerCase()}_own PERMISSIVE ${verb} {authenticated}`;
    expect(policies).toEqual(
      [
        own("export_history", "INSERT"),
        own("export_history", "SELECT"),
        own("export_history", "UPDATE"),
        "export_history export_history_service PERMISSIVE ALL {service_role}",
        own("sessions", "INSERT"),
        "sessions sessions_migrator PERMISSIVE SELECT {migrator}",
        own("sessions", "SELECT"),
        own("sessions", "UPDATE"),
        own("user_api_keys", "DELETE"),
        own("user_api_keys", "INSERT"),
        own("user_api_keys", "SELECT"),
        own("user_api_keys", "UPDATE"),
        own("user_progress", "INSERT"),
        "user_progress user_progress_migrator PERMISSIVE ALL {migrator}",
        own("user_progress", "SELECT"),
        "user_progress user_progress_service PERMISSIVE ALL {service_role}",
        own("user_progress", "UPDATE"),
        own("users", "INSERT"),
        "users users_migrator PERMISSIVE SELECT {migrator}",
        own("users", "SELECT"),
      ].sort(),
    );
    const scopes = await values(
      "select distinct coalesce(qual, with_check) from pg_policies where 'authenticated' = any (roles)",
    );
    expect(scopes.sort()).toEqual(
      [
        "(( SELECT auth.uid() AS uid) = id)",
        "(( SELECT auth.uid() AS uid) = user_id)",
        "((( SELECT auth.uid() AS uid) = user_id) AND (ended_at IS NULL))",
      ].sort(),
    );
  });

  it("gives PUBLIC, app, anon and master no right on any table, schema or function", async () => {
    const rights = await values(`
      select coalesce(r.rolname, 'PUBLIC'), o.name, acl.privilege_type
      from (
        select 'table ' || oid::regclass, coalesce(relacl, acldefault('r', relowner)) from pg_class
          where relnamespace in ('public'::regnamespace, 'auth'::regnamespace) and relkind = 'r'
        union all select 'column ' || attrelid::regclass || attname, attacl from pg_attribute
          where attrelid::regclass::text = any ('{${TABLES.join(",")}}')
        union all select 'schema ' || nspname, nspacl from pg_namespace
          where nspname in ('public', 'auth')
        union all select 'function ' || proname, coalesce(proacl, acldefault('f', proowner))
          from pg_proc where pronamespace in ('public'::regnamespace, 'auth'::regnamespace)
      ) as o (name, acl)
      cross join aclexplode(o.acl) acl
      left join pg_roles r on r.oid = acl.grantee
      where acl.grantee = 0 or r.rolname in ('app', 'anon', 'master')`);
    expect(rights).toEqual([]);
    expect(await values("select count(*) from pg_default_acl")).toEqual(["0"]);
  });

  it("gives nobody but the owner TRUNCATE, REFERENCES, TRIGGER or MAINTAIN", async () => {
    const holders = await values(`
      select distinct acl.grantee::regrole from pg_class c, aclexplode(c.relacl) acl
      where c.relnamespace = 'public'::regnamespace
        and acl.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')`);
    expect(holders).toEqual(["migrator"]);
  });

  it("can hold what the checks allow", async () => {
    await superuser.query("begin");
    try {
      await superuser.query(`
        insert into public.users (email) values ('a');
        insert into public.sessions (user_id, started_at, ended_at)
          select id, 'epoch', 'epoch' from public.users;
        insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id)
          select id, 'x', 'k' from public.users;
        insert into public.user_progress (user_id, total_sessions, total_time_seconds)
          select id, 3, 10 from public.users;
        insert into public.export_history (user_id, export_type, format, checksum_sha256, row_count)
          select id, 'full', 'csv', repeat('0f', 32), 0 from public.users`);
      expect(
        await values(
          "select average_session_seconds, achievements = '{}' from public.user_progress",
        ),
      ).toEqual(["3 true"]);
      expect(
        await values("select status, download_count, filters = '{}' from public.export_history"),
      ).toEqual(["pending 0 true"]);
      await superuser.query("delete from public.users");
      expect(
        await values(`
          select (select count(*) from public.sessions) + (select count(*) from public.user_api_keys)
            + (select count(*) from public.user_progress) + (select count(*) from public.export_history)`),
      ).toEqual(["0"]);
    } finally {
      await superuser.query("rollback");
    }
  });

  it("sets updated_at at every update of the three tables", async () => {
    await superuser.query("begin");
    try {
      await superuser.query(`
        insert into public.users (email) values ('a');
        insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id, updated_at)
          select id, 'x', 'k', 'epoch' from public.users;
        insert into public.user_progress (user_id, updated_at) select id, 'epoch' from public.users;
        insert into public.export_history (user_id, export_type, format, updated_at)
          select id, 'full', 'csv', 'epoch' from public.users;
        update public.user_api_keys set is_active = false;
        update public.user_progress set preferences = '{"a":1}', updated_at = 'epoch';
        update public.export_history set download_count = 1`);
      for (const table of ["user_api_keys", "user_progress", "export_history"]) {
        expect(await values(`select updated_at = now() from public.${table}`)).toEqual(["true"]);
      }
    } finally {
      await superuser.query("rollback");
    }
  });

  it("says in a comment what the tables and their telling columns hold", async () => {
    const commented = await values(`
      select c.relname, count(*) filter (where d.objsubid = 0), count(*) filter (where d.objsubid > 0)
      from pg_class c join pg_description d on d.objoid = c.oid and d.classoid = 'pg_class'::regclass
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      group by c.relname order by c.relname`);
    expect(commented).toEqual([
      "export_history 1 6",
      "sessions 1 5",
      "user_api_keys 1 3",
      "user_progress 1 15",
      "users 1 2",
    ]);
  });
});
