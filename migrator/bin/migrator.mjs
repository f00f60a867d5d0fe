#!/usr/bin/env node
// The command line of the migrator, `npx migrator`.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(fileURLToPath(main))) {
  const command = await import(main.href);
  process.exitCode = await command.main(process.argv.slice(2));
} else {
  console.error("The migrator is not built yet. Run `npm run build` first.");
  process.exitCode = 1;
}
