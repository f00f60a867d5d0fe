import { judgeSchema, readSqlSchema } from "../../rules/src";

async function judge(sql: string) {
  const findings = judgeSchema(await readSqlSchema([{ file: "001.sql", sql }]), "mandatory");
  return findings.map(({ code, object }) => `${code} ${object}`);
}

describe("rights on sequences", () => {
  it.each([
    ["grant usage on sequence public.numbers to public;", "POL115 sequence public.numbers"],
    ["grant select on sequence public.numbers to anon;", "POL116 sequence public.numbers"],
    [
      "grant usage, select on all sequences in schema public to anon, authenticated;",
      "POL116 all sequences in schema public",
    ],
    [
      "grant usage on sequence public.numbers to authenticated with grant option;",
      "POL117 sequence public.numbers",
    ],
  ])("are refused: %s", async (sql, finding) => expect(await judge(sql)).toEqual([finding]));

  it.each([
    "grant usage on sequence public.numbers to authenticated;",
    "grant usage on sequence public.numbers to anon; revoke all on sequence public.numbers from anon;",
    "grant usage on sequence public.a to anon; revoke all on all sequences in schema public from anon;",
    "revoke all on all sequences in schema public from public, anon;",
  ])("pass: %s", async (sql) => expect(await judge(sql)).toEqual([]));
});
