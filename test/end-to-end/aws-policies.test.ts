import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { awsRules } from "../../policy/src/aws/rules";
import { awsCases } from "../policy/aws-cases";
import type { Fixture } from "../policy/judging";
import { PROJECT } from "./local-stack";

/** What the CLI needs, as `tools/engine` tells it. */
interface Engine {
  readonly pulumi: string;
  readonly path: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly policyPack: string;
}

const directory = mkdtempSync(path.join(tmpdir(), "app-data-policies-"));
const run = promisify(execFile);

/** Registers each resource without a provider: no value is completed or refused before the pack sees it. */
const program = `
const pulumi = require("@pulumi/pulumi");
class Wrong extends pulumi.Resource {
  constructor({ type, name, props }, parent) {
    super(type, name, false, props, parent && { parent });
    // A policy on the stack sees what came out of a resource.
    pulumi.runtime.registerResourceOutputs(this, props);
  }
}
for (const resources of require("./cases.json")) {
  const made = {};
  for (const each of resources) made[each.name] = new Wrong(each, made[each.parent]);
}
`;
/** Values by which the resources of a case find each other, and must not find another case's. */
const IDENTIFIERS = ["exports", "subnet-1", "rtb-1", "vpc-1", "group"];

/** The resources of a rule's wrong case, named after the rule. */
function wrongOf([rule, { wrong }]: (typeof cases)[number]): Fixture[] {
  const renamed = (name: string) => `${rule}.${name}`;
  return wrong.map(({ type, name = "it", props, parent }) => ({
    type,
    name: renamed(name),
    props: JSON.parse(
      JSON.stringify(props, (_, value: unknown) =>
        IDENTIFIERS.some((each) => each === value) ? renamed(String(value)) : value,
      ),
    ) as Fixture["props"],
    ...(parent !== undefined && { parent: renamed(parent) }),
  }));
}

/** The engine loads a provider before it asks the pack; that rule speaks in `test/policy/pack.test.ts`. */
const cases = Object.entries(awsCases).filter(
  ([, { wrong }]) => !wrong.some(({ type }) => type.startsWith("pulumi:providers:")),
);

async function findEngine(): Promise<Engine> {
  const script = `import { ensureEngine } from ${JSON.stringify(path.join(PROJECT, "tools/engine/index.mjs"))};
    const report = (text) => process.stderr.write(text + "\\n");
    const engine = await ensureEngine({ projectDirectory: ${JSON.stringify(PROJECT)}, report });
    process.stdout.write(JSON.stringify(engine));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
  return JSON.parse(stdout) as Engine;
}

/** What a preview of the program says with the pack. */
async function preview(): Promise<string> {
  mkdirSync(path.join(directory, "state"));
  symlinkSync(path.join(PROJECT, "node_modules"), path.join(directory, "node_modules"));
  writeFileSync(path.join(directory, "package.json"), "{}");
  writeFileSync(
    path.join(directory, "Pulumi.yaml"),
    "name: wrong\nruntime: nodejs\nmain: index.js\n",
  );
  writeFileSync(path.join(directory, "index.js"), program);
  writeFileSync(path.join(directory, "cases.json"), JSON.stringify(cases.map(wrongOf)));
  const engine = await findEngine();
  const env = {
    ...process.env,
    ...engine.environment,
    PATH: [...engine.path, process.env["PATH"]].join(path.delimiter),
    PULUMI_BACKEND_URL: `file://${path.join(directory, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "none",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const options = { cwd: directory, env, maxBuffer: 64 * 1024 * 1024 };
  const flags = ["--stack", "wrong", "--non-interactive"];
  await run(engine.pulumi, ["stack", "init", ...flags], options);
  const args = ["preview", ...flags, "--policy-pack", engine.policyPack];
  return run(engine.pulumi, args, options).then(
    () => "the preview was not refused",
    (refusal: unknown) => String(Reflect.get(Object(refusal), "stdout")),
  );
}

describe("the rules on AWS resources, called by the engine", () => {
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("refuse the wrong case of each in a preview", async () => {
    const output = await preview();
    const findings = output.matchAll(/\[mandatory\] \[severity: \w+\] +(\S+) +\(\S+: ([^.)]+)\./g);
    const spoken = new Set(
      [...findings].filter(([, rule, of]) => rule === of).map(([, rule]) => rule),
    );
    const rules = awsRules
      .map(({ name }) => name)
      .filter((name) => cases.some(([of]) => of === name));
    expect(rules.length).toBeGreaterThan(100);
    expect(rules.filter((name) => !spoken.has(name))).toEqual([]);
  }, 600_000);
});
