import {
  type Contract,
  type Rule,
  type Schema,
  SchemaShapeError,
  type Waivable,
  type Waivers,
  defaultContract,
  judgeSchema,
  loadParser,
  parseSchema,
  schemaRules,
  waive,
} from "@app-data/rules";
import type {
  PolicyResource,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import { migrationPlanType, migrationType } from "./judged-migrations";
import { page } from "./page";
import { type Reading, read, readWhole } from "./reading";

/** The type of the resource that holds what the live catalog says. */
export const schemaAttestationType = "pulumi-nodejs:dynamic/database:SchemaAttestation";

const tags = ["postgresql", "attestation"];

interface JudgedBy {
  waivers: Waivers;
  contract: Contract;
}

/**
 * Every migration of a database is followed by one reading of its catalog.
 * Resources belong to the same database when they have the same parent.
 */
const schemaAttested: StackValidationPolicy = {
  name: "schema-attested",
  description: "Exactly one SchemaAttestation follows all migrations of a database.",
  enforcementLevel: "mandatory",
  severity: "high",
  tags,
  remediationSteps:
    "Make one SchemaAttestation beside the migrations, with the last of them in its `dependsOn`.",
  url: page("schema-attested"),
  validateStack: ({ resources }, report) => {
    for (const group of groupByParent(resources)) {
      const migrations = group.filter(({ type }) => type === migrationType);
      const attestations = group.filter(({ type }) => type === schemaAttestationType);
      const [first] = migrations;
      if (!first) continue;
      const parent = first.parent?.name ?? "the stack";
      const [attestation] = attestations;
      if (!attestation || attestations.length > 1) {
        report(
          `POL103 ${migrations.length} migrations of ${parent} have ${attestations.length} ` +
            "SchemaAttestation resources; there must be exactly one. Make one beside the migrations.",
          first.urn,
        );
        continue;
      }
      const before = dependenciesOf(attestation);
      for (const migration of migrations.filter(({ urn }) => !before.has(urn))) {
        report(
          `POL103 SchemaAttestation ${attestation.name} does not depend on migration ` +
            `${migration.name}, so it may read the catalog before that has run; it must depend on ` +
            "every migration. Put the last migration in its `dependsOn`.",
          attestation.urn,
        );
      }
    }
  },
};

/**
 * Judges the inputs: the database as it was read when the resource was planned.
 * A pack is not told whether it runs at preview, so this one speaks in both.
 */
function livePolicyOf(rule: Rule, by: JudgedBy): ResourceValidationPolicy {
  return {
    name: `live-${rule.name}`,
    description: `${rule.description} Judged on what was read for the plan.`,
    // Drift must not keep the update that heals it from running; afterwards the rule is mandatory.
    enforcementLevel: "advisory",
    severity: rule.severity,
    tags,
    remediationSteps: rule.remediation,
    url: page(rule.name),
    validateResource: async ({ type, props, name }, report) => {
      if (type !== schemaAttestationType) return;
      await loadParser();
      const schema = readWhole(props, "schema");
      if (schema.state === "known") {
        for (const finding of judge(rule, by, schema, name))
          report(`${finding} (as read for the plan)`);
        return;
      }
      const found = schema.state === "absent" ? "was not read" : "is not known";
      // Once is enough.
      if (rule !== schemaRules[0]) return;
      report(
        `POL104 ${name}: the live catalog ${found} at preview, so no rule was judged; ` +
          "it is judged when the update has run. Give the preview access to the database.",
      );
    },
  };
}

/**
 * Judges the outputs: the database as it is after an update, or as the state
 * holds it. At the preview of a change there are none yet; `live-…` speaks then.
 */
function attestedPolicyOf(rule: Rule, by: JudgedBy): StackValidationPolicy {
  return {
    name: `attested-${rule.name}`,
    description: rule.description,
    enforcementLevel: rule.level,
    severity: rule.severity,
    tags,
    remediationSteps: rule.remediation,
    url: page(rule.name),
    validateStack: async ({ resources }, report) => {
      await loadParser();
      for (const attestation of resources) {
        if (attestation.type !== schemaAttestationType || !isTaken(attestation, resources))
          continue;
        const { props, name, urn } = attestation;
        const schema = readWhole(props, "schema");
        for (const finding of judge(rule, by, schema, name)) report(finding, urn);
      }
    },
  };
}

/** The policies on attestations that judge one resource. */
export function liveSchemaPolicies(
  waivers: Waivers,
  contract = defaultContract,
): readonly ResourceValidationPolicy[] {
  return schemaRules.map((rule) => livePolicyOf(rule, { waivers, contract }));
}

/** The policies on attestations that judge the whole stack. */
export function attestedSchemaPolicies(
  waivers: Waivers,
  contract = defaultContract,
): readonly StackValidationPolicy[] {
  const by = { waivers, contract };
  return [schemaAttested, ...schemaRules.map((rule) => attestedPolicyOf(rule, by))];
}

/**
 * What of the databases of a stack could be waived, and which rules were asked: none where an attestation
 * does not tell yet how the stack leaves its database, and none where a release was undone, since what
 * comes back with it may need its waivers.
 */
export async function attestedWaivable(
  resources: readonly PolicyResource[],
  contract = defaultContract,
) {
  const none: { findings: Waivable[]; judged: string[] } = { findings: [], judged: [] };
  const attestations = resources.filter(({ type }) => type === schemaAttestationType);
  const isWhole =
    attestations.length > 0 &&
    attestations.every((each) => isTaken(each, resources)) &&
    !resources.some(({ type, props }) => type === migrationPlanType && isLowered(props));
  if (!isWhole) return none;
  await loadParser();
  try {
    const findings = attestations.flatMap(({ props }) => {
      const schema = readWhole(props, "schema");
      return schema.state === "known" ? judgeSchema(parsed(schema.value), undefined, contract) : [];
    });
    return { findings, judged: schemaRules.map(({ name }) => name) };
  } catch (error) {
    // The rules say so.
    if (error instanceof SchemaShapeError) return none;
    throw error;
  }
}

function isLowered(plan: PolicyResource["props"]): boolean {
  const target = read(plan, "target");
  return target.state !== "absent" && !(target.state === "known" && target.value === "");
}

/** @returns one message for each finding, or the reason why there can be none. */
function judge(
  rule: Rule,
  { waivers, contract }: JudgedBy,
  schema: Reading,
  name: string,
): string[] {
  // What no rule can be judged for, one of them says.
  const speaks = rule === schemaRules[0];
  if (schema.state !== "known") {
    if (!speaks) return [];
    return [
      `POL104 ${name}: the attestation holds no schema after the update, so no rule can be ` +
        "judged; the live catalog must be in it. Run `pulumi up` where the database can be reached.",
    ];
  }
  try {
    // What a rule cannot tell refuses nothing here: the attacker has tried it at preview.
    const findings = rule
      .judge(parsed(schema.value), contract)
      .filter(({ level }) => level === rule.level);
    return waive(findings, waivers).standing.map(
      ({ code, message }) => `${code} ${name}: in the live database, ${message}`,
    );
  } catch (error) {
    if (!(error instanceof SchemaShapeError)) throw error;
    return speaks ? [error.message] : [];
  }
}

let latest: { value: NonNullable<unknown>; schema: Schema } | undefined;

/** Each rule asks for the same schema, one after the other. */
function parsed(value: NonNullable<unknown>): Schema {
  if (latest?.value !== value) latest = { value, schema: parseSchema(value) };
  return latest.schema;
}

/**
 * Says whether an attestation tells of the database as this stack leaves it. A
 * resource that a preview will change shows its inputs, in which what the
 * provider alone sets is missing: `attestedAt` here, `appliedAt` of a migration
 * that is still to be applied or to heal what drifted.
 */
function isTaken(attestation: PolicyResource, resources: readonly PolicyResource[]): boolean {
  const before = dependenciesOf(attestation);
  const migrations = resources.filter(({ type, urn }) => type === migrationType && before.has(urn));
  return (
    read(attestation.props, "attestedAt").state === "known" &&
    migrations.every(({ props }) => read(props, "appliedAt").state === "known")
  );
}

function groupByParent(resources: readonly PolicyResource[]): PolicyResource[][] {
  const groups = new Map<string, PolicyResource[]>();
  for (const resource of resources) {
    const parent = resource.parent?.urn ?? resource.opts.parent ?? "";
    groups.set(parent, [...(groups.get(parent) ?? []), resource]);
  }
  return [...groups.values()];
}

/** The URNs of everything that a resource waits for, directly or not. */
function dependenciesOf(resource: PolicyResource): Set<string> {
  const found = new Set<string>();
  const queue = [resource];
  for (let next = queue.pop(); next; next = queue.pop()) {
    const direct = [...next.dependencies, ...Object.values(next.propertyDependencies).flat()];
    for (const dependency of direct) {
      if (found.has(dependency.urn)) continue;
      found.add(dependency.urn);
      queue.push(dependency);
    }
  }
  return found;
}
