#!/usr/bin/env node
// The command line of the migrator, `npx migrator`.
import { existsSync } from "node:fs";
import module, { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";

// A run is over in seconds. Until then, what has run often is compiled again, to faster code, beside it:
// that takes a third of the run's processor time, which is the server's where it has few processors, and is
// won back by what runs longest alone (docs/decisions/0043-less-is-compiled-twice.md).
setFlagsFromString("--interrupt-budget=500000");
// Compiled code is kept from run to run, where Node.js can do so (22.1).
module.enableCompileCache?.();
// As Node.js 21 and later have it. Without it `pg` finds out by way of `fetch` what it runs on, and
// loading that takes as long as all else.
globalThis.navigator ??= { userAgent: `Node.js/${process.versions.node.split(".")[0]}` };

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(fileURLToPath(main))) {
  // It is no ES module, and is loaded sooner as what it is.
  const command = createRequire(import.meta.url)(fileURLToPath(main));
  process.exitCode = await command.main(process.argv.slice(2));
} else {
  console.error("The migrator is not built yet. Run `npm run build` first.");
  process.exitCode = 1;
}
