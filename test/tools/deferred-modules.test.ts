import { execFileSync } from "node:child_process";
import path from "node:path";

const PROJECT = path.resolve(__dirname, "../..");

/** Runs a script as the engine runs Pulumi's own. @returns what it wrote, as JSON. */
function run(script: string): unknown {
  const args = ["--require", "./tools/deferred-modules.cjs", "--eval", script];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: PROJECT, encoding: "utf8" }));
}

const LOADED = String.raw`
  const loaded = () => ["typescript", "@npmcli/arborist"].filter((name) =>
    Object.keys(require.cache).filter((file) => file.includes("/node_modules/" + name + "/")).length > 1);`;

describe("modules that are deferred", () => {
  it("are not loaded with @pulumi/pulumi", () => {
    const script = `${LOADED} require("@pulumi/pulumi"); console.log(JSON.stringify(loaded()))`;
    expect(run(script)).toEqual([]);
  });

  it("are what they are without it once they are used", () => {
    const script = `require("@pulumi/pulumi");
      const shim = require("@pulumi/pulumi/typescript-shim");
      const { Arborist } = require("@npmcli/arborist");
      console.log(JSON.stringify([
        shim.version === require("typescript").version,
        new Arborist({ path: "." }) instanceof require("@npmcli/arborist").Arborist,
      ]))`;
    expect(run(script)).toEqual([true, true]);
  });

  it("serialize closures as before", () => {
    const script = `const pulumi = require("@pulumi/pulumi"); const two = 2;
      pulumi.runtime.serializeFunction(() => two + 1, {}).then(({ text }) => console.log(JSON.stringify(text)))`;
    expect(run(script)).toMatch(/two: 2[\s\S]*return \(\) => two \+ 1/);
  });
});
