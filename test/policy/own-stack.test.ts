import path from "node:path";
import { type Environment, environments, readWaivers, waiverFile } from "@app-data/rules";
import { awsPolicies } from "../../policy/src/aws/policies";
import { attestedSchemaPolicies } from "../../policy/src/schema-attestation";
import { waiversNeeded } from "../../policy/src/waivers-needed";
import { type Fixture, judgeResource, judgeStack } from "./judging";
import { type Mutation, mutations, neutral, removals, without } from "./mutations";
import { type OwnResource, ownStack } from "./own-stack";

const directory = path.join(__dirname, "../..");
const waiversIn = (environment: Environment) => ({
  ...readWaivers({ file: waiverFile, directory, environment }),
  today: "2026-11-22",
});
const protectedTypes = [
  "aws:rds/instance:Instance",
  "aws:kms/key:Key",
  "aws:s3/bucket:Bucket",
  "postgresql:index/database:Database",
];

/** Properties that are one thing: each is nothing without the other. */
const together = {
  "database-password-managed Instance": ["manageMasterUserPassword", "password"],
  "database-final-snapshot Instance": ["skipFinalSnapshot", "finalSnapshotIdentifier"],
  "database-monitoring Instance": ["monitoringInterval", "monitoringRoleArn"],
  "network-flow-logged FlowLog": ["vpcId", "trafficType"],
  "network-port SecurityGroupIngressRule": ["toPort", "fromPort"],
  "network-egress-port SecurityGroupEgressRule": ["toPort", "fromPort"],
};

/** Running the program takes seconds, so each environment's is run once. */
const stacks = new Map<Environment, Promise<OwnResource[]>>();
function stackOf(environment: Environment): Promise<OwnResource[]> {
  const stack = stacks.get(environment) ?? ownStack(environment);
  stacks.set(environment, stack);
  return stack;
}

function policiesIn(environment: Environment) {
  const context = { environment, waivers: waiversIn(environment) };
  return [...awsPolicies(context), waiversNeeded(context)].filter(
    ({ enforcementLevel }) => enforcementLevel !== "disabled",
  );
}

async function judgeAll(environment: Environment, resources: readonly OwnResource[]) {
  const policies = [...policiesIn(environment)];
  const said: string[] = [];
  for (const { inputs } of resources) said.push(...(await judgeResource(policies, inputs)));
  return said.concat(
    await judgeStack(
      policies,
      resources.map(({ state }) => state),
    ),
  );
}

/** What is said of a stack in which one resource is another; of the others' inputs nothing is. */
async function judgeChanged(resources: readonly OwnResource[], at: number, changed?: OwnResource) {
  const policies = [
    ...policiesIn("prod"),
    ...attestedSchemaPolicies(waiversIn("prod")).slice(0, 1),
  ];
  const rest = resources.flatMap((each, index) =>
    index !== at ? [each.state] : changed ? [changed.state] : [],
  );
  const said = changed ? await judgeResource(policies, changed.inputs) : [];
  said.push(...(await judgeStack(policies, rest)));
  return [...new Set(said.map((line) => line.slice(0, line.indexOf(":"))))];
}

function mutate({ inputs, state }: OwnResource, { property, to }: Mutation): OwnResource {
  const change = (fixture: Fixture): Fixture => {
    const next = to(fixture.props[property], fixture);
    const props = without(fixture.props, property);
    return {
      ...fixture,
      props: next === undefined ? props : { ...props, [property]: next },
      propertyDependencies: without(fixture.propertyDependencies ?? {}, property),
    };
  };
  return { inputs: change(inputs), state: change(state) };
}

describe("this project's own stack", () => {
  it.each(environments)("has no finding in %s, and needs every waiver", async (environment) => {
    const resources = await stackOf(environment);
    expect(resources.length).toBeGreaterThan(40);
    expect(await judgeAll(environment, resources)).toEqual([]);
  });
});

describe("this project's own stack while the key of the API keys is rotated", () => {
  it("has no finding in prod, and each of its keys is judged", async () => {
    const resources = await ownStack("prod", { "apiKeys.keyGenerations": [2, 1] });
    expect(await judgeAll("prod", resources)).toEqual([]);
    const refusal = mutations.find(({ as }) => as === "RefuseOtherUserId");
    if (!refusal) throw new Error("There is no such mutation.");
    for (const name of ["api-key-encryption", "api-key-encryption-2"]) {
      const at = resources.findIndex(
        ({ inputs }) => inputs.type === refusal.type && inputs.name === name,
      );
      const changed = mutate(resources[at] as OwnResource, refusal);
      expect([name, await judgeChanged(resources, at, changed)]).toEqual([name, [refusal.rule]]);
    }
  });
});

describe("a safe default of this project that is turned around", () => {
  let resources: OwnResource[];
  beforeAll(async () => {
    resources = await stackOf("prod");
  });

  it("makes exactly the expected rule speak, for every one of them", async () => {
    const wrong: unknown[] = [];
    let count = 0;
    for (const mutation of mutations) {
      const { type, property, name, as = "", rule } = mutation;
      const hits = [...resources.entries()].filter(
        ([, { inputs }]) =>
          inputs.type === type &&
          (name === undefined || inputs.name === name) &&
          (name !== undefined || property in inputs.props || !isOptional(mutation)),
      );
      expect([type, property, hits.length > 0]).toEqual([type, property, true]);
      for (const [index, resource] of hits) {
        count += 1;
        const said = await judgeChanged(resources, index, mutate(resource, mutation));
        if (said.join() !== rule) wrong.push([resource.inputs.name, property, as, rule, said]);
      }
    }
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(150);
  });

  it("is one property of its rule, so that a waiver silences one thing", () => {
    const properties = new Map<string, Set<string>>();
    for (const { type, property, rule, as = "" } of mutations) {
      const key = `${rule} ${type.split(":").at(-1)}`;
      const parameter = property === "parameters" ? ` ${as.split(" ")[0]}` : "";
      properties.set(key, (properties.get(key) ?? new Set()).add(property + parameter));
    }
    const several = [...properties].filter(([, { size }]) => size > 1);
    expect(Object.fromEntries(several.map(([key, found]) => [key, [...found]]))).toEqual(together);
  });

  it("is noticed where a whole resource is left out", async () => {
    for (const [type, rules] of Object.entries(removals)) {
      const index = resources.findIndex(({ inputs }) => inputs.type === type);
      const said = await judgeChanged(resources, index);
      expect([type, said.join(", ")]).toEqual([type, rules]);
    }
    const attestation = resources.findIndex(({ inputs }) =>
      inputs.type.endsWith("SchemaAttestation"),
    );
    expect(await judgeChanged(resources, attestation)).toEqual(["schema-attested"]);
  });

  it("is noticed where what holds data is no longer protected", async () => {
    const holders = [...resources.entries()].filter(([, { inputs }]) => inputs.protect);
    expect(new Set(holders.map(([, { inputs }]) => inputs.type))).toEqual(new Set(protectedTypes));
    for (const [index, { inputs, state }] of holders) {
      const bare = { inputs: { ...inputs, protect: false }, state: { ...state, protect: false } };
      expect(await judgeChanged(resources, index, bare)).toEqual(["data-protected"]);
    }
  });

  it("is among the inputs that are turned around here, or protects nothing", () => {
    const unclassified = resources.flatMap(({ inputs: { type, name, props } }) =>
      Object.keys(props)
        .filter((key) => key !== "tags")
        .filter((key) => !mutations.some((each) => each.type === type && each.property === key))
        .filter((key) => !(neutral[type] ?? []).includes(key))
        .map((key) => `${type} ${name} ${key}`),
    );
    expect(unclassified).toEqual([]);
  });
});

/** Roles differ in what they have; where a property is not there it is not turned around. */
function isOptional({ type }: Mutation): boolean {
  return type === "postgresql:index/role:Role";
}
