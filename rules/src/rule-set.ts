import { rowSecurityRule } from "./row-security";
import type { Rule } from "./rule";
import type { Finding, Schema } from "./schema";

/**
 * Every rule. The migrator's gate before commit, the policy pack at preview and
 * the judgement of attestations all take them from here.
 */
export const schemaRules: readonly Rule[] = [rowSecurityRule];

/** Judges a schema by every rule. */
export function judgeSchema(schema: Schema): Finding[] {
  return schemaRules.flatMap(({ judge }) => judge(schema));
}
