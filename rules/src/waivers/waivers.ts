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

/** A fault of a waiver; always mandatory. */
export interface WaiverFinding extends Finding {
  readonly level: "mandatory";
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

/** Which rules a waiver may be about. */
export interface WaivableRules {
  /** All that there are. */
  readonly known: readonly WaivableRule[];
  /** Names of those that were judged completely: a waiver of another cannot be called unused. */
  readonly judged: readonly string[];
}

/** Findings after waivers. */
export interface Waived<F extends Waivable> {
  /** What stands. */
  readonly standing: F[];
  /** What a waiver took away. */
  readonly waived: { readonly finding: F; readonly waiver: Waiver }[];
  /** What is wrong with the waivers. */
  readonly problems: WaiverFinding[];
}

const LONGEST_DAYS = 366;
const SHORTEST_REASON = 20;
const DAY_MS = 86_400_000;

/**
 * Takes away the findings that are waived, and says which waivers are vague (POL172), of what cannot be
 * waived (POL178), expired (POL170) or used by nothing (POL171). Only a waiver without fault takes
 * anything away.
 */
export function applyWaivers<F extends Waivable>(
  findings: readonly F[],
  waivers: Waivers,
  { known, judged }: WaivableRules,
): Waived<F> {
  const { environment } = waivers;
  const here = waivers.entries.filter(
    ({ environments: places }) =>
      !places || (environment !== undefined && places.includes(environment)),
  );
  const faults = new Map(here.map((waiver) => [waiver, faultOf(waiver, waivers, known)]));
  const valid = here.filter((waiver) => faults.get(waiver) === undefined);
  const standing: F[] = [];
  const waived: Waived<F>["waived"] = [];
  for (const finding of findings) {
    const waiver = valid.find((each) => covers(each, finding));
    if (waiver) waived.push({ finding, waiver });
    else standing.push(finding);
  }
  const used = new Set(waived.map(({ waiver }) => waiver));
  const problems = here.flatMap((waiver): WaiverFinding[] => {
    const fault = faults.get(waiver);
    if (fault) return [fault];
    if (used.has(waiver) || !judged.includes(waiver.rule)) return [];
    return [
      problem(waiver, waivers.file)(
        "POL171",
        "waives nothing: the rule finds no fault with the object; a waiver must be needed",
        "Remove it, or correct the object's name.",
      ),
    ];
  });
  return { standing, waived, problems };
}

/** Whether a waiver names what a finding is about. */
export function covers(waiver: Waivable, finding: Waivable): boolean {
  return waiver.rule === finding.rule && waiver.object === finding.object;
}

/** What is wrong with a waiver, whether or not something needs it. */
function faultOf(
  waiver: Waiver,
  { today, file }: Waivers,
  known: readonly WaivableRule[],
): WaiverFinding | undefined {
  const say = problem(waiver, file);
  const rule = known.find(({ name }) => name === waiver.rule);
  const vague = rule ? vagueness(waiver) : `names no rule: "${waiver.rule}"`;
  if (vague !== undefined) {
    return say(
      "POL172",
      `${vague}; a waiver names one rule, one object, a reason and an owner, and lasts at most ` +
        `${LONGEST_DAYS} days`,
      "Say exactly what is waived, why, by whom and until when.",
    );
  }
  if (rule?.waivable === false) {
    return say(
      "POL178",
      "takes nothing away: this rule cannot be waived, whatever the reason",
      "Remove it, and correct the object.",
    );
  }
  if (waiver.expires >= today) return undefined;
  return say(
    "POL170",
    `expired on ${waiver.expires}, so the rule holds again; today is ${today}`,
    "Correct the object, or give a new waiver with a reason of today.",
  );
}

function vagueness(waiver: Waiver): string | undefined {
  const { object, reason, owner, granted, expires } = waiver;
  if (object.trim() === "" || /[*?%]/.test(object)) return `names no single object: "${object}"`;
  if (reason.trim().length < SHORTEST_REASON) return "gives no reason that explains anything";
  if (owner.trim() === "") return "has no owner";
  const days = (dateOf(expires) - dateOf(granted)) / DAY_MS;
  if (Number.isNaN(days)) return "has a date that is not of the form YYYY-MM-DD";
  if (days < 0) return `expires (${expires}) before it was given (${granted})`;
  return days > LONGEST_DAYS ? `lasts ${days} days` : undefined;
}

function problem(waiver: Waiver, file: string) {
  const object = `${waiver.rule} of ${waiver.object}`;
  return (code: string, found: string, remediation: string): WaiverFinding => ({
    rule: "waivers",
    code,
    level: "mandatory",
    object,
    file,
    message: `the waiver of ${object} ${found}`,
    remediation,
  });
}

/** Milliseconds since the epoch; NaN for what is no day of the calendar. */
function dateOf(text: string): number {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return NaN;
  const time = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(time) || new Date(time).toISOString().startsWith(text) ? time : NaN;
}
