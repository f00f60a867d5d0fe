import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.join(__dirname, "../..");
const runner = path.join(root, "node_modules/@pulumi/pulumi/cmd/run-policy-pack");
describe("a pack that is not what its sources say", () => {
  let copy: string;

  beforeEach(() => {
    copy = mkdtempSync(path.join(tmpdir(), "app-data-pack-"));
    const options = { recursive: true, preserveTimestamps: true };
    for (const part of ["policy", "rules/src", "migrator/src", "trial/src", "tsconfig.base.json"])
      cpSync(path.join(root, part), path.join(copy, part), options);
    symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
  });

  afterEach(() => rmSync(copy, { recursive: true }));

  const start = (args = ["."]) => {
    // One that starts would wait for an engine.
    const options = { cwd: path.join(copy, "policy"), encoding: "utf8", timeout: 30_000 } as const;
    return spawnSync(process.execPath, args, options);
  };

  it.each([
    ["Node.js alone", ["."]],
    ["Pulumi's runner", [runner, "127.0.0.1:1", "."]],
  ])("does not start with %s when it was never compiled, and says what to do", (_, args) => {
    rmSync(path.join(copy, "policy/dist"), { recursive: true });
    const { status, stderr, stdout } = start(args);
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr.trim()).toBe(
      "POL003 The policy pack is not compiled, so it would not judge by the rules as they are " +
        "written. Run `npm run build`.",
    );
  });

  it.each([
    "policy/src/aws/network.ts",
    "rules/src/rules/tables/row-security.ts",
    "trial/src/try-database.ts",
  ])("does not start when %s has changed since", (source) => {
    const later = new Date(Date.now() + 60_000);
    utimesSync(path.join(copy, source), later, later);
    const { status, stderr } = start();
    expect(status).toBe(1);
    const file = path.relative("policy", source);
    expect(stderr).toContain(`POL003 ${file} is newer than the compiled pack, so it would not`);
  });
});
