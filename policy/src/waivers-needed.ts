import { applyWaivers, databaseRules, defaultContract } from "@app-data/rules";
import type { StackValidationPolicy } from "@pulumi/policy";
import { type PackContext, awsWaivable } from "./aws/policies";
import { awsRules } from "./aws/rules";
import { page } from "./page";
import { attestedWaivable } from "./schema-attestation";

/** A waiver that waives nothing would hide the next fault. */
export function waiversNeeded(
  { environment, waivers }: PackContext,
  contract = defaultContract,
): StackValidationPolicy {
  return {
    name: "waivers",
    description: "Every waiver is exact, needed and not expired.",
    enforcementLevel: "mandatory",
    severity: "high",
    tags: ["waivers"],
    remediationSteps: "Correct, renew or remove the waiver in policy/waivers.json.",
    url: page("waivers"),
    validateStack: async ({ resources }, report) => {
      const ofAws = awsWaivable(environment, resources);
      const ofDatabase = await attestedWaivable(resources, contract);
      const findings = [...ofAws.findings, ...ofDatabase.findings];
      const judged = [...ofAws.judged, ...ofDatabase.judged];
      const known = [...awsRules, ...databaseRules];
      const { problems } = applyWaivers(findings, waivers, { known, judged });
      for (const { code, message, remediation, file } of problems)
        report(`${code} ${file}: ${message}. ${remediation}`);
    },
  };
}
