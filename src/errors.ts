/**
 * An error that the library raises itself. `code` is one that `docs/errors.md` explains: `CFG…`
 * settings, `DAT…` sessions for users, `KEY…` the vault, `EXP…` exports. Holds no secret; what caused
 * it is in `cause`.
 */
export class AppDataError extends Error {
  public override readonly name = "AppDataError";

  constructor(
    /** As in `docs/errors.md`. */
    public readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code} ${message}`, options);
  }
}

/** The property `code` of whatever was thrown: an SQLSTATE, a code of Node.js or of this library. */
export function codeOf(error: unknown): string | undefined {
  return textOf(error, "code");
}

/** The property `name` of whatever was thrown: the code of an AWS service, `AbortError` of a signal. */
export function nameOf(error: unknown): string {
  return textOf(error, "name") ?? "unknown";
}

/** Not by its class: what Node.js throws need not be of this context's. */
function textOf(error: unknown, property: "code" | "name"): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const value: unknown = Reflect.get(error, property);
  return typeof value === "string" ? value : undefined;
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/**
 * The id, in lower case.
 * @throws AppDataError DAT001 where it is no UUID.
 */
export function requireUuid(value: string, name: string): string {
  if (typeof value === "string" && UUID.test(value)) return value.toLowerCase();
  throw new AppDataError(
    "DAT001",
    `${name} is ${shown(value)}, which is no UUID. Give 32 hexadecimal digits as 8-4-4-4-12.`,
  );
}

/**
 * For work that row level security would let do nothing, in silence.
 * @param found what `auth.uid()` is in the transaction.
 * @throws AppDataError DAT009 where that is not the user.
 */
export function requireIdentity(found: string | null | undefined, userId: string): void {
  if (found === userId) return;
  throw new AppDataError(
    "DAT009",
    `In a transaction as the user ${userId}, auth.uid() is ${found ?? "null"}, and has to be that user; ` +
      "nothing was done. Either the stack requires signed tokens and the setting tokenSecretArn is missing, or " +
      "tokenSecretArn and tokenAudience are not what the database was given, or the clock of this machine is a " +
      "minute off the database's. Take both settings from the stack's outputs of the same names, and set the " +
      "clock.",
  );
}

/** A value of a caller for a message: short, in quotes, on one line. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : `a ${typeof value}`;
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}
