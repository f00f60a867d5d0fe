// Loaded before Pulumi's own code (`node --require`), in the program, the policy pack and the provider of
// dynamic resources. @pulumi/pulumi loads npm's resolver and the TypeScript compiler wherever it is
// imported, and uses them where closures are serialized: three quarters of its start go to them.
"use strict";
const { createRequire, enableCompileCache } = require("node:module");
const path = require("node:path");

// Node.js 22 and newer keep what they have compiled for the next run.
enableCompileCache?.(path.join(__dirname, "../node_modules/.cache/node"));

const DEFERRED = ["@npmcli/arborist", "./typescript-shim"];

const fromProject = createRequire(path.join(process.cwd(), "package.json"));
const fromPulumi = createRequire(fromProject.resolve("@pulumi/pulumi"));

/** Puts something in a module's place that loads it when one of its members is first used. */
function defer(name) {
  const file = fromPulumi.resolve(name);
  const standIn = { id: file, filename: file, loaded: true, children: [], paths: [] };
  const load = () => {
    if (require.cache[file] === standIn) delete require.cache[file];
    return fromPulumi(file);
  };
  // As of an ES module, so that importing it copies no members.
  const member = (_, key) => key === "__esModule" || Reflect.get(load(), key);
  standIn.exports = new Proxy({}, { get: member });
  require.cache[file] = standIn;
}

DEFERRED.forEach(defer);
