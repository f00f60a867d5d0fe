import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { ensureEngine, type Engine } from "../../tools/engine/index.mjs";

const PROJECT = path.resolve(__dirname, "../..");

describe("the language host of the engine", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "engine-host-"));
  let engine: Engine;

  const write = (file: string, ...lines: string[]): void => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), lines.join("\n"));
  };
  const pulumi = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(engine.pulumi, [...args, "--non-interactive"], {
      cwd: folder,
      encoding: "utf8",
      env: {
        ...process.env,
        ...engine.environment,
        PATH: [...engine.path, process.env["PATH"]].join(path.delimiter),
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_CONFIG_PASSPHRASE: "of this test",
        PULUMI_OPTION_POLICY_PACK: undefined,
        PULUMI_STACK: "dev",
      },
    });
    return { status, output: stdout + stderr };
  };
  const done = (...args: string[]): string => {
    const { status, output } = pulumi(...args);
    if (status !== 0) throw new Error(`pulumi ${args.join(" ")}: ${output}`);
    return output;
  };

  beforeAll(async () => {
    engine = await ensureEngine({ projectDirectory: PROJECT, report: () => {} });
    symlinkSync(path.join(PROJECT, "node_modules"), path.join(folder, "node_modules"));
    write("package.json", '{ "dependencies": { "@pulumi/random": "*" } }');
    write(
      "Pulumi.yaml",
      "name: hosted",
      "runtime:",
      "  name: nodejs",
      "  options: { typescript: false, nodeargs: '--require \"./first.cjs\"' }",
    );
    write("first.cjs", 'globalThis.first = "loaded before the program";');
    done("stack", "init", "dev");
    done("config", "set", "--secret", "password", "hunter2");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("gives the program and a policy pack their stack and its configuration", () => {
    write(
      "index.js",
      'const pulumi = require("@pulumi/pulumi");',
      'exports.password = new pulumi.Config().requireSecret("password");',
      "exports.isDryRun = pulumi.runtime.isDryRun();",
      'exports.said = [pulumi.getProject(), pulumi.getStack(), globalThis.first].join(", ");',
    );
    write(
      "pack/PulumiPolicy.yaml",
      "runtime: { name: nodejs, options: { typescript: false } }",
      "main: pack.cjs",
    );
    write("pack/package.json", '{ "name": "pack", "version": "1.0.0", "main": "pack.cjs" }');
    write(
      "pack/pack.cjs",
      'const { PolicyPack } = require("@pulumi/policy");',
      "const given = `${process.env.PULUMI_NODEJS_STACK} ${process.env.PULUMI_CONFIG}`;",
      'new PolicyPack("pack", { policies: [{',
      '  name: "says", description: "Says what it was given.", enforcementLevel: "advisory",',
      "  validateStack: (_, report) => report(given),",
      "}] });",
    );
    // The engine covers secrets in what it prints.
    expect(done("up", "--yes", "--skip-preview", "--policy-pack", "pack")).toContain(
      'dev {"hosted:password":"[secret]"}',
    );
    expect(JSON.parse(done("stack", "output", "--json", "--show-secrets"))).toEqual({
      password: "hunter2",
      isDryRun: false,
      said: "hosted, dev, loaded before the program",
    });
    expect(done("stack", "output", "password").trim()).toBe("[secret]");
  });

  it("fails with the program", () => {
    write("index.js", "process.exit(7);");
    const { status, output } = pulumi("preview");
    expect(status).not.toBe(0);
    expect(output).toMatch(/exit (status|code):? 7/);
  });
});
