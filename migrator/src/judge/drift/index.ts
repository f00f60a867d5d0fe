export { compareCatalogs } from "./compare";
export type { Drift, DriftClass } from "./drift";
export { findDrift, readDrift } from "./find-drift";
