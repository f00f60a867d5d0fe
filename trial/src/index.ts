export { type Trial, type TrialOptions, tryMigrations } from "./trial";
export type { TrialServer } from "./throwaway-database";
export type { TrialFinding } from "./trial-finding";
