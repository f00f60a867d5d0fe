import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { ensureEngine, type Engine } from "../../tools/engine/index.mjs";
import { PLUGINS, readVersions } from "../../tools/engine/versions.mjs";
import { PackageTypes } from "./package-types";
import { PluginSchema } from "./plugin-schema";
import { differences, type Property, type Shape } from "./shape";
import { findUses, sourceFiles, type Use } from "./used-tokens";

const ROOT = path.resolve(__dirname, "..", "..");

/**
 * What the plugins that are built from source do not understand, and the program therefore must
 * not set. The provider's source is some weeks older than the npm package, and some of the
 * package's inputs can only be outputs. Each line is as the comparison below prints it.
 */
const GAPS: readonly string[] = [
  "aws:ec2/flowLog:FlowLog.tagFieldSpecifications: the plugin does not know it",
  "aws:rds/instance:Instance.warningEventCategories: the plugin does not know it",
  "aws:s3/bucket:Bucket.objectLockConfiguration.rule.defaultRetention.mode: the plugin requires it, the package does not",
  "aws:s3/bucket:Bucket.serverSideEncryptionConfiguration.rule.applyServerSideEncryptionByDefault: the plugin requires it, the package does not",
  "aws:s3/bucket:Bucket.serverSideEncryptionConfiguration.rule.blockedEncryptionTypes: the plugin does not know it",
  "aws:secretsmanager/secret:Secret.replicas[].lastAccessedDate: the plugin does not know it",
  "aws:secretsmanager/secret:Secret.replicas[].status: the plugin does not know it",
  "aws:secretsmanager/secret:Secret.replicas[].statusMessage: the plugin does not know it",
  "aws:secretsmanager/secret:Secret.type: the plugin does not know it",
  ...[
    "accountaccess",
    "agentregistry",
    "bedrockruntime",
    "directoryservicedata",
    "interconnect",
    "lambdacore",
    "lambdamicrovms",
    "mailmanager",
    "resiliencehubv2",
  ].map((service) => `aws.endpoints[].${service}: the plugin does not know it`),
];

/** The providers themselves are used through the stack's configuration, not by the program. */
const PROVIDERS: readonly Use[] = PLUGINS.map((provider) => {
  return { provider, names: ["Provider"], place: "Pulumi.yaml", written: new Set() };
});

describe("the plugins of the engine", () => {
  const types = new PackageTypes(path.join(ROOT, "node_modules"));
  const plugins = new Map<string, PluginSchema>();
  let engine: Engine;
  let uses: readonly Use[];

  // Minutes where the engine is not built yet, as on any first run.
  beforeAll(async () => {
    const report = (text: string): void => void process.stderr.write(`${text}\n`);
    engine = await ensureEngine({ projectDirectory: ROOT, report });
    for (const [name, version] of Object.entries(readVersions(ROOT))) {
      if (PLUGINS.includes(name)) {
        plugins.set(name, await PluginSchema.read(engine, name, version));
      }
    }
    const files = sourceFiles(path.join(ROOT, "components"));
    uses = [...findUses(files, PLUGINS), ...PROVIDERS];
  }, 1_800_000);

  const gapsOf = (use: Use): string[] => {
    const { token, args } = types.read(use);
    const understood = plugins.get(use.provider)?.args(token);
    if (understood === undefined) return [`${token}: the plugin does not know it (${use.place})`];
    return differences(args, understood, token);
  };

  it("understand what the packages declare, but for the known gaps", () => {
    const known = engine.kind === "built" ? GAPS : [];
    const tokens = uses.map((use) => types.read(use).token);
    const relevant = known.filter((gap) => tokens.some((token) => gap.startsWith(`${token}.`)));
    expect(tokens).toContain("aws:rds/instance:Instance");
    expect(uses.flatMap(gapsOf).sort()).toEqual([...relevant].sort());
  });

  it("understand everything that the program writes out", () => {
    const written = uses.flatMap((use) =>
      gapsOf(use).filter((gap) => {
        const property = /\.(\w+): the plugin does not know it$/.exec(gap)?.[1];
        return property !== undefined && use.written.has(property);
      }),
    );
    expect(written).toEqual([]);
  });

  it("do not understand a function that they do not have", () => {
    const use = {
      provider: "aws",
      names: ["ec2", "getAmi"],
      place: "here:1",
      written: new Set(""),
    };
    const understood = plugins.get("aws")?.args(types.read(use).token);
    expect(understood === undefined).toBe(engine.kind === "built");
  });
});

describe("findUses", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "uses-"));
  const write = (text: string): string => {
    const file = path.join(folder, "program.ts");
    writeFileSync(file, text);
    return file;
  };

  afterAll(() => rmSync(folder, { recursive: true }));

  it("finds classes and functions, with the properties written out in their arguments", () => {
    const file = write(
      `import * as store from "@pulumi/aws/s3"; import { getRegionOutput } from "@pulumi/aws/getRegion";
import type { Tags } from "@pulumi/aws";
new store.Bucket("a", { bucket: "b", versioning: { enabled: true } });
getRegionOutput();
store.somethingElse();
other.rds.Instance();`,
    );
    expect(findUses([file], ["aws"])).toEqual([
      {
        provider: "aws",
        names: ["s3", "Bucket"],
        place: `${file}:3`,
        written: new Set(["bucket", "versioning", "enabled"]),
      },
      { provider: "aws", names: ["getRegionOutput"], place: `${file}:4`, written: new Set() },
    ]);
  });

  it.each(['import { s3 } from "@pulumi/aws";', 'import { Bucket } from "@pulumi/aws/s3";'])(
    "refuses %s, behind which it would see nothing",
    (text) => {
      const file = write(text);
      expect(() => findUses([file], ["aws"])).toThrow(
        'in a way that hides what the program uses of it; write `import * as area from "@pulumi/aws/area"`',
      );
    },
  );
});

describe("differences", () => {
  const text = { shape: { kind: "string" }, required: false } as const;
  const object = (properties: Record<string, typeof text>) =>
    ({ kind: "object", properties: new Map(Object.entries(properties)) }) as const;

  it("finds nothing where the plugin understands more", () => {
    expect(differences(object({ a: text }), object({ a: text, b: text }), "x")).toEqual([]);
  });

  it("finds what is missing, of another shape, or required by the plugin alone, at any depth", () => {
    const declared = { kind: "list", element: object({ a: text, b: text }) } as const;
    const properties = new Map<string, Property>([
      ["b", { shape: { kind: "list", element: { kind: "string" } }, required: false }],
      ["c", { shape: { kind: "string" }, required: true }],
    ]);
    const understood: Shape = { kind: "list", element: { kind: "object", properties } };
    expect(differences(declared, understood, "x")).toEqual([
      "x[].a: the plugin does not know it",
      "x[].b: string in the package, list in the plugin",
      "x[].c: the plugin requires it, the package does not",
    ]);
  });
});
