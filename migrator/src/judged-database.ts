// What the trial needs of the migrator: to run a file as `up` does, and to read what came of it.
export { readCatalog, schemaOf } from "./catalog";
export { MigratorError } from "./errors";
export { withSchema } from "./database/missing-name";
export { runFile } from "./run/steps/run-steps";
export { inReadOnlyTransaction } from "./database/transaction";
export { refusalsOf } from "./files/refusals";
