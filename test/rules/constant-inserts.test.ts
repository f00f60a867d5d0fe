import { loadModule, parseSync } from "libpg-query";
import { SqlSyntaxError, splitStatements } from "../../rules/src";
import { shortenInserts } from "../../rules/src/sql/constant-inserts";

/** Too long for every row to be parsed. */
const row = (index: number) =>
  `(${index}, 'it''s; a (row) no. ${index}, é', ${index % 3 === 0 ? "null" : "E'a\\'b'"}, -1.5e3, now(), '{}'::jsonb)`;
const rows = (count: number) => Array.from({ length: count }, (_, index) => row(index));
const HEAD = "insert into public.foods (id, title, note, weight, at, more) values";
const single = (count: number) => rows(count).map((each) => `${HEAD} ${each};\n`);
const multiple = (count: number, tail = "") => `${HEAD}\n  ${rows(count).join(",\n  ")}${tail};\n`;

/** Statements as the parser alone tells them: offset and text. */
function parsed(sql: string): [number, string][] {
  const bytes = Buffer.from(sql);
  let [location, offset] = [0, 0];
  return (parseSync(sql).stmts ?? []).map(({ stmt_location: at = 0, stmt_len }) => {
    offset += bytes.subarray(location, at).toString().length;
    location = at;
    const raw = bytes.subarray(at, stmt_len ? at + stmt_len : undefined).toString();
    return [offset + raw.length - raw.trimStart().length, raw.trim()];
  });
}

describe("statements of a file of data", () => {
  beforeAll(() => loadModule());

  it.each([
    ["one insert of many rows", `select 1;\n${multiple(2_000)}select 2;`],
    ["many inserts", `create table public.foods ();\n${single(2_000).join("")}select 2`],
    ["inserts of two kinds", single(2_000).join("insert into public.b values (1);\n-- é\n")],
    ["several inserts of many rows", multiple(1_000) + multiple(900) + multiple(800)],
    ["inserts on conflict", multiple(2_000, "\n  on conflict (id) do nothing") + multiple(2)],
    ["an insert of a row that is no constant", `${multiple(2_000).replace(/;\n$/, "")}, (1 + 1);`],
    ["an insert with a query in it", `${multiple(2_000).replace("(7,", "((select 7),")}select 1;`],
    ["inserts in a block", `do $$ begin ${single(2_000).join("")} end $$; ${single(3).join("")}`],
    [
      "inserts in a body",
      `create function public.f() returns void language sql begin atomic
      ${single(2_000).join("")} end; ${single(3).join("")}`,
    ],
    [
      "inserts in a rule",
      `create rule r as on insert to public.a do also (${single(2_000).join("")});
      ${single(3).join("")}`,
    ],
    [
      "inserts in comments",
      `/* ${single(2_000).join("")} */ -- ${single(1).join("")}${single(3).join("")}`,
    ],
    ["a last insert without a semicolon", single(2_000).join("").replace(/;\n$/, "")],
  ])("are those that the parser finds: %s", async (_, sql) => {
    const expected = parsed(sql);
    const statements = await splitStatements(sql, "a.sql");
    expect(statements.map(({ offset, text }) => [offset, text])).toEqual(expected);
    for (const { offset, line, column } of [statements.at(0), statements.at(-1)].flatMap(
      (each) => each ?? [],
    )) {
      const before = sql.slice(0, offset).split("\n");
      expect([line, column]).toEqual([before.length, [...(before.at(-1) ?? "")].length + 1]);
    }
  });

  it("are told without a tree for each row", () => {
    for (const sql of [multiple(2_000), single(2_000).join("")]) {
      expect(shortenInserts(sql).sql.length).toBeLessThan(5_000);
    }
    expect(shortenInserts("insert into a values (1), (2);").sql).toBe(
      "insert into a values (1), (2);",
    );
  });

  it.each([
    ["after", `${multiple(2_000)}selct 1;`, 2_002, 1],
    ["in a row of", multiple(2_000).replace("(1999,", "(1999,,"), 2_001, 9],
    ["between", `${single(2_000).join("")}selct;${single(2).join("")}`, 2_001, 1],
  ])("are refused with the place of an error %s the rows", async (_, sql, line, column) => {
    await expect(splitStatements(sql, "a.sql")).rejects.toMatchObject({ line, column });
    await expect(splitStatements(sql, "a.sql")).rejects.toBeInstanceOf(SqlSyntaxError);
  });
});
