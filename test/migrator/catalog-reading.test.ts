import type { Client } from "pg";
import { applyMigration } from "../../migrator/src";
import {
  CatalogReading,
  type CatalogStep,
  applyChanges,
  catalogChanges,
  catalogDigest,
  readCatalog,
} from "../../migrator/src/catalog";
import { Mentions } from "../../migrator/src/catalog/mentions";
import { Script } from "../../migrator/src/database/script";
import { type MigratorFixture, createFixture, projectTrios } from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;

beforeAll(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  for (const each of projectTrios()) await applyMigration(fixture.settings, each);
  await superuser.query(`
    create type public.mood as enum ('sad', 'happy');
    create domain public.positive as integer check (value > 0);
    create type public.pair as (x integer, y integer);
    create sequence public.numbers;
    create table public.parent (id integer primary key, mood public.mood default 'sad');
    create table public.child (
      id serial primary key, parent_id integer references public.parent (id),
      n integer default nextval('public.numbers'), p public.positive);
    create view public.parents as select id, mood from public.parent;
    create function public.f(n integer) returns integer language sql as 'select n';
    create policy own on public.child using (exists (select from public.parent where parent.id = parent_id and public.f(1) = 1));
    create statistics public.s on id, parent_id from public.child;
    create table public.parted (id integer, at date) partition by range (id);
    create table public.part partition of public.parted for values from (0) to (10);
    create table public.rest partition of public.parted default;
    create index parted_at on public.parted (at);
    create table public.heir (extra text) inherits (public.parent);
    create table public.published (id integer references public.parent (id), n serial);
    create publication shared for table public.published;
    create function public.plus(a integer, b integer) returns integer
      language sql as 'select a + b';
    create aggregate public.sums (integer) (sfunc = public.plus, stype = integer);
    create collation public.german (provider = icu, locale = 'de');
    create rule quiet as on delete to public.published do instead nothing;
    comment on column public.child.n is 'A number.';
    comment on index public.child_pkey is 'Keys.';
    comment on policy own on public.child is 'Own.';
    comment on constraint child_pkey on public.child is 'Key.';
    comment on type public.mood is 'Mood.';
    create role test_reading_role;
    grant select on public.child to test_reading_role`);
});
afterAll(async () => {
  await superuser.query("drop owned by test_reading_role; drop role test_reading_role");
  await fixture.database.drop();
});

async function readStep(reading: CatalogReading, client: Client): Promise<CatalogStep> {
  const script = new Script(client);
  const read = reading.addStep(script);
  await script.run();
  return read();
}

describe("CatalogReading", () => {
  it.each([
    "select 1",
    "insert into public.users (email) values ('a@example.org')",
    "create table public.t (id integer primary key, n serial, at date)",
    "create table public.t (id integer); grant select on public.t to test_reading_role",
    "create table public.t as select 1 as n",
    "create materialized view public.t as select 1 as n",
    "drop table public.child",
    "drop table public.sessions",
    "drop table public.sessions, public.user_progress",
    "drop table public.part",
    "drop table public.rest",
    "drop table public.parted",
    "drop table public.heir",
    "drop table public.published",
    "drop table public.parent cascade",
    "drop view public.parents",
    "truncate public.child",
    "alter table public.users disable row level security",
    "alter table public.users owner to app",
    "alter table public.parent add column extra text default 'x', add check (id > 0)",
    "alter table public.parent drop column mood cascade",
    "alter table public.parent drop column id cascade",
    "alter table public.parent drop column mood cascade; alter table public.parent rename column id to mood",
    "alter table public.child drop column id",
    "alter table public.child drop column p",
    "alter table public.child drop column n, add column n text",
    "alter table public.parted drop column at",
    "alter table public.parent rename to guardian",
    "alter table public.parent rename column id to number",
    "alter table public.parent set schema auth",
    "alter sequence public.numbers rename to figures",
    "alter sequence public.numbers increment 2",
    "alter schema public rename to shop",
    "alter function public.f(integer) rename to g",
    "alter type public.mood rename to temper",
    "alter type public.mood rename value 'sad' to 'blue'",
    "alter type public.mood add value 'angry'",
    "alter domain public.positive drop constraint positive_check",
    "alter domain public.positive add constraint small check (value < 10)",
    "alter domain public.positive set default 1",
    "create domain public.email as text check (value like '%@%')",
    "create type public.triple as (x integer, y integer, z integer)",
    "alter type public.pair add attribute z integer",
    "alter type public.pair alter attribute y type bigint",
    "alter index public.idx_sessions_user_id set (fillfactor = 50)",
    "drop type public.pair",
    "drop domain public.positive cascade",
    "drop type public.mood cascade",
    "alter role test_reading_role rename to test_reading_other",
    "alter role app bypassrls",
    "alter role app set statement_timeout = '1s'",
    "grant service_role to test_reading_role",
    "grant select on public.users to test_reading_role",
    "grant select (email) on public.users to test_reading_role",
    "revoke select on public.users from authenticated",
    "grant usage on sequence public.numbers to anon",
    "grant execute on function public.f(integer) to app; revoke execute on function public.f(integer) from public",
    "grant usage on type public.mood to app; revoke usage on type public.mood from public",
    "grant usage on schema auth to anon",
    "create policy other on public.users to test_reading_role using (true)",
    "drop policy own on public.child",
    "alter policy own on public.child using (true)",
    "create index on public.child (n)",
    "drop index public.idx_sessions_user_id",
    "alter index public.idx_sessions_user_id rename to sessions_by_user",
    "update pg_index set indisvalid = false where indexrelid = 'public.idx_sessions_user_id'::regclass; alter table public.sessions force row level security",
    "alter table public.user_progress disable trigger trigger_user_progress_updated_at",
    "drop trigger trigger_user_progress_updated_at on public.user_progress",
    "create trigger again before update on public.user_progress for each row execute function public.update_user_progress_updated_at()",
    "alter table public.parent add constraint parent_user foreign key (id) references public.child (id) not valid",
    "create table public.t (id integer references public.parent (id))",
    "create table public.t (id integer references public.child (id)); alter table public.user_progress enable always trigger trigger_user_progress_updated_at",
    "create rule r as on delete to public.parent do instead nothing",
    "create or replace function public.f(n integer) returns integer language sql as 'select n + 1'",
    "alter function public.f(integer) security definer",
    "drop function public.f(integer) cascade",
    "create or replace view public.parents with (security_invoker = true) as select id, mood from public.parent",
    "comment on table public.users is 'x'",
    "comment on column public.users.email is null",
    "comment on function auth.uid() is null",
    "comment on schema auth is 'x'",
    "comment on type public.mood is 'x'",
    "comment on policy own on public.child is 'x'",
    "comment on trigger trigger_user_progress_updated_at on public.user_progress is 'x'",
    "comment on constraint users_pkey on public.users is 'x'",
    "comment on index public.idx_sessions_user_id is 'x'",
    "alter default privileges for role migrator grant select on tables to app",
    "create publication everything for all tables",
    "create schema other; create table other.t ()",
    "drop schema auth cascade",
    "create statistics public.more on id, p from public.child",
    "alter statistics public.s rename to s2",
    "drop owned by authenticated",
    "do $$ begin create table public.t (id integer); grant select on public.users to anon; end $$",
    `create trigger "RI_ConstraintTrigger_x" before insert on public.users
       for each row execute function public.update_user_progress_updated_at()`,
    "create aggregate public.total (integer) (sfunc = public.plus, stype = integer); alter function public.plus security definer",
    "alter function public.plus security definer",
    "alter sequence public.numbers owned by public.child.id",
    "alter sequence public.child_id_seq owned by none",
    "alter table public.heir no inherit public.parent",
    "alter table public.parted detach partition public.part",
    "alter schema auth rename to login",
    "alter collation public.german rename to deutsch",
    "alter table public.child rename constraint child_parent_id_fkey to of_parent",
    "alter table public.users alter column email set statistics 10",
    "alter table public.child alter column n drop default",
    "comment on column public.child.n is null",
    "comment on index public.child_pkey is null",
    "comment on policy own on public.child is null",
    "comment on constraint child_pkey on public.child is null",
    "comment on type public.mood is null",
    "drop owned by test_reading_role",
    "alter extension plpgsql add function public.f(integer)",
    "alter role test_reading_role superuser",
    "drop sequence public.numbers cascade",
    "drop rule quiet on public.published",
    "drop aggregate public.sums (integer)",
    "drop statistics public.s",
    "drop collation public.german",
    "drop publication shared",
    "do $$ begin begin drop policy own on public.child; raise exception 'x'; exception when others then null; end; drop policy own on public.child; end $$",
    "savepoint a; create policy more on public.child using (true); release savepoint a",
    "savepoint a; create table public.t (); rollback to savepoint a; create table public.u ()",
  ])("sees all that a transaction changes: %s", async (statements) => {
    await superuser.query("begin");
    try {
      const reading = await CatalogReading.take(superuser);
      const before = await readCatalog(superuser);
      expect(reading.digest).toBe(catalogDigest(before));
      expect(reading.mentions).toEqual(new Mentions(before));
      await superuser.query(statements);

      const step = await readStep(reading, superuser);
      const after = await readCatalog(superuser);
      expect(step.changes).toEqual(catalogChanges(before, after));
      expect(step.digest).toBe(catalogDigest(after));
      expect(reading.digest).toBe(catalogDigest(before));

      reading.accept(step);
      expect(reading.digest).toBe(catalogDigest(after));
      expect(catalogDigest(reading.catalog)).toBe(catalogDigest(after));
      expect(reading.mentions).toEqual(new Mentions(after));
    } finally {
      await superuser.query("rollback");
    }
  });

  it("sees what an event trigger does when a table is dropped", async () => {
    await superuser.query("begin");
    try {
      await superuser.query(`
        create function public.tell() returns event_trigger language plpgsql
          as $$ begin comment on table public.users is 'told'; end $$;
        create event trigger teller on sql_drop execute function public.tell()`);
      const reading = await CatalogReading.take(superuser);
      const before = await readCatalog(superuser);
      const statement = "drop table public.sessions";
      await superuser.query(statement);
      const { changes } = await readStep(reading, superuser);
      expect(changes).toEqual(catalogChanges(before, await readCatalog(superuser)));
      expect(changes["table public.users"]).toMatchObject({ comment: "told" });
    } finally {
      await superuser.query("rollback");
    }
  });

  it("follows one transaction after the other, and forgets one that is rolled back", async () => {
    const migrator = await fixture.database.connect("migrator");
    await migrator.query("begin");
    const reading = await CatalogReading.take(migrator);
    await migrator.query("rollback");
    const start = reading.catalog;
    const expected = new Map(start);
    for (const statement of [
      "create table public.a (id integer primary key)",
      "create index on public.a (id)",
      "alter table public.a rename to b",
      "drop table public.b",
    ]) {
      for (const end of ["rollback", "commit"]) {
        await migrator.query("begin");
        await migrator.query(statement);
        const step = await readStep(reading, migrator);
        if (end === "commit") {
          const whole = await readCatalog(migrator);
          expect(step.digest).toBe(catalogDigest(whole));
          expect(catalogDigest(applyChanges(reading.catalog, step.changes))).toBe(step.digest);
        }
        await migrator.query(end);
        if (end === "commit") reading.accept(step);
      }
    }
    expect(reading.digest).toBe(catalogDigest(expected));
  });
});
