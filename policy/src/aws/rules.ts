import { bucketPartRules, bucketRules } from "./buckets";
import { dataProtectionRules } from "./data-protection";
import { databaseAccessRules } from "./database-access";
import { databaseParameterRules } from "./database-parameters";
import { recordRules } from "./database-records";
import { databaseRoleRules } from "./database-roles";
import { databaseRecoveryRules } from "./database-recovery";
import { bucketEncryptedRule, encryptionRules } from "./encryption";
import { iamRoleRules } from "./iam-roles";
import { apiKeyContextRule, keyRules } from "./keys";
import { networkRules, networkStackRules } from "./network";
import { ownKeyRules } from "./own-keys";
import type { AwsRule } from "./rule";
import { secretRules } from "./secrets";

/** Every rule on AWS resources. */
export const awsRules: readonly AwsRule[] = [
  ...encryptionRules,
  ...databaseAccessRules,
  ...databaseRoleRules,
  ...databaseRecoveryRules,
  ...recordRules,
  ...keyRules,
  ...iamRoleRules,
  ...dataProtectionRules,
  ...secretRules,
  ...networkRules,
  ...bucketPartRules,
  bucketEncryptedRule,
  ...ownKeyRules,
  apiKeyContextRule,
  ...databaseParameterRules,
  ...bucketRules,
  ...networkStackRules,
];
