import { spawn, spawnSync } from "node:child_process";
import path from "node:path";

const root = path.join(__dirname, "../..");
/** Says on standard error when the walker of npm packages is loaded, and when it is loaded no more than in name. */
const hook =
  'data:text/javascript,import M from "node:module";const load=M._load;' +
  'M._load=function(r,...a){if(r==="@npmcli/arborist"||r==="./arborist/index.js")process.stderr.write(`asked ${r}\\n`);' +
  "return load.call(this,r,...a)};";

describe("the start of the pack", () => {
  it("does not load what @pulumi/pulumi needs for programs alone", async () => {
    const runner = path.join(root, "node_modules/@pulumi/pulumi/cmd/run-policy-pack");
    const child = spawn(process.execPath, ["--import", hook, runner, "127.0.0.1:1", "."], {
      cwd: path.join(root, "policy"),
    });
    let asked = "";
    child.stderr.on("data", (data) => (asked += data));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill();
    await ended;
    expect(asked).toBe("asked @npmcli/arborist\n");
  }, 60_000);

  it("would load it otherwise", () => {
    const { stderr } = spawnSync(
      process.execPath,
      ["--import", hook, "-e", 'require("@pulumi/pulumi")'],
      { cwd: root, encoding: "utf8" },
    );
    expect(stderr).toContain("asked @npmcli/arborist\nasked ./arborist/index.js\n");
  }, 60_000);
});
