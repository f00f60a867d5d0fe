import type { Policies } from "@pulumi/policy";
import { type PackContext, awsPolicies } from "./aws/policies";
import { type MigrationContext, migrationSqlPolicies } from "./migration-sql";
import { attestedSchemaPolicies, liveSchemaPolicies } from "./schema-attestation";
import { waiversNeeded } from "./waivers-needed";

/** Every policy of the pack, at the levels of the stack's environment. */
export function policiesOf(context: PackContext & MigrationContext): Policies {
  const { waivers } = context;
  const { contract } = context.migrations;
  return [
    ...migrationSqlPolicies(context),
    ...liveSchemaPolicies(waivers, contract),
    ...attestedSchemaPolicies(waivers, contract),
    ...awsPolicies(context),
    waiversNeeded(context, contract),
  ];
}
