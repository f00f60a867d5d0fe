import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";

const SOURCES = path.resolve("migrator/src");
const IMPORT = /(?:from|import\()\s*"(\.[^"]+)"/g;

/** The files of the migrator that each of its files imports. */
function importsByFile(): Map<string, string[]> {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => path.join(SOURCES, file));
  return new Map(
    files.map((file) => [
      file,
      [...readFileSync(file, "utf8").matchAll(IMPORT)].map(([, name = ""]) => {
        const target = path.resolve(path.dirname(file), name);
        return existsSync(`${target}.ts`) ? `${target}.ts` : path.join(target, "index.ts");
      }),
    ]),
  );
}

describe("the files of the migrator", () => {
  it("import each other one way, also by way of others", () => {
    const imports = importsByFile();
    expect(imports.size).toBeGreaterThan(100);
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, way: readonly string[]) => {
      if (way.includes(file)) {
        const cycle = [...way.slice(way.indexOf(file)), file];
        cycles.push(cycle.map((each) => path.relative(SOURCES, each)).join(" -> "));
      } else if (!done.has(file)) {
        for (const next of imports.get(file) ?? []) visit(next, [...way, file]);
        done.add(file);
      }
    };
    for (const file of imports.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
