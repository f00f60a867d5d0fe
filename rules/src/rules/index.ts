import { type Contract, defaultContract } from "../model/contract";
import type { Finding, Level, Schema } from "../model/schema";
import { anonymousRightsRule } from "./anonymous-rights";
import { defaultPrivilegesRule } from "./default-privileges";
import { foreignKeyActionsRule } from "./foreign-key-actions";
import { functionSearchPathRule } from "./function-search-path";
import { grantedCopiesRule } from "./granted-copies";
import { identityFunctionsRule } from "./identity-functions";
import { largeObjectsRule } from "./large-objects";
import { notificationsRule } from "./notifications";
import { objectOwnersRule } from "./object-owners";
import { personalDataRule } from "./personal-data";
import { policyConfinementRule } from "./policy-confinement";
import { policyCoverageRule } from "./policy-coverage";
import { policyDuplicatesRule } from "./policy-duplicates";
import { policyIndexRule } from "./policy-index";
import { policyInitplanRule } from "./policy-initplan";
import { policyRecursionRule } from "./policy-recursion";
import { policyRolesRule } from "./policy-roles";
import { policyWriteCheckRule } from "./policy-write-check";
import { publicExecutionRule } from "./public-execution";
import { publicRightsRule } from "./public-rights";
import { rewriteRulesRule } from "./rewrite-rules";
import { rolePowersRule } from "./role-powers";
import { rowSecurityRule } from "./row-security";
import type { Rule } from "./rule";
import { securityDefinerRule } from "./security-definer";
import { sessionSettingsRule } from "./session-settings";
import { softDeleteRule } from "./soft-delete";
import { tablePoliciesRule } from "./table-policies";
import { unconfinedRightsRule } from "./unconfined-rights";
import { viewInvokerRule } from "./view-invoker";

/**
 * Every rule. The migrator's gate before commit, the policy pack at preview and
 * the judgement of attestations all take them from here.
 */
export const schemaRules: readonly Rule[] = [
  rowSecurityRule,
  policyConfinementRule,
  policyWriteCheckRule,
  policyRolesRule,
  policyCoverageRule,
  policyRecursionRule,
  tablePoliciesRule,
  personalDataRule,
  publicRightsRule,
  anonymousRightsRule,
  unconfinedRightsRule,
  objectOwnersRule,
  rolePowersRule,
  functionSearchPathRule,
  securityDefinerRule,
  identityFunctionsRule,
  viewInvokerRule,
  grantedCopiesRule,
  defaultPrivilegesRule,
  rewriteRulesRule,
  sessionSettingsRule,
  notificationsRule,
  largeObjectsRule,
  policyInitplanRule,
  policyIndexRule,
  policyDuplicatesRule,
  publicExecutionRule,
  foreignKeyActionsRule,
  softDeleteRule,
];

/**
 * Judges a schema by every rule. The parser has to be loaded.
 * @param level leaves out findings of the other.
 */
export function judgeSchema(
  schema: Schema,
  level?: Level,
  contract: Contract = defaultContract,
): Finding[] {
  return schemaRules
    .filter((rule) => level !== "mandatory" || rule.level === level)
    .flatMap(({ judge }) => judge(schema, contract))
    .filter((finding) => level === undefined || finding.level === level);
}
