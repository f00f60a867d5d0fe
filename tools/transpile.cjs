// Loaded before the Pulumi program (`node --require`), so that Node.js takes its TypeScript as it stands.
// The types are checked by `npm run typecheck`: Pulumi's own compiler would check them at every run.
"use strict";
const { readFileSync } = require("node:fs");
const { transformSync } = require("@swc/core");
const sourceMaps = require("source-map-support");

const SETTINGS = {
  jsc: { target: "es2022", parser: { syntax: "typescript" } },
  module: { type: "commonjs" },
  sourceMaps: "inline",
};

require.extensions[".ts"] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, "utf8"), { ...SETTINGS, filename });
  module._compile(code, filename);
};

// Stack traces name the lines of the source. Only of the program's: Pulumi, which takes a stack trace of
// every promise, would read the source maps of its packages, too.
sourceMaps.install({ hookRequire: true });
const isTranspiled = (frame) => frame.getFileName()?.endsWith(".ts") ?? false;
const lineOf = (frame) => `    at ${isTranspiled(frame) ? sourceMaps.wrapCallSite(frame) : frame}`;
Error.prepareStackTrace = (error, frames) =>
  [Error.prototype.toString.call(error), ...frames.map(lineOf)].join("\n");
