export { type Call, constantText, functionCalls, parseExpression } from "./expressions";
export { type Step, readPlPgSql } from "./plpgsql-steps";
export { quoteName } from "./names";
export { judgeRowSecurity, rowSecurityRule } from "./row-security";
export type { Rule, Severity } from "./rule";
export { judgeSchema, schemaRules } from "./rule-set";
export type {
  DatabaseFunction,
  DefaultPrivilege,
  Finding,
  Grant,
  Membership,
  Namespace,
  Origin,
  Role,
  RowPolicy,
  RowPolicyCommand,
  Schema,
  Table,
  TableKind,
  View,
} from "./schema";
export { SchemaShapeError, parseSchema } from "./schema-shape";
export { type Remark, type SqlFile, type SqlSchema, readSqlSchema } from "./sql-schema";
export {
  type Position,
  type Statement,
  SqlSyntaxError,
  positionAt,
  significantTokens,
  splitStatements,
} from "./statements";
export { type TrialRule, type TrialRuleName, trialRule, trialRules } from "./trial-rules";
export { WaiverFileError, parseWaivers } from "./waiver-file";
export {
  type Environment,
  type Waivable,
  type Waived,
  type Waiver,
  type WaiverContext,
  type WaiverFinding,
  applyWaivers,
  environments,
} from "./waivers";
