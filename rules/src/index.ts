export { loadModule as loadParser } from "libpg-query";
export {
  type Contract,
  ContractError,
  type ObjectName,
  type UsersTable,
  contractFile,
  contractPresets,
  defaultContract,
  parseContract,
  projectContract,
  readContract,
  requestRolesOf,
} from "./model/contract";
export { type Call, constantText, functionCalls, parseExpression } from "./expressions";
export { type Step, readPlPgSql } from "./plpgsql-steps";
export { copiedColumnOf } from "./generated-copies";
export { largeObjectIn } from "./large-object-names";
export { quoteName } from "./names";
export { rowSecurityRule } from "./row-security";
export { type Found, type Rule, type Severity, defineRule } from "./rule";
export { judgeSchema, schemaRules } from "./rule-set";
export type {
  Column,
  DatabaseFunction,
  DefaultPrivilege,
  Finding,
  ForeignKey,
  ForeignKeyAction,
  Grant,
  Level,
  Membership,
  Namespace,
  Operator,
  Origin,
  Role,
  RowPolicy,
  RowPolicyCommand,
  Schema,
  SessionSetting,
  Table,
  TableKind,
  Transition,
  Trigger,
  View,
} from "./schema";
export { SchemaShapeError, parseSchema } from "./schema-shape";
export {
  type Remark,
  type SqlFile,
  type SqlSchema,
  SqlSchemaReader,
  readSqlSchema,
} from "./sql-schema";
export {
  claimsSetting,
  migrationRole,
  ownerColumnNames,
  tenantNames,
  requestRoles,
  sealedTables,
  usersTable,
} from "./contract";
export {
  type Position,
  type Statement,
  SqlSyntaxError,
  positionAt,
  splitStatements,
} from "./statements";
export { type TrialRule, type TrialRuleName, trialRule, trialRules } from "./trial-rules";
export { databaseRules, waive } from "./database-waivers";
export {
  WaiverFileError,
  type WaiverPlace,
  parseWaivers,
  readWaivers,
  waiverFile,
} from "./waiver-file";
export {
  type Environment,
  type Waivable,
  type WaivableRule,
  type WaivableRules,
  type Waived,
  type Waiver,
  type WaiverFinding,
  type Waivers,
  applyWaivers,
  covers,
  environments,
} from "./waivers";
export { significantTokens } from "./tokens";
