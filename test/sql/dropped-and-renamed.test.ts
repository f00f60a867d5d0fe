import type { ClientBase } from "pg";
import { readCatalog, schemaOf } from "../../migrator/src/catalog";
import { type Schema, readSqlSchema } from "../../rules/src";
import { type TestDatabase, createDatabase } from "../support/database";

const ground = `
create schema app;
create type app.level as enum ('low', 'high');
create function app.uid() returns uuid language sql stable set search_path = '' return null::uuid;
create function app.is_mine(uuid) returns boolean language sql stable set search_path = ''
begin atomic
  select $1 = app.uid();
end;
create function app.is_mine(uuid, text) returns boolean
  language sql stable set search_path = '' as 'select $2 > '''' and $1 = app.uid()';
create function app.stamp() returns trigger language plpgsql set search_path = ''
  as 'begin return new; end';
create table app.bans (user_id uuid primary key, reason text, level app.level);
create table app.notes (
  id uuid primary key,
  user_id uuid not null,
  banned uuid references app.bans (user_id),
  body text
);
create function app.worst(app.bans) returns integer language sql as 'select 1';
create function app.all_bans() returns setof app.bans language sql as 'select null::app.bans';
create function app.ban_count() returns bigint language sql begin atomic
  select count(b.reason) from app.bans b;
end;
create trigger notes_stamp before update on app.notes for each row execute function app.stamp();
create policy by_uid on app.notes using (user_id = (select app.uid()));
create policy by_helper on app.notes using (app.is_mine(user_id));
create policy by_strict_helper on app.notes using (app.is_mine(user_id, body));
create policy by_bans on app.notes as restrictive
  using (not exists (select from app.bans b where b.user_id = notes.user_id and reason <> ''));
create policy by_body on app.notes for insert with check (body <> '');
create policy by_level on app.bans using (level > 'low'::app.level);
create policy by_cte on app.bans using (exists (with notes as (select 1 as id) select from notes));
create table app.days (day date) partition by list (day);
create table app.monday partition of app.days for values in ('2030-01-07');
create view app.banned as select user_id from app.bans;
create view app.again as select * from app.banned;
create view app.mine as select id from app.notes where app.is_mine(user_id);
`;

/** What there is, by name; tables with their columns, policies and keys. */
function namesIn({ tables, views = [], functions = [], triggers = [] }: Schema): string[] {
  const named = (what: string, { schema, name }: { schema: string; name: string }) =>
    `${what} ${schema}.${name}`;
  return [
    ...tables.flatMap((table) => [
      named("table", table),
      ...(table.columns ?? []).map(({ name }) => named(`column ${name} of`, table)),
      ...(table.policies ?? []).map(({ name }) => named(`policy ${name} on`, table)),
      ...(table.foreignKeys ?? []).map(
        (key) => `key ${key.columns.join()} to ${key.table.name} ${key.references.join()}`,
      ),
    ]),
    ...views.map((view) => named("view", view)),
    ...functions.map((item) => named("function", item)),
    ...triggers.map((item) => `${named("trigger", { ...item.relation })} ${item.function.name}`),
  ].sort();
}

describe("what is dropped with an object, or follows its name", () => {
  let database: TestDatabase;
  let client: ClientBase;

  beforeAll(async () => {
    database = await createDatabase();
    client = await database.connect("postgres");
    await client.query("set jit = off");
  });

  afterAll(() => database.drop());

  it.each([
    "select;",
    "drop function app.uid() cascade;",
    "drop function app.is_mine(uuid) cascade;",
    "drop function app.is_mine(uuid, text) cascade;",
    "drop function app.stamp cascade;",
    "drop table app.bans cascade;",
    "drop table app.notes cascade;",
    "drop table app.days;",
    "drop view app.banned cascade;",
    "drop type app.level cascade;",
    "drop schema app cascade;",
    "alter table app.bans drop column reason cascade;",
    "alter table app.bans drop column user_id cascade;",
    "alter table app.notes drop column body cascade;",
    "alter table app.bans rename to blocks; drop table app.blocks cascade;",
    "alter table app.bans set schema public; drop table public.bans cascade;",
    "alter table app.bans rename column reason to why; alter table app.bans drop column why cascade;",
    "alter table app.bans rename column user_id to who; alter table app.bans drop column who cascade;",
    "alter function app.uid() rename to me; drop function app.me() cascade;",
    "alter function app.is_mine(uuid) set schema public; drop function public.is_mine cascade;",
    "alter function app.stamp() rename to mark; drop function app.mark() cascade;",
    "alter view app.banned rename to blocked; drop view app.blocked cascade;",
    "alter type app.level rename to rank; drop type app.rank cascade;",
    "alter schema app rename to core; drop function core.uid() cascade;",
  ])("is what PostgreSQL says: %s", async (sql) => {
    await client.query("begin");
    await client.query(ground + sql);
    const live = namesIn(schemaOf(await readCatalog(client)));
    await client.query("rollback");
    expect(namesIn(await readSqlSchema([{ file: "001.sql", sql: ground + sql }]))).toEqual(live);
  });
});
