import { isNativeError } from "node:util/types";

/** What an error of the network, of TLS or of PostgreSQL says, or its code when it says nothing. */
export function reasonOf(cause: unknown): string {
  return isNativeError(cause) ? cause.message || String(sqlStateOf(cause)) : String(cause);
}

/** The SQLSTATE or system error code of an error, when it has one. */
export function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
