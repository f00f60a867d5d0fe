import { type Contract, defaultContract } from "../model/contract";
import type { Finding, Level, Schema } from "../model/schema";
import { anonymousRightsRule } from "./rights/anonymous-rights";
import { defaultPrivilegesRule } from "./rights/default-privileges";
import { foreignKeyActionsRule } from "./tables/foreign-key-actions";
import { functionSearchPathRule } from "./functions/function-search-path";
import { grantedCopiesRule } from "./functions/granted-copies";
import { identityFunctionsRule } from "./functions/identity-functions";
import { largeObjectsRule } from "./functions/large-objects";
import { notificationsRule } from "./functions/notifications";
import { objectOwnersRule } from "./rights/object-owners";
import { personalDataRule } from "./tables/personal-data";
import { policyConfinementRule } from "./tables/policy-confinement";
import { policyCoverageRule } from "./tables/policy-coverage";
import { policyDuplicatesRule } from "./tables/policy-duplicates";
import { policyIndexRule } from "./tables/policy-index";
import { policyInitplanRule } from "./tables/policy-initplan";
import { policyRecursionRule } from "./tables/policy-recursion";
import { policyRolesRule } from "./tables/policy-roles";
import { policyWriteCheckRule } from "./tables/policy-write-check";
import { publicExecutionRule } from "./functions/public-execution";
import { publicRightsRule } from "./rights/public-rights";
import { rewriteRulesRule } from "./functions/rewrite-rules";
import { rolePowersRule } from "./rights/role-powers";
import { rowSecurityRule } from "./tables/row-security";
import type { Rule } from "./rule";
import { securityDefinerRule } from "./functions/security-definer";
import { sessionSettingsRule } from "./rights/session-settings";
import { softDeleteRule } from "./tables/soft-delete";
import { tablePoliciesRule } from "./tables/table-policies";
import { unconfinedRightsRule } from "./rights/unconfined-rights";
import { viewInvokerRule } from "./functions/view-invoker";

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
