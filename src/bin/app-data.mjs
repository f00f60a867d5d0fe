#!/usr/bin/env node
// The command line of the client library, `npx app-data`.
import { existsSync } from "node:fs";

const program = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(program)) {
  const { main } = await import(program);
  process.exitCode = await main(process.argv.slice(2));
} else {
  console.error("The client library is not built yet. Run `npm run build` first.");
  process.exitCode = 1;
}
