import { readSqlSchema } from "../../rules/src";

/** The expressions of the policies at the end, without quotes. */
async function expressions(sql: string): Promise<string[]> {
  const { tables } = await readSqlSchema([{ file: "001.sql", sql: ground + sql }]);
  return tables
    .flatMap(({ policies = [] }) => policies)
    .map(({ using }) => (using ?? "").replaceAll('"', "").replace(/\s+/g, " ").trim());
}

const ground = `
create schema app;
create type app.level as enum ('low', 'high');
create function app.uid() returns uuid language sql return null;
create function app.uid(fallback uuid) returns uuid language sql return fallback;
create table app.teams (id uuid primary key, level app.level);
create table app.members (team_id uuid references app.teams (id), user_id uuid);
create policy p on app.teams using (
  exists (
    select from app.members m
    where m.team_id = teams.id and m.user_id = app.uid() and level > 'low'::app.level
  ) or id = app.uid(id)
);
`;

const shown = (changes: readonly (readonly [string, string])[]) =>
  changes.reduce(
    (text, [from, to]) => text.replaceAll(from, to),
    "exists ( select from app.members m where m.team_id = teams.id and m.user_id = app.uid() " +
      "and level > 'low'::app.level ) or id = app.uid(id)",
  );

describe("a policy follows what it names", () => {
  it.each([
    ["alter function app.uid() rename to me;", [["app.uid()", "app.me()"]]],
    ["alter function app.uid(uuid) set schema public;", [["app.uid(id)", "public.uid(id)"]]],
    ["alter table app.members rename to people;", [["app.members", "app.people"]]],
    ["alter table app.members set schema public;", [["app.members", "public.members"]]],
    ["alter table app.teams rename to groups;", [["teams.id", "groups.id"]]],
    ["alter table app.members rename column team_id to group_id;", [["team_id", "group_id"]]],
    [
      "alter table app.teams rename column id to key;",
      [
        ["teams.id", "teams.key"],
        ["or id", "or key"],
        ["uid(id)", "uid(key)"],
      ],
    ],
    ["alter table app.teams rename column level to rank;", [["level >", "rank >"]]],
    ["alter type app.level rename to rank;", [["app.level", "app.rank"]]],
    ["alter type app.level set schema public;", [["app.level", "public.level"]]],
    ["alter schema app rename to core;", [["app.", "core."]]],
    ["alter table app.teams rename constraint teams_pkey to members;", []],
  ] as const)("%s", async (sql, changes) => {
    expect(await expressions(sql)).toEqual([shown(changes)]);
  });

  it("to no function, where a call may be of another one", async () => {
    const more = "create function app.uid(fallback text) returns uuid language sql return null;";
    expect(await expressions(`${more} alter function app.uid(text) rename to me;`)).toEqual([
      shown([["app.uid(id)", "?.uid(id)"]]),
    ]);
  });

  it("and leaves what has the name by chance", async () => {
    const more = `
      create table app.team_id (team_id text);
      create policy q on app.team_id using (team_id <> 'team_id' and exists (
        with members as (select 1 as team_id) select from members where members.team_id = 1));`;
    const renamed =
      "alter table app.members rename column team_id to group_id; alter table app.members rename to people;";
    expect((await expressions(more + renamed))[1]).toBe((await expressions(more))[1]);
  });
});

describe("what follows a name, too", () => {
  const objects = (sql: string) => readSqlSchema([{ file: "001.sql", sql: ground + sql }]);

  it("is a trigger, by its table, its function and its own name", async () => {
    const { triggers = [] } = await objects(`
      create function app.stamp() returns trigger language plpgsql as 'begin return new; end';
      create trigger stamp before update on app.teams for each row execute function app.stamp();
      alter function app.stamp() rename to mark;
      alter table app.teams rename to groups;
      alter trigger stamp on app.groups rename to marks;
      alter schema app rename to core;`);
    expect(triggers).toMatchObject([
      {
        name: "marks",
        relation: { schema: "core", name: "groups" },
        function: { schema: "core", name: "mark" },
      },
    ]);
  });

  it("is a foreign key, by the column that it refers to", async () => {
    const { tables } = await objects("alter table app.teams rename column id to key;");
    expect(tables.flatMap(({ foreignKeys = [] }) => foreignKeys)).toMatchObject([
      { columns: ["team_id"], references: ["key"] },
    ]);
  });

  it("is a view, and the body of a function in standard SQL", async () => {
    const { views = [], functions = [] } = await objects(`
      create view app.mine as select m.team_id from app.members m where m.user_id = app.uid();
      create function app.teams_of_mine() returns setof uuid language sql
        begin atomic select team_id from app.members where user_id = app.uid(); end;
      create function app.text() returns uuid language sql as 'select app.uid()';
      alter function app.uid() rename to me;
      alter table app.members rename to people;
      drop function app.me() cascade;`);
    expect(views).toEqual([]);
    expect(functions.map(({ name }) => name)).toEqual(["uid", "text"]);
  });
});
