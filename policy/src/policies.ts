import type { Policies } from "@pulumi/policy";
import { awsPolicies } from "./aws/policies";
import { migrationSqlPolicies } from "./migration-sql";
import { packContext } from "./pack-context";
import { attestedSchemaPolicies, liveSchemaPolicies } from "./schema-attestation";

/** Every policy of the pack, at the levels of the stack's environment. */
export const policies: Policies = [
  ...migrationSqlPolicies,
  ...liveSchemaPolicies,
  ...attestedSchemaPolicies,
  ...awsPolicies(packContext(process.env)),
];
