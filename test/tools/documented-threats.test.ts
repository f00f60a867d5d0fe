import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

const PROJECT = path.resolve(__dirname, "../..");

/** The tests that each row names: a file, and the titles after it. */
function shownBy(page: string): { file: string; titles: string[] }[] {
  const cells = page
    .split("\n")
    .filter((line) => line.startsWith("| ") && line.includes("`test/"))
    .map((line) => line.split(" | ").at(-1)?.replace(/ \|$/, "") ?? "");
  return cells
    .flatMap((cell) => cell.split(/; (?=`test\/)/))
    .map((entry) => {
      const [, file = "", titles = ""] = /^`([^`]+)`(?:: (.+))?$/.exec(entry) ?? [];
      return { file, titles: titles === "" ? [] : titles.split("; ") };
    });
}

describe("docs/security.md", () => {
  const named = shownBy(readFileSync(path.join(PROJECT, "docs/security.md"), "utf8"));

  it("names tests that are there", () => {
    expect(named.length).toBeGreaterThan(15);
    const missing = named.flatMap(({ file, titles }) => {
      const place = path.join(PROJECT, file);
      const text = file !== "" && existsSync(place) ? readFileSync(place, "utf8") : undefined;
      if (text === undefined) return [file === "" ? "a cell that cannot be read" : file];
      return titles.filter((title) => !text.includes(title)).map((title) => `${file}: ${title}`);
    });
    expect(missing).toEqual([]);
  });
});
