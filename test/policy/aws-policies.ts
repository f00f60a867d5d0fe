import type { Environment, Waiver } from "@app-data/rules";
import type { Policies } from "@pulumi/policy";
import { awsPolicies } from "../../policy/src/aws/policies";

/** The policies on AWS resources in an environment: those of one page, or all. */
export function awsPoliciesOf(
  environment: Environment,
  page?: string,
  waivers: readonly Waiver[] = [],
): Policies {
  const today = "2026-11-22";
  const waiverFile = "policy/waivers.json";
  const otherRules = ["row-level-security"];
  return awsPolicies({ environment, waivers, waiverFile, today, otherRules }).filter(
    ({ url }) => page === undefined || url === `docs/policies/${page}.md`,
  );
}
