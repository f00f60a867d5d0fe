import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { CODES } from "../../migrator/src/errors";

const PROJECT = path.resolve(__dirname, "../..");
const CODE = /\b(?:CFG|DAT|JOB|KEY|MIG|POL|SQL|ENG|EXP)\d{3}\b/g;
const SOURCES = [
  "components",
  "migrator/src",
  "policy",
  "rules/src",
  "sql",
  "src",
  "tools",
  "trial/src",
  "types/src",
];

/** The texts of the source files of some folders. */
function sourcesOf(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(path.join(PROJECT, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.(?:m?ts|[cm]js|sql)$/.test(file) && !/node_modules|dist/.test(file))
      .map((file) => readFileSync(path.join(PROJECT, folder, file), "utf8")),
  );
}

/** The error codes that the sources of the project name. */
function codesInSources(): Set<string> {
  return new Set(sourcesOf(SOURCES).flatMap((text) => text.match(CODE) ?? []));
}

describe("docs/errors.md", () => {
  const rows =
    readFileSync(path.join(PROJECT, "docs/errors.md"), "utf8").match(/^\| [A-Z]{3}\d{3} /gm) ?? [];
  const documented = rows.map((row) => row.slice(2, -1));

  it("explains every error code that is raised, and no other", () => {
    expect([...documented].sort()).toEqual([...codesInSources()].sort());
  });

  it("explains no code of the migrator that nothing raises", () => {
    const raised = sourcesOf(["migrator/src", "types/src"]).flatMap(
      (text) => text.match(/\bCODES\.\w+/g) ?? [],
    );
    expect(Object.keys(CODES).filter((name) => !raised.includes(`CODES.${name}`))).toEqual([]);
  });

  it("explains each code once", () => {
    expect(new Set(documented).size).toBe(documented.length);
  });
});
