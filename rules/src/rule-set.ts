import { anonymousRightsRule } from "./anonymous-rights";
import { defaultPrivilegesRule } from "./default-privileges";
import { foreignKeyActionsRule } from "./foreign-key-actions";
import { functionSearchPathRule } from "./function-search-path";
import { grantedCopiesRule } from "./granted-copies";
import { identityFunctionsRule } from "./identity-functions";
import { largeObjectsRule } from "./large-objects";
import { notificationsRule } from "./notifications";
import { objectOwnersRule } from "./object-owners";
import { policyConfinementRule } from "./policy-confinement";
import { policyCoverageRule } from "./policy-coverage";
import { policyDuplicatesRule } from "./policy-duplicates";
import { policyIndexRule } from "./policy-index";
import { policyInitplanRule } from "./policy-initplan";
import { policyRolesRule } from "./policy-roles";
import { policyWriteCheckRule } from "./policy-write-check";
import { publicExecutionRule } from "./public-execution";
import { publicRightsRule } from "./public-rights";
import { rewriteRulesRule } from "./rewrite-rules";
import { rolePowersRule } from "./role-powers";
import { rowSecurityRule } from "./row-security";
import type { Rule } from "./rule";
import type { Finding, Level, Schema } from "./schema";
import { securityDefinerRule } from "./security-definer";
import { sessionSettingsRule } from "./session-settings";
import { sharedContentsRule } from "./shared-contents";
import { tablePoliciesRule } from "./table-policies";
import { triggerOwnersRule } from "./trigger-owners";
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
  tablePoliciesRule,
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
  triggerOwnersRule,
  notificationsRule,
  largeObjectsRule,
  policyInitplanRule,
  policyIndexRule,
  policyDuplicatesRule,
  publicExecutionRule,
  foreignKeyActionsRule,
  sharedContentsRule,
];

/** Judges a schema by every rule, or by those of one level. The parser has to be loaded. */
export function judgeSchema(schema: Schema, level?: Level): Finding[] {
  return schemaRules
    .filter((rule) => level === undefined || rule.level === level)
    .flatMap(({ judge }) => judge(schema));
}
