import type { Policies } from "@pulumi/policy";
import { type PackContext, awsPolicies } from "./aws/policies";
import { type MigrationContext, migrationSqlPolicies } from "./migration-sql";
import { attestedSchemaPolicies, liveSchemaPolicies } from "./schema-attestation";
import { waiversNeeded } from "./waivers-needed";

/** Every policy of the pack, at the levels of the stack's environment. */
export function policiesOf(context: PackContext & MigrationContext): Policies {
  const { waivers } = context;
  return [
    ...migrationSqlPolicies(context),
    ...liveSchemaPolicies(waivers),
    ...attestedSchemaPolicies(waivers),
    ...awsPolicies(context),
    waiversNeeded(context),
  ];
}
