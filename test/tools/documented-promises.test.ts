import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";

const TESTS = path.join(__dirname, "..");
const PROMISES = path.join(TESTS, "../docs/migrations/promises.md");
const NUMBERED = /\b(?:safety|acceptance) \d+\b/g;

describe("docs/migrations/promises.md", () => {
  it("lists what tests have in their titles, and nothing else", () => {
    const titles = readdirSync(TESTS, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".test.ts"))
      .flatMap((file) =>
        readFileSync(path.join(TESTS, file), "utf8")
          .split("\n")
          .filter((line) => /(?:describe|it|\]\))\(|^\s+"/.test(line)),
      );
    const listed = readFileSync(PROMISES, "utf8").match(/^\| (?:safety|acceptance) \d+/gm) ?? [];
    expect(new Set(listed.map((row) => row.slice(2)))).toEqual(
      new Set(titles.flatMap((line) => line.match(NUMBERED) ?? [])),
    );
  });
});
