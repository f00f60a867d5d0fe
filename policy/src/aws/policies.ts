import { type Environment, type Waivable, type Waivers, applyWaivers } from "@app-data/rules";
import type {
  EnforcementLevel,
  PolicyConfigSchema,
  PolicyResource,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import { page } from "../page";
import { asProgrammed } from "./programmed";
import { type AwsRule, type Settings, type Verdict, objectOf } from "./rule";
import { awsRules } from "./rules";

/** What the policies of one run are made for. */
export interface PackContext {
  readonly environment: Environment;
  readonly waivers: Waivers;
}

type Policy = ResourceValidationPolicy | StackValidationPolicy;

interface AwsFinding extends Waivable {
  readonly urn: string;
  readonly message: string;
}

/** The policies on AWS resources, at the levels of an environment; and the one on the unknown. */
export function awsPolicies(context: PackContext): readonly Policy[] {
  return [...awsRules.map((rule) => policyOf(rule, context)), awsProvable(context)];
}

/** What of a stack could be waived, and which rules were asked. */
export function awsWaivable(environment: Environment, stack: readonly PolicyResource[]) {
  const resources = stack.map(asProgrammed);
  const rules = awsRules.filter((rule) => levelOf(rule, environment) !== "disabled");
  // What cannot be judged yet may turn out to need its waiver.
  const findings = rules.flatMap((rule) =>
    judge(rule, environment, resources).map(({ on }): Waivable => ({
      rule: rule.name,
      object: objectOf(on),
    })),
  );
  return { findings, judged: rules.map(({ name }) => name) };
}

function policyOf(rule: AwsRule, context: PackContext): Policy {
  const shared = {
    name: rule.name,
    description: rule.description,
    enforcementLevel: levelOf(rule, context.environment),
    severity: rule.severity,
    tags: ["aws", rule.topic.page],
    remediationSteps: rule.remediation,
    url: page(rule.topic.page),
    ...(rule.control && { framework: frameworkOf(rule.control) }),
    ...(rule.settings && { configSchema: schemaOf(rule, context.environment) }),
  };
  const standing = (verdicts: Verdict[]): AwsFinding[] =>
    applyWaivers(findingsOf(rule, verdicts), context.waivers, { known: awsRules, judged: [] })
      .standing;
  if ("check" in rule) {
    return {
      ...shared,
      validateResource: (args, report) => {
        if (!rule.types.includes(args.type)) return;
        const settings = settingsOf(rule, context.environment, args.getConfig());
        for (const { message } of standing(rule.check(args, settings))) report(message);
      },
    };
  }
  return {
    ...shared,
    validateStack: (args, report) => {
      const settings = settingsOf(rule, context.environment, args.getConfig());
      const verdicts = rule.checkStack(args.resources.map(asProgrammed), settings);
      for (const { message, urn } of standing(verdicts)) report(message, urn);
    },
  };
}

/** What the rules could not see is said and counted, so that silence means that it was judged. */
function awsProvable({ environment }: PackContext): StackValidationPolicy {
  return {
    name: "aws-provable",
    description: "What the rules on AWS resources look at is known.",
    // At the preview of a new stack much is unknown; the update judges it before it makes the resource.
    enforcementLevel: "advisory",
    severity: "medium",
    tags: ["aws"],
    remediationSteps: "Give the value in the program, or judge it after the update.",
    url: page("aws-provable"),
    validateStack: (args, report) => {
      const resources = args.resources.map(asProgrammed);
      const unseen = awsRules
        .filter((rule) => levelOf(rule, environment) !== "disabled")
        .flatMap((rule) =>
          judge(rule, environment, resources).flatMap((verdict) =>
            verdict.state === "unjudged" ? [{ rule, verdict }] : [],
          ),
        );
      unseen.forEach(({ rule: { name, control }, verdict: { on, property } }, index) => {
        const asked = control ? `${name} (${control.id})` : name;
        report(
          `POL173 ${index + 1} of ${unseen.length} not judged: ${objectOf(on)} has ${property} not ` +
            `known yet, which ${asked} needs; it is judged in the update. Give the value ` +
            "in the program to have it judged here.",
          on.urn,
        );
      });
    },
  };
}

/** With the settings that are the default: a configured one is for the rule's own policy. */
function judge(
  rule: AwsRule,
  environment: Environment,
  resources: readonly PolicyResource[],
): Verdict[] {
  const settings = settingsOf(rule, environment, {});
  return "check" in rule
    ? resources
        .filter(({ type }) => rule.types.includes(type))
        .flatMap((resource) => rule.check(resource, settings))
    : rule.checkStack(resources, settings);
}

function findingsOf({ name, topic }: AwsRule, verdicts: readonly Verdict[]): AwsFinding[] {
  return verdicts.flatMap((verdict) => {
    if (verdict.state !== "broken") return [];
    const object = objectOf(verdict.on);
    const message = `${topic.code} ${object} ${verdict.text}`;
    return [{ rule: name, object, urn: verdict.on.urn, message }];
  });
}

function levelOf({ levels }: AwsRule, environment: Environment): EnforcementLevel {
  return levels?.[environment] ?? "mandatory";
}

function frameworkOf({ id, title }: NonNullable<AwsRule["control"]>) {
  return {
    name: "AWS Foundational Security Best Practices",
    version: "1.0.0",
    reference: id,
    specification: title,
  };
}

function schemaOf({ settings = {} }: AwsRule, environment: Environment): PolicyConfigSchema {
  return {
    properties: Object.fromEntries(
      Object.entries(settings).map(([key, { description, by, minimum, maximum }]) => [
        key,
        { type: "integer", description, default: by[environment], minimum, maximum },
      ]),
    ),
  };
}

/** What the engine hands over holds the schema's defaults; without an engine it is empty. */
function settingsOf(
  { settings = {} }: AwsRule,
  environment: Environment,
  configured: object,
): Settings {
  const given: Record<string, unknown> = { ...configured };
  return Object.fromEntries(
    Object.entries(settings).map(([key, { by }]) => {
      const value = given[key];
      return [key, typeof value === "number" ? value : by[environment]];
    }),
  );
}
