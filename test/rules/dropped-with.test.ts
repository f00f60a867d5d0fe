import { judgeSchema, readSqlSchema } from "../../rules/src";

const read = (sql: string) => readSqlSchema([{ file: "001.sql", sql }]);

/** The tables, views, functions, policies and triggers that there are at the end. */
async function left(sql: string): Promise<string[]> {
  const { tables, views = [], functions = [], triggers = [] } = await read(ground + sql);
  return [
    ...tables.flatMap(({ name, policies = [], foreignKeys = [] }) => [
      `table ${name}`,
      ...policies.map((policy) => `policy ${policy.name}`),
      ...foreignKeys.map(({ columns }) => `key ${columns.join(",")}`),
    ]),
    ...views.map(({ name }) => `view ${name}`),
    ...functions.map((item) => `function ${item.name}(${item.arguments})`),
    ...triggers.map(({ name }) => `trigger ${name}`),
  ];
}

/** What is gone, of what there is without the statement. */
async function gone(sql: string): Promise<string[]> {
  const after = await left(sql);
  return (await left("")).filter((name) => !after.includes(name));
}

const ground = `
create schema app;
create type app.level as enum ('low', 'high');
create function app.uid() returns uuid language sql stable set search_path = ''
  return '00000000-0000-4000-8000-000000000000'::uuid;
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
create trigger notes_stamp before update on app.notes for each row execute function app.stamp();
create policy by_uid on app.notes using (user_id = (select app.uid()));
create policy by_helper on app.notes using (app.is_mine(user_id));
create policy by_strict_helper on app.notes using (app.is_mine(user_id, body));
create policy by_bans on app.notes as restrictive
  using (not exists (select from app.bans b where b.user_id = notes.user_id and b.reason <> ''));
create policy by_body on app.notes for insert with check (body <> '');
create policy by_level on app.bans using (level > 'low'::app.level);
create view app.banned as select user_id from app.bans;
create view app.again as select * from app.banned;
create table app.days (day date) partition by list (day);
create table app.monday partition of app.days for values in ('2030-01-07');
create view app.mine as select id from app.notes where app.is_mine(user_id);
`;

describe("what is dropped with an object", () => {
  it.each([
    [
      "drop function app.uid() cascade;",
      [
        "policy by_uid",
        "policy by_helper",
        "view mine",
        "function uid()",
        "function is_mine(uuid)",
      ],
    ],
    [
      "drop function app.is_mine(uuid) cascade;",
      ["policy by_helper", "view mine", "function is_mine(uuid)"],
    ],
    [
      "drop function app.is_mine(uuid, text) cascade;",
      ["policy by_strict_helper", "function is_mine(uuid, text)"],
    ],
    ["drop function app.stamp cascade;", ["function stamp()", "trigger notes_stamp"]],
    [
      "drop table app.bans cascade;",
      [
        "table bans",
        "policy by_level",
        "key banned",
        "policy by_bans",
        "view banned",
        "view again",
      ],
    ],
    ["drop view app.banned cascade;", ["view banned", "view again"]],
    ["drop type app.level cascade;", ["policy by_level"]],
    ["alter table app.bans drop column reason cascade;", ["policy by_bans"]],
    [
      "alter table app.bans drop column user_id cascade;",
      ["policy by_bans", "key banned", "view banned", "view again"],
    ],
    [
      "alter table app.notes drop column body cascade;",
      ["policy by_body", "policy by_strict_helper"],
    ],
    [
      "drop table app.notes cascade;",
      [
        "table notes",
        "policy by_uid",
        "policy by_helper",
        "policy by_strict_helper",
        "policy by_bans",
        "policy by_body",
        "key banned",
        "trigger notes_stamp",
        "view mine",
      ],
    ],
    ["drop table app.days;", ["table days", "table monday"]],
  ])("follows %s", async (sql, names) => {
    expect((await gone(sql)).sort()).toEqual([...names].sort());
  });

  it("is everything of a schema, and what uses it elsewhere", async () => {
    const elsewhere = `
      create table public.notes (user_id uuid);
      create policy outside on public.notes using (user_id = app.uid());
      create policy apart on public.notes using (user_id is null);`;
    expect(await left(`${elsewhere} drop schema app cascade;`)).toEqual([
      "table notes",
      "policy apart",
    ]);
  });

  it.each([
    "drop view app.again;",
    "alter table app.bans drop column level;",
    "create or replace function app.uid() returns uuid language sql return null;",
    "drop function if exists app.other() cascade;",
  ])("is nothing else where PostgreSQL drops nothing else: %s", async (sql) => {
    expect((await gone(sql)).filter((name) => !name.endsWith("again"))).toEqual([]);
  });

  it("takes what holds users back for gone where a branch may drop it", async () => {
    const drop = "drop table app.bans cascade;";
    expect(await gone(`do $$ begin if now() > '2030-01-01' then ${drop} end if; end $$;`)).toEqual([
      "policy by_bans",
    ]);
  });

  it("takes the floor for gone, and not the door, where a call may be of another function", async () => {
    const more = `
      create function app.is_mine(owner text) returns boolean language sql return true;
      create policy floor on app.notes as restrictive using (app.is_mine(user_id));`;
    const after = await left(`${more} drop function app.is_mine(text) cascade;`);
    expect(after).toContain("policy by_helper");
    expect(after).not.toContain("policy floor");
  });
});

describe("a floor that is dropped with what it uses", () => {
  const judged = async (sql: string) =>
    judgeSchema(await read(`${notes}${sql}`), "mandatory").map(({ code }) => code);
  const notes = `
    create schema auth;
    create function auth.uid() returns uuid language sql stable set search_path = ''
      return (current_setting('request.jwt.claims', true)::jsonb ->> 'sub')::uuid;
    create table public.bans (user_id uuid primary key);
    alter table public.bans enable row level security, force row level security;
    create policy nobody on public.bans for select to authenticated using (false);
    create table public.notes (id uuid primary key, user_id uuid not null);
    alter table public.notes enable row level security, force row level security;
    create index on public.notes (user_id);
    create policy door on public.notes for select to authenticated using (true);
    create policy floor on public.notes as restrictive for select to authenticated
      using (user_id = auth.uid() and not exists (select from public.bans));
    grant select on public.notes to authenticated;`;

  it("holds users back while it is there", async () => {
    expect(await judged("")).toEqual([]);
  });

  it("lets them reach every row afterwards", async () => {
    expect(await judged("drop table public.bans cascade;")).toEqual(["POL110"]);
  });

  it("leaves granted commands without a policy where the policies themselves go", async () => {
    expect(
      await judged("drop policy door on public.notes; drop function auth.uid() cascade;"),
    ).toEqual(["POL113"]);
  });
});
