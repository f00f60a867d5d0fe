import type { Environment } from "@app-data/rules";
import type { PolicyResource, ResourceValidationArgs, Severity } from "@pulumi/policy";
import { read, readWhole } from "../reading";

/** A control of AWS Foundational Security Best Practices, as Security Hub names it. */
export interface Control {
  /** Such as `RDS.2`; several where one rule holds more than one. */
  readonly id: string;
  readonly title: string;
}

/** What of a resource a rule looks at. */
export type Judged = Pick<ResourceValidationArgs, "type" | "name" | "urn" | "props" | "opts">;

/** The keys to follow, from a resource's properties down. */
export type Path = readonly (string | number)[];

/** What a check says: something is wrong, or it cannot tell because a value is not known yet. */
export type Verdict =
  | {
      readonly state: "broken";
      readonly on: Judged;
      /** What was found, what is required, what to write: the sentence goes on after the object. */
      readonly text: string;
    }
  | { readonly state: "unjudged"; readonly on: Judged; readonly property: string };

/** A whole number that the pack's configuration may change. */
export interface Setting {
  readonly description: string;
  /** The default. */
  readonly by: Readonly<Record<Environment, number>>;
  readonly minimum: number;
  readonly maximum: number;
}

/** What rules of one kind share. */
export interface Topic {
  /** `POL…`, in every message. */
  readonly code: string;
  /** Name of the page in `docs/policies`. */
  readonly page: string;
}

/** The values of a rule's settings. */
export type Settings = Readonly<Record<string, number>>;

interface AwsRuleData {
  /** Kebab-case. */
  readonly name: string;
  /** Absent for what no control demands and this stack does. */
  readonly control?: Control;
  readonly severity: Severity;
  /** What must hold, in one sentence. */
  readonly description: string;
  readonly remediation: string;
  readonly topic: Topic;
  /** Where it is not mandatory. */
  readonly levels?: Partial<Record<Environment, "advisory" | "disabled">>;
  readonly settings?: Readonly<Record<string, Setting>>;
}

/** A rule on the inputs of one resource: it speaks before the resource is changed. */
export interface ResourceRule extends AwsRuleData {
  readonly types: readonly string[];
  readonly check: (resource: Judged, settings: Settings) => Verdict[];
}

/** A rule on how resources belong together: it speaks when the stack is known. */
export interface StackRule extends AwsRuleData {
  readonly checkStack: (resources: readonly PolicyResource[], settings: Settings) => Verdict[];
}

/** Any rule on AWS resources. */
export type AwsRule = ResourceRule | StackRule;

/** Only where what is deployed has to last. */
export const lastingOnly = { local: "disabled", dev: "disabled" } as const;

/** The resource as messages and waivers name it, such as `Instance database`. */
export function objectOf({ type, name }: { type: string; name: string }): string {
  return `${type.split(":").at(-1)} ${name}`;
}

/** A verdict that something is wrong. */
export function broken(on: Judged, text: string): Verdict {
  return { state: "broken", on, text };
}

/** A verdict that a value is not known. */
export function unjudged(on: Judged, path: Path): Verdict {
  return { state: "unjudged", on, property: path.join(".") };
}

/**
 * Judges one property, with all that is below it.
 * @param wrong given the value, undefined when it is not set; says what is wrong with it.
 */
export function demand(
  on: Judged,
  path: Path,
  wrong: (value: unknown) => string | undefined,
): Verdict[] {
  const reading = readWhole(on.props, ...path);
  if (reading.state === "unknown") return [unjudged(on, path)];
  const text = wrong(reading.state === "known" ? reading.value : undefined);
  return text === undefined ? [] : [broken(on, text)];
}

/** Judges each element of a list by its path; a list that is not set has none. */
export function forEachOf(on: Judged, list: Path, check: (element: Path) => Verdict[]): Verdict[] {
  const reading = read(on.props, ...list);
  if (reading.state === "unknown") return [unjudged(on, list)];
  const elements: readonly unknown[] =
    reading.state === "known" && Array.isArray(reading.value) ? reading.value : [];
  return Array.from(elements.keys()).flatMap((index) => check([...list, index]));
}

/** Demands that a switch is on; not set is off. */
export function demandOn(on: Judged, key: string): Verdict[] {
  return demand(on, [key], (value) =>
    value === true
      ? undefined
      : `has ${key} ${value === undefined ? "unset" : "off"}; it must be true. Set \`${key}: true\`.`,
  );
}

/** Demands that a switch is off; not set is off. */
export function demandOff(on: Judged, key: string): Verdict[] {
  return demand(on, [key], (value) =>
    value === undefined || value === false
      ? undefined
      : `has ${key} on; it must be false. Set \`${key}: false\`.`,
  );
}

/** Demands a number of at least so much; not set is too little. */
export function demandAtLeast(on: Judged, key: string, least: number): Verdict[] {
  return demand(on, [key], (value) =>
    typeof value === "number" && value >= least
      ? undefined
      : `has ${key} ${typeof value === "number" ? value : "unset"}; it must be at least ${least}. ` +
        `Set \`${key}: ${least}\`.`,
  );
}
