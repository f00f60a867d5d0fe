import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";

const PROJECT = path.resolve(__dirname, "../..");
const CODE = /\b(?:CFG|MIG|POL|SQL|ENG|EXP)\d{3}\b/g;
const SOURCES = [
  "components",
  "migrator/src",
  "policy",
  "rules/src",
  "sql",
  "src",
  "tools",
  "trial/src",
];

/** The error codes that the sources of the project name. */
function codesInSources(): Set<string> {
  const files = SOURCES.flatMap((folder) =>
    readdirSync(path.join(PROJECT, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.(?:ts|[cm]js|sql)$/.test(file) && !file.includes("node_modules"))
      .map((file) => path.join(PROJECT, folder, file)),
  );
  return new Set(files.flatMap((file) => readFileSync(file, "utf8").match(CODE) ?? []));
}

describe("docs/errors.md", () => {
  const rows =
    readFileSync(path.join(PROJECT, "docs/errors.md"), "utf8").match(/^\| [A-Z]{3}\d{3} /gm) ?? [];
  const documented = rows.map((row) => row.slice(2, -1));

  it("explains every error code that is raised, and no other", () => {
    expect([...documented].sort()).toEqual([...codesInSources()].sort());
  });

  it("explains each code once", () => {
    expect(new Set(documented).size).toBe(documented.length);
  });
});
