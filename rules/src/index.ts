export { loadModule as loadParser } from "libpg-query";
export {
  type Contract,
  ContractError,
  contractPresets,
  defaultContract,
  parseContract,
  projectContract,
  readContract,
  requestRolesOf,
} from "./model/contract";
export type { ObjectName } from "./model/shape";
export { type Call, constantText, functionCalls, parseExpression } from "./sql/expressions";
export { type Step, readPlPgSql } from "./sql/plpgsql";
export { copiedColumnOf } from "./conditions/syntax";
export { largeObjectIn } from "./sql/large-objects";
export {
  functionObject,
  partObject,
  quoteIdentifier,
  quoteName,
  quoteRole,
  tableObject,
} from "./model/names";
export { JudgedSchema, commands, judges } from "./model/judged-schema";
export { type Outcome, classify } from "./conditions/classify";
export { expressionOf } from "./conditions/policies";
export { type Rule, type Severity } from "./rules/rule";
export { judgeSchema, schemaRules } from "./rules";
export type * from "./model/schema";
export { SchemaShapeError, parseSchema } from "./model/schema";
export {
  type Position,
  type SqlFile,
  type Statement,
  SqlSyntaxError,
  positionAt,
  splitStatements,
} from "./sql/statements";
export { type TrialRule, type TrialRuleName, trialRule, trialRules } from "./rules/trial-rules";
export { databaseRules, waive } from "./waivers/database-waivers";
export {
  WaiverFileError,
  type WaiverPlace,
  parseWaivers,
  readWaivers,
  waiverFile,
} from "./waivers/waiver-file";
export {
  type Environment,
  type Waivable,
  type Waiver,
  type Waivers,
  applyWaivers,
  covers,
  environments,
} from "./waivers/waivers";
export { type Token, digestTokens, significantTokens, tokenAfter } from "./sql/tokens";
