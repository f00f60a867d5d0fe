import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { dumpCatalog } from "./catalog-dump";
import { rejection, run } from "./sql-files";

/** An application's own schema, fit to build on: other names, more columns, a trigger, an index. */
const FIT = `
  revoke all on schema public from public;
  create schema auth;
  grant usage on schema public, auth to authenticated, service_role;
  create function auth.uid() returns uuid language sql stable set search_path = pg_catalog
    return case when pg_input_is_valid(current_setting('request.jwt.claims', true), 'jsonb')
      and pg_input_is_valid(current_setting('request.jwt.claims', true)::jsonb ->> 'sub', 'uuid')
      then (current_setting('request.jwt.claims', true)::jsonb ->> 'sub')::uuid end;
  revoke all on function auth.uid() from public;
  grant execute on function auth.uid() to authenticated, service_role;
  create table public.users (
    name text,
    email text not null constraint one_account unique,
    id uuid constraint account primary key default gen_random_uuid(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
  );
  comment on table public.users is 'Accounts.';
  create table public.sessions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null constraint of_account references public.users (id) on delete cascade,
    started_at timestamptz not null,
    ended_at timestamptz,
    descriptions_count integer not null default 0,
    images_count integer not null default 0,
    questions_count integer not null default 0,
    vocabulary_count integer not null default 0,
    created_at timestamptz not null default now(),
    topic text,
    check (least(descriptions_count, images_count, questions_count, vocabulary_count) >= 0),
    check (isfinite(started_at) and isfinite(ended_at) and ended_at >= started_at)
  );
  create index by_user on public.sessions (user_id, ended_at);
  create index by_topic on public.sessions (topic);
  alter table public.users enable row level security;
  alter table public.users force row level security;
  alter table public.sessions enable row level security;
  alter table public.sessions force row level security;
  create policy users_select_own on public.users for select to authenticated
    using ((select auth.uid()) = id);
  create policy users_insert_own on public.users for insert to authenticated
    with check ((select auth.uid()) = id);
  create policy not_blocked on public.users as restrictive to authenticated
    using (email <> 'blocked@x');
  create policy sessions_select_own on public.sessions for select to authenticated
    using ((select auth.uid()) = user_id);
  create policy sessions_insert_own on public.sessions for insert to authenticated
    with check ((select auth.uid()) = user_id);
  create policy sessions_update_own on public.sessions for update to authenticated
    using ((select auth.uid()) = user_id and ended_at is null)
    with check ((select auth.uid()) = user_id);
  grant select, insert (id, email, name), update (name) on public.users to authenticated;
  grant select, insert (id, user_id, started_at, topic),
    update (ended_at, descriptions_count, images_count, questions_count, vocabulary_count)
    on public.sessions to authenticated`;

describe("000 on the database of an application", () => {
  let database: TestDatabase;
  let migrator: Client;

  beforeEach(async () => {
    database = await createDatabase();
    migrator = await database.connect("migrator");
  });
  afterEach(() => database.drop());

  const problems = async (): Promise<string[]> => {
    const { message } = await rejection(run(migrator, "000_existing_schema", "verify"));
    return message.split("\n- ").slice(1);
  };

  it("changes nothing, passes where all that 001 needs is there, and rolls back nothing", async () => {
    await migrator.query(FIT);
    const before = await dumpCatalog(migrator);
    await run(migrator, "000_existing_schema", "forward");
    expect(await dumpCatalog(migrator)).toEqual(before);
    await run(migrator, "000_existing_schema", "verify");

    await run(migrator, "001_add_missing_tables", "forward");
    await run(migrator, "001_add_missing_tables", "verify");
    await run(migrator, "000_existing_schema", "verify");
    await run(migrator, "001_add_missing_tables", "rollback");
    expect(await dumpCatalog(migrator)).toEqual(before);

    await run(migrator, "000_existing_schema", "rollback");
    expect(await dumpCatalog(migrator)).toEqual(before);
  });

  it.each([
    ["users", "create table public.users (id uuid primary key)"],
    ["sessions", "create table public.sessions (id uuid primary key)"],
    [
      "auth.uid()",
      "create schema auth; create function auth.uid() returns uuid language sql return null::uuid",
    ],
  ])("makes nothing beside a %s that is there alone, and says what is missing", async (_, sql) => {
    await migrator.query(sql);
    const before = await dumpCatalog(migrator);
    await run(migrator, "000_existing_schema", "forward");
    expect(await dumpCatalog(migrator)).toEqual(before);
    const tables = (await problems()).filter((problem) => problem.startsWith("table "));
    expect(tables.length).toBeGreaterThan(0);
    await run(migrator, "000_existing_schema", "rollback");
    expect(await dumpCatalog(migrator)).toEqual(before);
  });

  it("says what is missing, of another type, somebody else's or readable past policies", async () => {
    const superuser = await database.connect("postgres");
    await migrator.query(FIT);
    await migrator.query(`
      alter table public.users no force row level security;
      alter table public.sessions alter images_count type bigint;
      alter table public.sessions drop column questions_count cascade;
      drop policy sessions_select_own on public.sessions;
      create policy everybody on public.sessions for select to authenticated using (true);
      drop index public.by_user;
      grant select on public.sessions to anon`);
    await superuser.query("alter table public.sessions owner to postgres");
    await superuser.query("alter function auth.uid() owner to postgres");
    await superuser.query("begin");
    await superuser.query("create role supabase_service bypassrls");
    await superuser.query("grant select on public.users to supabase_service");
    await superuser.query("commit");
    try {
      expect(await problems()).toEqual([
        "role anon is not part of this: has rights on public.sessions, and must have none",
        'function auth.uid() is "returns uuid, owned by postgres, stable, security invoker, ' +
          'search_path pinned, executable by authenticated, postgres, service_role", and must be ' +
          '"returns uuid, owned by migrator, stable, security invoker, search_path pinned, ' +
          'executable by authenticated, migrator, service_role"',
        'table public.sessions is "owned by postgres, row level security, forced", and must be ' +
          '"owned by migrator, row level security, forced"',
        "rights on public.sessions of anon is not part of this: SELECT",
        "rights on public.sessions of migrator is missing: DELETE, INSERT, MAINTAIN, REFERENCES, " +
          "SELECT, TRIGGER, TRUNCATE, UPDATE",
        "rights on public.sessions of postgres is not part of this: DELETE, INSERT, MAINTAIN, " +
          "REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE",
        "policy public.sessions.everybody is not part of this: for select to authenticated using true",
        'column public.sessions.images_count is "bigint not null default 0", and must be ' +
          '"integer not null default 0"',
        "column public.sessions.questions_count is missing: integer not null default 0",
        "rights on public.sessions.questions_count of authenticated is missing: UPDATE",
        "policy public.sessions.sessions_select_own is missing: for select to authenticated " +
          "using (( SELECT auth.uid() AS uid) = user_id)",
        "constraint public.sessions: CHECK ((LEAST(descriptions_count, images_count, " +
          "questions_count, vocabulary_count) >= 0)) is missing: valid",
        "index public.sessions: btree (user_id, ended_at) is missing: valid",
        'table public.users is "owned by migrator, row level security, not forced", and must be ' +
          '"owned by migrator, row level security, forced"',
        "rights on public.users of supabase_service is not part of this: SELECT",
        "role supabase_service is not part of this: bypasses row level security and has rights " +
          "on public.users",
      ]);
    } finally {
      await superuser.query("drop owned by supabase_service");
      await superuser.query("drop role supabase_service");
    }
  });
});
