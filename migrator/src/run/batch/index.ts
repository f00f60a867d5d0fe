export { type BatchProgress, describeProgress } from "./progress";
export { type BatchOptions, type BatchOutcome, runBatches } from "./run";
export { needsRows, refuseSilentWrites } from "./silent-writes";
