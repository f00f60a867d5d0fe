export { type TrialOptions, tryMigrations } from "./trial";
export type { TrialServer } from "./throwaway-database";
export type { TrialFinding } from "./trial-finding";
export { type Trial, tryDatabase } from "./try-database";
