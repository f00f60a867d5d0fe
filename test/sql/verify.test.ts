import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { alone, type Mutation, ROLE_MUTATIONS, tableMutations } from "./mutations";
import { applyAll, type Migration, rejection, runStatements } from "./sql-files";
import { survivingMutations, verifyProblems } from "./surviving-mutations";

const USERS = "public.users";
const SESSIONS = "public.sessions";
const KEYS = "public.user_api_keys";
const PROGRESS = "public.user_progress";
const COMPLETION_TRIGGER = "trigger_update_user_progress_from_session";

describe("verify", () => {
  let database: TestDatabase;
  let superuser: Client;

  beforeAll(async () => {
    database = await createDatabase();
    superuser = await database.connect("postgres");
    await applyAll(await database.connect("migrator"));
    await superuser.query("create role test_reader");
    await superuser.query("create role test_bypass bypassrls");
  });
  afterAll(async () => {
    await superuser.query("drop role test_reader");
    await superuser.query("drop role test_bypass");
    await database.drop();
  });

  const problemsAfter = (statements: string[], migration: Migration) =>
    verifyProblems(superuser, statements, migration);
  const survivors = (mutations: Mutation[], migration: Migration) =>
    survivingMutations(superuser, mutations, migration);

  it("notices every single change to what 001 made", async () => {
    const foreignKey = "user_api_keys_user_id_fkey";
    const replaceKey = (end: string) =>
      `alter table ${KEYS} drop constraint ${foreignKey}, add constraint ${foreignKey} ` +
      `foreign key (user_id) references ${USERS} (id) ${end}`;
    const functions = [
      "update_user_api_keys_updated_at",
      "update_user_progress_updated_at",
      "update_export_history_updated_at",
      "update_user_progress_from_session",
    ];
    const mutations: Mutation[] = [
      ...(await tableMutations(superuser, ["user_api_keys", "user_progress", "export_history"])),
      ...ROLE_MUTATIONS,
      ...functions.flatMap((name) => {
        const definer = name.endsWith("session") ? "security definer" : "";
        return [
          ...[
            "owner to test_reader",
            "reset search_path",
            "set search_path = public",
            "set row_security = off",
            definer ? "security invoker" : "security definer",
          ].map((change) => ({
            group: `function ${change}`,
            sql: `alter function public.${name}() ${change}`,
            noticedAs: `function public.${name}() is "`,
          })),
          ...["public", "authenticated"].map((role) => ({
            group: `execute by ${role}`,
            sql: `grant execute on function public.${name}() to ${role}`,
            noticedAs: `function public.${name}() is "`,
          })),
          {
            group: "function rename",
            sql: `alter function public.${name}() rename to renamed_${name}`,
            noticedAs: `function public.${name}() is missing`,
          },
          {
            group: "body",
            sql:
              `create or replace function public.${name}() returns trigger language plpgsql ` +
              `${definer} set search_path = '' as 'begin return new; end'`,
            noticedAs: `body of public.${name}() is "`,
          },
        ];
      }),
      alone(
        `drop trigger ${COMPLETION_TRIGGER} on ${SESSIONS}`,
        `trigger ${SESSIONS}.${COMPLETION_TRIGGER} is missing`,
      ),
      alone(
        `alter table ${SESSIONS} disable trigger ${COMPLETION_TRIGGER}`,
        `trigger ${SESSIONS}.${COMPLETION_TRIGGER} is "DISABLED`,
      ),
      alone(`drop policy users_migrator on ${USERS}`, `policy ${USERS}.users_migrator is missing`),
      alone(
        `alter policy sessions_migrator on ${SESSIONS} to public`,
        `policy ${SESSIONS}.sessions_migrator is "`,
      ),
      alone(
        `alter table ${PROGRESS} alter sessions_today type integer`,
        `column ${PROGRESS}.sessions_today is "9 integer`,
      ),
      alone(
        `alter table ${PROGRESS} alter average_session_seconds drop expression`,
        `column ${PROGRESS}.average_session_seconds is "`,
      ),
      alone(
        `create policy export_history_update_pending on public.export_history using (true)`,
        "policy public.export_history.export_history_update_pending is not part of this",
      ),
      alone(`alter table ${PROGRESS} disable trigger all`, `trigger ${PROGRESS}.RI_Constraint`),
      alone(replaceKey(""), `constraint ${KEYS}.${foreignKey} is "`),
      alone(replaceKey("on delete cascade not valid"), `constraint ${KEYS}.${foreignKey} is "`),
      alone(
        `insert into ${USERS} (email, created_at) values ('old', '2000-01-01'), ('new', now());
          insert into ${PROGRESS} (user_id) select id from ${USERS} where email = 'new'`,
        "public.user_progress has no row for 1 users that are older than its oldest row",
      ),
    ];
    expect(await survivors(mutations, "001_add_missing_tables")).toEqual([]);
    expect(mutations.length).toBeGreaterThan(300);
  });

  it("notices every single change to what 000 made", async () => {
    const uid = "create or replace function auth.uid() returns uuid language sql stable ";
    const claim = "(current_setting('request.jwt.claims', true)::jsonb ->> 'sub')::uuid";
    const alterUid = (change: string) =>
      alone(`alter function auth.uid() ${change}`, 'function auth.uid() is "');
    const mutations: Mutation[] = [
      ...(await tableMutations(superuser, ["users", "sessions"])).filter(
        // These are of 001, and may be absent.
        ({ sql }) => !/^drop (policy \w+_migrator|trigger trigger_update_user_progress)/.test(sql),
      ),
      ...ROLE_MUTATIONS,
      alterUid("owner to test_reader"),
      alterUid("reset search_path"),
      alterUid("volatile"),
      alterUid("security definer"),
      alone("alter function auth.uid() rename to who", "function auth.uid() is missing"),
      alone("grant execute on function auth.uid() to public", 'function auth.uid() is "'),
      alone("revoke execute on function auth.uid() from authenticated", "function auth.uid() is"),
      alone(
        `${uid} set search_path = '' return null::uuid`,
        "auth.uid() gives null for the claims",
      ),
      alone(`${uid} set search_path = '' return ${claim}`, "auth.uid() fails for the claims ''"),
      alone(
        `${uid} set search_path = '' return nullif(md5('guest'), '')::uuid`,
        "auth.uid() gives 084e0343-a048-6ff0-5530-df6c705c8bb4 for the claims ''",
      ),
      alone(
        `grant temporary on database ${database.name} to public`,
        `rights on database ${database.name} of PUBLIC is not part of this: TEMPORARY`,
      ),
      alone(
        `grant create on database ${database.name} to app`,
        `rights on database ${database.name} of app is not part of this: CREATE`,
      ),
      alone("grant usage on schema public to public", "rights on schema public of PUBLIC is not"),
      alone("grant create on schema auth to authenticated", "rights on schema auth of authent"),
      alone("grant usage on schema auth to anon", "rights on schema auth of anon is not part"),
      alone(
        "revoke usage on schema public from authenticated",
        "rights on schema public of authenticated is missing",
      ),
      alone("alter schema auth owner to test_reader", 'schema auth is "owned by test_reader"'),
      alone("alter schema public owner to test_reader", 'schema public is "owned by test_reader"'),
      alone(
        "alter default privileges for role migrator grant select on tables to authenticated",
        "default rights",
      ),
      alone(`alter table ${USERS} alter email type varchar(80)`, `column ${USERS}.email is "char`),
      alone(`alter table ${SESSIONS} disable trigger all`, `trigger ${SESSIONS}.RI_Constraint`),
      alone("alter index public.idx_sessions_user_id rename to extra", "name public.extra is not"),
    ];
    expect(await survivors(mutations, "000_existing_schema")).toEqual([]);
    expect(mutations.length).toBeGreaterThan(160);
  });

  it("lists all that is wrong in one message, and what to do", async () => {
    await superuser.query("begin");
    await superuser.query(`
      drop index public.idx_export_history_status;
      alter table ${KEYS} no force row level security;
      grant select (encrypted_keys) on ${KEYS} to service_role`);
    await superuser.query("set local role migrator");
    const refusal = runStatements(superuser, "001_add_missing_tables", "verify");
    const { message, hint, code } = await rejection(refusal);
    await superuser.query("rollback");
    expect(message).toBe(
      "SQL007 001_add_missing_tables does not hold (problems: 3).\n" +
        "- index public.idx_export_history_status is missing: CREATE INDEX " +
        "idx_export_history_status ON public.export_history USING btree (status, created_at DESC)\n" +
        '- table public.user_api_keys is "owned by migrator, row level security, not forced", ' +
        'and must be "owned by migrator, row level security, forced"\n' +
        "- column rights on public.user_api_keys of service_role is not part of this: " +
        "SELECT encrypted_keys",
    );
    expect(hint).toBe(
      "Undo what was changed by hand, or apply 001_add_missing_tables.sql again: it restores " +
        "policies, rights, functions, triggers and missing indexes.",
    );
    expect(code).toBe("55000");
  });

  it("passes where nothing was changed", async () => {
    expect(await problemsAfter([], "001_add_missing_tables")).toEqual([]);
    expect(await problemsAfter([], "000_existing_schema")).toEqual([]);
  });
});
