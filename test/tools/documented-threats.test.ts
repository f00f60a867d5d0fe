import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

const PROJECT = path.resolve(__dirname, "../..");

/** The last cells of the tables' rows. */
function lastCells(page: string): string[] {
  return page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| attacker |"))
    .map((line) => line.split(" | ").at(-1)?.replace(/ \|$/, "") ?? "");
}

/** What is wrong with a cell, which names files and, after each, titles of tests in it. */
function complaintsOf(cell: string): string[] {
  if (cell === "not shown") return [];
  return cell.split(/; (?=`test\/)/).flatMap((entry) => {
    const [, file = "", titles] = /^`([^`]+\.test\.ts)`: (.+)$/.exec(entry) ?? [];
    if (titles === undefined) return [`neither a test with its title nor "not shown": ${entry}`];
    const place = path.join(PROJECT, file);
    if (!existsSync(place)) return [`no such file: ${file}`];
    const text = readFileSync(place, "utf8");
    return titles
      .split("; ")
      .filter((title) => !text.includes(`${title}"`) && !text.includes(`${title}\``))
      .map((title) => `no test of ${file}: ${title}`);
  });
}

describe("docs/security.md", () => {
  it("names in each row a test that is there, or says that there is none", () => {
    const cells = lastCells(readFileSync(path.join(PROJECT, "docs/security.md"), "utf8"));
    expect(cells.length).toBeGreaterThan(15);
    expect(cells.flatMap(complaintsOf)).toEqual([]);
  });

  it.each([
    ["no test", "–", /^neither/],
    ["a file without a title", "`test/tools/node.test.ts`", /^neither/],
    ["a file that is not there", "`test/tools/none.test.ts`: is", /^no such file/],
    ["a title that is not there", "`test/tools/node.test.ts`: is none", /^no test of/],
  ])("would be refused with %s", (_what, cell, complaint) => {
    expect(complaintsOf(cell)).toEqual([expect.stringMatching(complaint)]);
  });
});
