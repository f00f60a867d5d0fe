export { type JudgeOptions, judgeMigrations } from "./verdict/judge";
export { type JudgedFinding, type Verdict, readableRule } from "./verdict/verdict";
export { readSeeds } from "./verdict/seeds";
export {
  NoServerError,
  type ThrowawayServer,
  withThrowawayServer,
} from "./server/throwaway-server";
export { withThrowawayDatabase } from "./server/throwaway-database";
export {
  type DatabaseTrialOptions,
  type Trial,
  type Unexpected,
  tryDatabase,
} from "./try-database";
export type { TrialFinding } from "./judging/trial-finding";
export type { Tried } from "./judging/findings";
export type { Shown } from "./judging/shown";
