export { pruneSnapshots } from "./prune-snapshots";
export { type Snapshot, type SnapshotOptions, takeSnapshot } from "./rds-snapshot";
export { restoreCommand } from "./restore-command";
