export type { Hazard, Lock, Through } from "./effect";
export { type StatementEffects, statementEffects } from "./effects";
export type { LockMode } from "./lock-mode";
export {
  type PlanRequest,
  type Target,
  makePlan,
  reachPlan,
  readPlan,
  refuseChangedPlan,
} from "./plan";
export { type RenderOptions, renderPlan } from "./render";
export { isTransactional } from "./transactional";
export type {
  Blocker,
  Plan,
  PlannedLock,
  PlannedLoss,
  PlannedMigration,
  PlannedRollback,
  PlannedStatement,
  Presence,
  Size,
} from "./types";
