import type { Environment, Waiver } from "@app-data/rules";
import type { Policies } from "@pulumi/policy";
import { awsPolicies } from "../../policy/src/aws/policies";
import { waiversNeeded } from "../../policy/src/waivers-needed";
import { waiversOf } from "./project-waivers";

/** The policies on AWS resources, and on waivers, in an environment: those of one page, or all. */
export function awsPoliciesOf(
  environment: Environment,
  page?: string,
  entries: readonly Waiver[] = [],
): Policies {
  const context = { environment, waivers: waiversOf(entries, environment) };
  return [...awsPolicies(context), waiversNeeded(context)].filter(
    ({ url }) => page === undefined || url === `docs/policies/${page}.md`,
  );
}
