import type { Policies } from "@pulumi/policy";
import { migrationSqlPolicies } from "./migration-sql";
import { attestedSchemaPolicies, liveSchemaPolicies } from "./schema-attestation";
import { storageResourcePolicies, storageStackPolicies } from "./storage-encryption";

/** Every policy of the pack. */
export const policies: Policies = [
  ...migrationSqlPolicies,
  ...liveSchemaPolicies,
  ...attestedSchemaPolicies,
  ...storageResourcePolicies,
  ...storageStackPolicies,
];
