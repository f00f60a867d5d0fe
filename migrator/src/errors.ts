/** Codes of the errors that the migrator raises; `docs/errors.md` explains each. */
export type MigratorErrorCode =
  | "MIG001"
  | "MIG002"
  | "MIG003"
  | "MIG004"
  | "MIG005"
  | "MIG006"
  | "MIG007"
  | "MIG008"
  | "MIG009"
  | "MIG010";

/** An error that says what was found, what was required and what to do next. */
export class MigratorError extends Error {
  public override readonly name = "MigratorError";

  constructor(
    public readonly code: MigratorErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code} ${message}`, options);
  }
}
