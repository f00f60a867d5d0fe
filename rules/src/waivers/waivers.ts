import type { Finding } from "../model/schema";
import { type Decoded, list, object, oneOf, optional, string } from "../model/shape";

/** The environments, from the least to the most demanding. */
export const environments = ["local", "dev", "staging", "prod"] as const;

/** What a stack is for; levels and waivers may differ by it. */
export type Environment = (typeof environments)[number];

/** That one rule need not hold of one object for some time. */
export type Waiver = Decoded<typeof readWaiver>;

/** Reads a waiver. @throws ShapeError for what is none. */
export const readWaiver = object({
  /** Name of the rule. */
  rule: string,
  /** The object as findings name it: `public.users`, `Instance database`. */
  object: string,
  /** Why it is safe, or what makes up for it, in a sentence. */
  reason: string,
  /** Who answers for it: a team or an address. */
  owner: string,
  /** Day on which it was given, `YYYY-MM-DD`. */
  granted: string,
  /** Last day on which it holds, `YYYY-MM-DD`. */
  expires: string,
  /** Where it holds; in every environment when absent. */
  environments: optional(list(oneOf(...environments))),
});

/** What a waiver can be about. */
export interface Waivable {
  readonly rule: string;
  readonly object: string;
}

/** The waivers of a project, and where and when they are asked about. */
export interface Waivers {
  readonly entries: readonly Waiver[];
  /** The file that they stand in, for messages. */
  readonly file: string;
  /** Where; absent where files are judged for every environment, so a waiver for some does not hold. */
  readonly environment?: Environment;
  /** `YYYY-MM-DD`. */
  readonly today: string;
}

/** A rule as waivers see it. */
export interface WaivableRule {
  readonly name: string;
  /** @default true */
  readonly waivable?: boolean;
}

/** Findings after waivers. */
export interface Waived<F extends Waivable> {
  /** What stands. */
  readonly standing: F[];
  /** What a waiver took away. */
  readonly waived: { readonly finding: F; readonly waiver: Waiver }[];
  /** What is wrong with the waivers; always mandatory. */
  readonly problems: Finding[];
}

const LONGEST_DAYS = 366;
const SHORTEST_REASON = 20;
const DAY_MS = 86_400_000;

/**
 * Takes away the findings that are waived, and says which waivers are vague (POL172), of what cannot be
 * waived (POL178), expired (POL170) or used by nothing (POL171). Only a waiver without fault takes
 * anything away.
 *
 * @param rules `known` are all that a waiver may be about; `judged` names those that were judged completely:
 * a waiver of another cannot be called unused.
 */
export function applyWaivers<F extends Waivable>(
  findings: readonly F[],
  waivers: Waivers,
  rules: { known: readonly WaivableRule[]; judged: readonly string[] },
): Waived<F> {
  const { environment, today, file } = waivers;
  const here = waivers.entries.filter(
    ({ environments: places }) =>
      !places || (environment !== undefined && places.includes(environment)),
  );
  const faults = new Map(here.map((waiver) => [waiver, faultOf(waiver, today, rules.known)]));
  const used = new Set<Waiver>();
  const waived: Waived<F>["waived"] = [];
  const standing = findings.filter((finding) => {
    const waiver = here.find((each) => !faults.get(each) && covers(each, finding));
    if (waiver) waived.push({ finding, waiver });
    if (waiver) used.add(waiver);
    return !waiver;
  });
  const problems = here.flatMap((waiver): Finding[] => {
    const isUnused = !used.has(waiver) && rules.judged.includes(waiver.rule);
    const fault = faults.get(waiver) ?? (isUnused ? unused : undefined);
    if (!fault) return [];
    const object = `${waiver.rule} of ${waiver.object}`;
    const message = `the waiver of ${object} ${fault.found}`;
    const { code, remediation } = fault;
    return [{ rule: "waivers", code, level: "mandatory", object, file, message, remediation }];
  });
  return { standing, waived, problems };
}

/** Whether a waiver names what a finding is about. */
export function covers(waiver: Waivable, finding: Waivable): boolean {
  return waiver.rule === finding.rule && waiver.object === finding.object;
}

/** What is wrong with a waiver: the sentence goes on after its name. */
interface Fault {
  code: string;
  found: string;
  remediation: string;
}

const unused: Fault = {
  code: "POL171",
  found: "waives nothing: the rule finds no fault with the object; a waiver must be needed",
  remediation: "Remove it, or correct the object's name.",
};

/** What is wrong with a waiver, whether or not something needs it. */
function faultOf(waiver: Waiver, today: string, known: readonly WaivableRule[]): Fault | undefined {
  const rule = known.find(({ name }) => name === waiver.rule);
  const vague = rule ? vagueness(waiver) : `names no rule: "${waiver.rule}"`;
  if (vague !== undefined) {
    return {
      code: "POL172",
      found:
        `${vague}; a waiver names one rule, one object, a reason and an owner, and lasts at most ` +
        `${LONGEST_DAYS} days`,
      remediation: "Say exactly what is waived, why, by whom and until when.",
    };
  }
  if (rule?.waivable === false) {
    return {
      code: "POL178",
      found: "takes nothing away: this rule cannot be waived, whatever the reason",
      remediation: "Remove it, and correct the object.",
    };
  }
  if (waiver.expires >= today) return undefined;
  return {
    code: "POL170",
    found: `expired on ${waiver.expires}, so the rule holds again; today is ${today}`,
    remediation: "Correct the object, or give a new waiver with a reason of today.",
  };
}

function vagueness({ object, reason, owner, granted, expires }: Waiver): string | undefined {
  if (object.trim() === "" || /[*?%]/.test(object)) return `names no single object: "${object}"`;
  if (reason.trim().length < SHORTEST_REASON) return "gives no reason that explains anything";
  if (owner.trim() === "") return "has no owner";
  const days = (dateOf(expires) - dateOf(granted)) / DAY_MS;
  if (Number.isNaN(days)) return "has a date that is not of the form YYYY-MM-DD";
  if (days < 0) return `expires (${expires}) before it was given (${granted})`;
  return days > LONGEST_DAYS ? `lasts ${days} days` : undefined;
}

/** Milliseconds since the epoch; NaN for what is no day of the calendar. */
function dateOf(text: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  return Number.isNaN(time) || new Date(time).toISOString().startsWith(text) ? time : NaN;
}
