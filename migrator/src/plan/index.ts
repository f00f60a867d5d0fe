export {
  type PlanRequest,
  type Target,
  makePlan,
  reachPlan,
  readPlan,
  refuseChangedPlan,
} from "./plan";
export { type RenderOptions, describeLoss, renderPlan } from "./render";
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
