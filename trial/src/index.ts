export { type JudgeOptions, judgeMigrations } from "./verdict/judge";
export type { JudgedFinding, Verdict } from "./verdict/verdict";
export {
  NoServerError,
  type ThrowawayServer,
  withThrowawayServer,
} from "./server/throwaway-server";
export { withThrowawayDatabase } from "./server/throwaway-database";
export { type Trial, tryDatabase } from "./try-database";
