export { type BatchCheckpoint, digestBatches } from "./checkpoint";
export { type BatchDirective, readBatch } from "./directive";
export type { BatchMark } from "./marks";
export { type BatchProgress, describeProgress } from "./progress";
export { type BatchOptions, type BatchOutcome, runBatches } from "./run";
export { needsRows, refuseSilentWrites } from "./silent-writes";
