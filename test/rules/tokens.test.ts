import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { loadModule, scanSync } from "libpg-query";
import { significantTokens } from "../../rules/src";

const FOLDERS = ["sql", "test/policy/corpus"];

const texts = [
  "select 1..2, 1.5e3, .5, 5., 1e5, 1.e3, 0x1F, 0b11, 0o17, 1_000, 10..20, 1 .5, 1. 5, a.1",
  "select a*-b, a+-b, a @- b, a <-> -1, a=-1, a>=-1, a|-b, a&-1, a%-1, a-+1, a - -1, ~a, |/ 4",
  "select a/**/+/**/b, a*/*x*/b, 1--x\n+2, a-- b\n, a->>'b', a#>>'{x}', a ?| b, a @> b",
  "select $1, $a$x$a$, $$y$$, $a$ $$ $a$, $é$ $e$ $é$, a$b, _x9",
  "select E'a\\'b', e'\\\\', 'a''b', '''', 'a\\', 'b'",
  "select 'a'\n'b', 'a' -- c\n 'b', E'a'\n'b\\'c', 'x' 'y'",
  "select U&'d\\0061' uescape '!', U&\"x\", b'01', x'ff', N'abc', \"a\"\"b\"",
  "select /* a /* b */ c */ 1 /* -- */ -- /*\n, 2",
  "select a::int, b := 1, f(x=>1), a[1:2], a<>b, a!=b, a<=b, (x).y, a.b.*, interval '1' day;",
  "select é, \"ü x\", a\u00a0+2, \u{1F600}x, '\u{1F600}'",
  "",
  " -- nothing",
];

function scanned(sql: string): string[] {
  // The scanner takes an empty text for a missing one.
  if (sql.trim() === "") return [];
  return scanSync(sql)
    .tokens.filter(({ tokenName }) => tokenName !== "SQL_COMMENT" && tokenName !== "C_COMMENT")
    .map(({ text }) => text);
}

describe("significantTokens", () => {
  beforeAll(() => loadModule());

  it.each(texts)("gives the tokens of PostgreSQL's scanner: %j", (sql) => {
    expect(significantTokens(sql)).toEqual(scanned(sql));
  });

  it("gives them of every file of the project", () => {
    const files = FOLDERS.flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".sql"))
        .map((file) => path.join(folder, file)),
    );
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      const sql = readFileSync(file, "utf8");
      expect(significantTokens(sql)).toEqual(scanned(sql));
    }
  });

  it("ends with a text that ends too early", () => {
    expect(significantTokens("select 'a /* b")).toEqual(["select", "'", "a"]);
  });
});
