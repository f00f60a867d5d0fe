// What the generator of types needs of the migrator: the migrations, and a database that holds them.
export { withConnection } from "./database/connection";
export { settingsFromUrl } from "./database/environment-url";
export { inReadOnlyTransaction } from "./database/transaction";
export { CODES, MigratorError } from "./errors";
export { type Trio, inspectTrio, readTrios, sha256 } from "./files/trio";
export { readLog } from "./log/log";
