// Draws docs/schema.svg from what the project's migrations make on a throw-away server; --check compares.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { judge } from "../policy/judge.mjs";
import { readSqlFiles } from "../policy/sql-files.mjs";
import { PROJECT } from "../prepare.mjs";
import { drawSchema } from "./diagram.mjs";

const FILE = path.join(PROJECT, "docs/schema.svg");

const files = readSqlFiles(path.join(PROJECT, "sql"), PROJECT);
const { verdict } = await judge(files, { withTrial: false, fresh: false });
if (!verdict.schema) {
  console.error("The migrations cannot be applied; npm run policy says why.");
  process.exitCode = 1;
} else {
  const drawn = drawSchema(verdict.schema);
  if (!process.argv.includes("--check")) writeFileSync(FILE, drawn);
  else if (readFileSync(FILE, "utf8") !== drawn) {
    console.error(
      "docs/schema.svg is not what the migrations make. Draw it: npm run generate:diagram",
    );
    process.exitCode = 1;
  }
}
