import { type TrialRuleName, trialRule } from "@app-data/rules";

/** Something that the trial found, in the shape of the findings of rules. */
export interface TrialFinding {
  /** The rule's name, kebab-case. */
  rule: TrialRuleName;
  code: string;
  level: "mandatory" | "advisory";
  /** The table, view, function or file. */
  object: string;
  /** What came back or was changed, and what would have been right. */
  message: string;
  remediation: string;
  /** Where the object was made, in the migrations. */
  file?: string;
  line?: number;
  /** A script for psql that shows it, to be run by a superuser in a database with these migrations. */
  reproduction?: string;
}

/** A finding with what its rule says of it in general. */
export function trialFinding(
  rule: TrialRuleName,
  rest: Pick<TrialFinding, "object" | "message"> & Partial<TrialFinding>,
): TrialFinding {
  const { code, remediation } = trialRule(rule);
  return { rule, code, level: "mandatory", remediation, ...rest };
}
