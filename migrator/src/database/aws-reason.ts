import { isNativeError } from "node:util/types";

/** Why AWS refused, or could not be asked: the error's name, which its documentation lists, and text. */
export function awsReasonOf(cause: unknown): string {
  if (!isNativeError(cause)) return String(cause);
  return cause.message === "" ? cause.name : `${cause.name}: ${cause.message}`;
}
