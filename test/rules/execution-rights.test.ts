import { readSqlSchema } from "../../rules/src";

/** Who may execute each function and procedure at the end. */
async function executable(sql: string) {
  const { functions = [] } = await readSqlSchema([{ file: "001.sql", sql }]);
  return Object.fromEntries(functions.map(({ name, executableBy }) => [name, executableBy]));
}

const f = "create function public.f() returns integer language sql as 'select 1';";
const g = "create function public.g(out n integer) language sql as 'select 1';";
const p = "create procedure public.p() language sql as 'select 1';";
const revoke = "revoke execute on functions from public;";

describe("who may execute functions", () => {
  it.each([
    [
      "revoke execute on all functions in schema public from public;",
      { f: [], g: [], p: ["public"] },
    ],
    [
      "revoke all on all procedures in schema public from public;",
      { f: ["public"], g: ["public"], p: [] },
    ],
    ["revoke execute on all routines in schema public from public;", { f: [], g: [], p: [] }],
    [
      "revoke execute on all routines in schema auth from public;",
      { f: ["public"], g: ["public"], p: ["public"] },
    ],
    [
      "grant execute on all functions in schema public to authenticated;",
      { f: ["public", "authenticated"], g: ["public", "authenticated"], p: ["public"] },
    ],
  ])("of a schema that are there: %s", async (sql, expected) => {
    expect(await executable(f + g + p + sql)).toEqual(expected);
  });

  it("is not settled for those to come", async () => {
    const sql = "revoke execute on all functions in schema public from public;";
    expect(await executable(f + sql + g)).toEqual({ f: [], g: ["public"] });
  });

  it.each([
    [`alter default privileges for role migrator ${revoke} ${f}`, []],
    [`alter default privileges ${revoke} ${f}`, []],
    [`alter default privileges revoke all on routines from public; ${f}`, []],
    [
      `alter default privileges ${revoke} alter default privileges grant execute on functions to public; ${f}`,
      ["public"],
    ],
    [`alter default privileges grant execute on functions to app; ${f}`, ["public", "app"]],
    [
      `alter default privileges ${revoke} alter default privileges in schema public grant execute on functions to app; ${f}`,
      ["app"],
    ],
    // What holds everywhere is not taken away in one schema.
    [`alter default privileges in schema public ${revoke} ${f}`, ["public"]],
    [`alter default privileges for role app ${revoke} ${f}`, ["public"]],
    [`${f} alter default privileges ${revoke}`, ["public"]],
    [
      `${f} alter default privileges ${revoke} ${f.replace("create", "create or replace")}`,
      ["public"],
    ],
    [
      `do $$ begin if now() > '2030-01-01' then alter default privileges ${revoke} end if; end $$; ${f}`,
      ["public"],
    ],
  ])("to come: %s", async (sql, expected) => {
    expect(await executable(sql)).toEqual({ f: expected });
  });
});
