export { AppData, connect } from "./app-data.js";
export { AppDataError } from "./errors.js";
export { readSettings, type Settings } from "./settings.js";
export type { Queries, TablesOf } from "./session/queries.js";
export type { TransactionOptions } from "./session/transaction.js";
export * from "./types/index.js";
