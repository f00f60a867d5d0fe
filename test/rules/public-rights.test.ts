import { type Schema, judgeSchema, readSqlSchema } from "../../rules/src";

const judged = (schema: Schema) =>
  judgeSchema(schema, "mandatory").map(({ code, object, line }) => `${code} ${object} ${line}`);
const read = (sql: string) => readSqlSchema([{ file: "001.sql", sql }]);

describe("rights of PUBLIC on schemas", () => {
  it.each([
    ["grant usage on schema public to public;", "POL115 schema public 1"],
    ["grant create on schema public to public;", "POL115 schema public 1"],
    ["create schema auth;\ngrant usage on schema auth to public;", "POL115 schema auth 2"],
    ["create schema app;\ngrant usage on schema app to app, public;", "POL115 schema app 2"],
    [
      "revoke all on schema public from public;\ngrant usage on schema public to public;",
      "POL115 schema public 2",
    ],
  ])("are refused: %s", async (sql, finding) => {
    expect(judged(await read(sql))).toEqual([finding]);
  });

  it.each([
    "create table public.notes (id uuid); alter table public.notes enable row level security, force row level security;",
    "grant usage on schema public to authenticated;",
    "grant usage on schema public to public;\nrevoke all on schema public from public;",
  ])("are none: %s", async (sql) => {
    expect((await read(sql).then(judged)).filter((one) => one.startsWith("POL115"))).toEqual([]);
  });

  it("are PostgreSQL's own where a catalog says that PUBLIC may use public", () => {
    const usage = { grantee: "public", privilege: "usage", columns: null };
    const schemas = [{ name: "public", owner: "pg_database_owner", grants: [usage] }];
    expect(judged({ tables: [], schemas })).toEqual([]);
    const created = [{ ...usage, privilege: "create" }];
    expect(
      judged({ tables: [], schemas: [{ name: "public", owner: "o", grants: created }] }),
    ).toEqual(["POL115 schema public undefined"]);
  });
});
