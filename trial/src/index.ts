export { type TrialOptions, tryMigrations } from "./trial";
export type { TrialServer } from "./throwaway-database";
export type { TrialFinding } from "./judging/trial-finding";
export {
  type DatabaseTrialOptions,
  type Trial,
  type Unexpected,
  tryDatabase,
} from "./try-database";
export type { Tried } from "./judging/findings";
