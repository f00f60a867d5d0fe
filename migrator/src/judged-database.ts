// What the trial needs of the migrator: to run a file as `up` does, and to read what came of it.
export { readCatalog, schemaOf } from "./catalog";
export { MigratorError } from "./errors";
export { runFile } from "./run/steps/run-steps";
export { inReadOnlyTransaction } from "./database/transaction";
export { type Refusal, refusalsOf } from "./files/refusals";
export { inspectFile } from "./files/trio";
