import type { Client } from "pg";
import { applyMigration } from "../../migrator/src";
import { type Catalog, type Fact, applyChanges, readCatalog } from "../../migrator/src/catalog";
import { type Drift, compareCatalogs, readDrift } from "../../migrator/src/judge/drift";
import { type MigratorFixture, createFixture, projectTrios } from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;

beforeAll(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  for (const each of projectTrios()) await applyMigration(fixture.settings, each);
});
afterAll(() => fixture.database.drop());

/** The drift that statements, done by hand and not kept, leave behind. */
async function driftAfter(...statements: string[]): Promise<Drift[]> {
  await superuser.query("begin");
  try {
    for (const statement of statements) {
      await superuser.query(
        statement.replace("database current", `database ${fixture.database.name}`),
      );
    }
    return await readDrift(superuser);
  } finally {
    await superuser.query("rollback");
  }
}

/** What was done by hand, and each drift that shows: class, whether `up` heals it, and the sentence. */
type Case = [done: string, ...shown: string[]];

function describeDrift({ classification, healable, what }: Drift): string {
  return `${classification}, ${healable ? "healed" : "by hand"}: ${what}`;
}

const own = "(( SELECT auth.uid() AS uid) = id)";

describe("acceptance 5: what was changed by hand is named and classed", () => {
  it("finds none where nothing was changed", async () => {
    expect(await driftAfter()).toEqual([]);
    expect(
      await driftAfter("analyze public.users", "create role test_unrelated bypassrls"),
    ).toEqual([]);
  });

  const cases: Case[] = [
    [
      "alter table public.users disable row level security",
      "widened, healed: row level security of public.users is switched off",
    ],
    [
      "alter table public.users no force row level security",
      "widened, healed: row level security of public.users no longer binds its owner: FORCE is off",
    ],
    [
      "alter policy users_select_own on public.users using (true)",
      `widened, healed: policy users_select_own on public.users: using changed from ${own} to true, which may widen it`,
    ],
    [
      "alter policy users_select_own on public.users using ((select auth.uid()) = id and email <> 'a (b')",
      `tightened, healed: policy users_select_own on public.users: using changed from ${own} to (${own} AND (email <> 'a (b'::text))`,
    ],
    [
      "alter policy users_select_own on public.users using (((select auth.uid()) = id and id is null) or true)",
      `widened, healed: policy users_select_own on public.users: using changed from ${own} to ((${own} AND (id IS NULL)) OR true), which may widen it`,
    ],
    [
      "alter policy users_insert_own on public.users with check (false)",
      `tightened, healed: policy users_insert_own on public.users: with check changed from ${own} to false`,
    ],
    [
      "alter policy users_select_own on public.users to public",
      "widened, healed: policy users_select_own on public.users: roles changed from authenticated to public",
    ],
    [
      "drop policy users_select_own on public.users",
      "tightened, healed: policy users_select_own on public.users is gone",
    ],
    [
      "create policy helper on public.users for select to anon using (true)",
      "widened, healed: policy helper on public.users was added, permissive, for select to anon: true",
    ],
    [
      "create policy floor on public.users as restrictive to authenticated using (false)",
      "tightened, healed: policy floor on public.users was added, restrictive, for all to authenticated: false",
    ],
    [
      "alter table public.users owner to app",
      "widened, healed: public.users is owned by app instead of migrator",
    ],
    [
      "grant truncate on public.users to authenticated",
      "widened, healed: authenticated was granted TRUNCATE on public.users",
    ],
    [
      "grant update (email) on public.users to authenticated",
      "widened, healed: authenticated was granted UPDATE (email) on public.users",
    ],
    [
      "grant select on public.users to authenticated with grant option",
      "widened, healed: authenticated was granted SELECT with grant option on public.users",
    ],
    [
      "revoke select on public.users from authenticated",
      "tightened, healed: authenticated lost SELECT on public.users",
    ],
    [
      "grant usage on schema public to public",
      "widened, healed: public was granted USAGE on schema public",
    ],
    [
      "grant connect on database current to public",
      "widened, healed: public was granted CONNECT on the database",
    ],
    [
      "grant execute on function auth.uid() to anon",
      "widened, healed: anon was granted EXECUTE on function auth.uid()",
    ],
    [
      `create or replace function public.update_user_progress_updated_at() returns trigger
         language plpgsql set search_path = '' as 'begin return new; end'`,
      "widened, healed: function public.update_user_progress_updated_at() was replaced: its body is another, which may widen it",
    ],
    [
      "alter function auth.uid() security definer",
      "widened, healed: function auth.uid() runs with the rights of its owner (security definer)",
    ],
    [
      "alter function auth.uid() reset search_path",
      "widened, healed: function auth.uid() no longer pins its search_path",
    ],
    [
      "alter function auth.uid() volatile",
      "neutral, healed: volatility of function auth.uid() changed from stable to volatile",
    ],
    [
      "drop index public.idx_sessions_user_id",
      "neutral, healed: index public.idx_sessions_user_id is gone",
    ],
    [
      "update pg_index set indisvalid = false where indexrelid = 'public.idx_sessions_user_id'::regclass",
      "neutral, healed: index public.idx_sessions_user_id is INVALID: no query uses it, and a unique one keeps no promise",
    ],
    [
      "drop index public.idx_sessions_user_id; create index idx_sessions_user_id on public.sessions (ended_at)",
      "neutral, healed: index public.idx_sessions_user_id is another: CREATE INDEX idx_sessions_user_id ON public.sessions USING btree (ended_at) instead of CREATE INDEX idx_sessions_user_id ON public.sessions USING btree (user_id, ended_at)",
    ],
    [
      "create index extra on public.users (created_at)",
      "neutral, by hand: index public.extra was added by no migration: CREATE INDEX extra ON public.users USING btree (created_at)",
    ],
    [
      "alter table public.user_progress disable trigger trigger_user_progress_updated_at",
      "widened, healed: trigger trigger_user_progress_updated_at on public.user_progress is disabled instead of enabled",
    ],
    [
      "drop trigger trigger_user_progress_updated_at on public.user_progress",
      "widened, healed: trigger trigger_user_progress_updated_at on public.user_progress is gone",
    ],
    [
      "alter table public.users alter column email type varchar(100)",
      "neutral, by hand: column email of public.users is of type character varying(100) instead of text",
    ],
    [
      "alter table public.users alter column email drop not null, alter column created_at drop default",
      "neutral, by hand: column created_at of public.users has another default: none instead of now()",
      "neutral, by hand: column email of public.users accepts nulls",
    ],
    [
      "alter table public.users add column note text, drop column updated_at",
      "neutral, by hand: column note (text) was added to public.users by no migration",
      "neutral, by hand: column updated_at of public.users is gone",
    ],
    [
      "alter table public.sessions drop constraint sessions_counts_check",
      "neutral, by hand: constraint sessions_counts_check on public.sessions is gone",
    ],
    [
      "alter table public.users drop constraint users_email_key",
      "neutral, by hand: constraint users_email_key on public.users is gone",
    ],
    [
      "create table public.spare (id integer)",
      "widened, by hand: table public.spare was added by no migration, without row level security",
    ],
    ["drop table public.export_history", "neutral, by hand: table public.export_history is gone"],
    [
      "create view public.all_users as select * from public.users",
      "widened, by hand: view public.all_users was added by no migration; it reads with the rights of its owner, postgres",
    ],
    [
      "create rule silent as on insert to public.users do instead nothing",
      "widened, by hand: rule public.users.silent was added by no migration: CREATE RULE silent AS ON INSERT TO public.users DO INSTEAD NOTHING;",
    ],
    [
      "create publication everything for all tables",
      "widened, by hand: publication everything was added by no migration",
    ],
    [
      "alter default privileges for role migrator grant select on tables to authenticated",
      "widened, healed: authenticated was granted SELECT on the tables that migrator will create",
    ],
    [
      "alter default privileges for role migrator in schema public grant execute on functions to anon",
      "widened, healed: anon was granted EXECUTE on the functions that migrator will create in schema public",
    ],
    [
      "alter role app bypassrls",
      "widened, by hand: role app has BYPASSRLS: row level security does not bind it",
    ],
    ["alter role authenticated superuser", "widened, by hand: role authenticated is a superuser"],
    [
      "grant service_role to authenticated",
      "widened, by hand: role authenticated became a member of service_role (admin false, inherit true, set true)",
    ],
    [
      "grant service_role to app with inherit true",
      "widened, by hand: role app is a member of service_role otherwise: admin false, inherit true, set true instead of admin false, inherit false, set true",
    ],
    [
      "revoke anon from app granted by master",
      "tightened, by hand: role app is no longer a member of anon",
    ],
    [
      "revoke connect on database current from app",
      "tightened, healed: app lost CONNECT on the database",
    ],
    [
      "create role test_newcomer; grant authenticated to test_newcomer",
      "widened, by hand: role test_newcomer became a member of authenticated (admin false, inherit true, set true)",
    ],
    [
      "create role test_newcomer; grant pg_read_all_data to test_newcomer",
      "widened, by hand: role test_newcomer became a member of pg_read_all_data (admin false, inherit true, set true)",
    ],
    ["create role test_newcomer superuser", "widened, by hand: role test_newcomer is a superuser"],
    [
      "create role test_newcomer; grant select on public.users to test_newcomer",
      "widened, healed: test_newcomer was granted SELECT on public.users",
    ],
    [
      "comment on table public.users is 'Mine.'",
      "neutral, healed: the comment on public.users was changed",
    ],
    [
      "comment on column public.users.email is null",
      "neutral, healed: the comment on column email of public.users was changed",
    ],
    [
      "alter schema auth owner to app",
      "widened, healed: schema auth is owned by app instead of migrator",
    ],
  ];

  it.each(cases)("%s", async (done, ...shown) => {
    expect((await driftAfter(done)).map(describeDrift)).toEqual(shown);
  });

  it("says how a person repairs what no migration can", async () => {
    const [drift] = await driftAfter("alter role app bypassrls");
    expect(drift?.remedy).toBe(
      "Roles belong to the stack's resources: `pulumi up --refresh` restores what they manage; or, " +
        'as the master user: alter role "app" nobypassrls;',
    );
  });

  it("says what up will run", async () => {
    const [drift] = await driftAfter("grant truncate on public.users to authenticated");
    expect(drift?.remedy).toBe(
      'The next up heals it: revoke truncate on table public.users from "authenticated";',
    );
  });

  it("names what widens first", async () => {
    const found = await driftAfter(
      "comment on table public.users is 'Mine.'",
      "drop policy users_select_own on public.users",
      "alter table public.users no force row level security",
    );
    expect(found.map(({ classification }) => classification)).toEqual([
      "widened",
      "tightened",
      "neutral",
    ]);
  });
});

describe("views", () => {
  const view = "view public.v";
  const before: Catalog = new Map();
  let made: Catalog;

  beforeAll(async () => {
    made = await catalogWith(
      "create view public.v with (security_invoker = true) as select 1 as n",
    );
  });

  async function catalogWith(...statements: string[]): Promise<Catalog> {
    await superuser.query("begin");
    try {
      for (const statement of statements) await superuser.query(statement);
      return await readCatalog(superuser);
    } finally {
      await superuser.query("rollback");
    }
  }

  /** The drift between the view as made and as it is after a change. */
  async function viewDrift(change: string): Promise<string[]> {
    const now = await catalogWith(
      "create view public.v with (security_invoker = true) as select 1 as n",
      change,
    );
    return compareCatalogs(made, now).map(describeDrift);
  }

  it.each<[change: string, shown: string]>([
    [
      "alter view public.v set (security_invoker = false)",
      "widened, healed: view public.v reads with the rights of its owner (security_invoker is off)",
    ],
    [
      "alter view public.v reset (security_invoker)",
      "widened, healed: view public.v reads with the rights of its owner (security_invoker is off)",
    ],
    [
      "alter view public.v set (security_barrier = true)",
      "neutral, healed: options of view public.v changed from security_invoker=true to security_barrier=true, security_invoker=true",
    ],
    [
      "create or replace view public.v with (security_invoker = true) as select 2 as n",
      "widened, healed: view public.v has another query, which may widen it",
    ],
    ["drop view public.v", "tightened, healed: view public.v is gone"],
  ])("%s", async (change, shown) => {
    expect(await viewDrift(change)).toEqual([shown]);
  });

  it("is one object with what belongs to it", () => {
    const fact: Fact = made.get(view) ?? {};
    const trigger = { table: "public.v", definition: "CREATE TRIGGER …", enabled: "enabled" };
    const full = applyChanges(before, { [view]: fact, "trigger public.v.t": trigger });
    expect(compareCatalogs(full, before).map(({ object }) => object)).toEqual([view]);
  });
});
