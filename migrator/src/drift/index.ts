export { compareCatalogs } from "./compare";
export type { Drift, DriftClass } from "./drift";
export { type Cure, type Healing, heal, healStatements } from "./heal";
export { type HealedDrift, findDrift, healDrift, readDrift } from "./heal-drift";
export { refuseDriftBefore, refuseDrifted, settleDrift } from "./settle";
