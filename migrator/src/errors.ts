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
  | "MIG010"
  | "MIG011"
  | "MIG012"
  | "MIG013"
  | "MIG014"
  | "MIG015"
  | "MIG016"
  | "MIG017"
  | "MIG018"
  | "MIG019"
  | "MIG020"
  | "MIG021"
  | "MIG022"
  | "MIG023"
  | "MIG030"
  | "MIG031"
  | "MIG032"
  | "MIG033"
  | "MIG034"
  | "MIG035"
  | "MIG036"
  | "MIG037"
  | "MIG040"
  | "MIG041"
  | "MIG042"
  | "MIG050"
  | "MIG051"
  | "MIG060"
  | "MIG061"
  | "MIG062"
  | "MIG063"
  | "MIG064"
  | "MIG065"
  | "MIG075"
  | "MIG076"
  | "MIG077"
  | "MIG078"
  | "MIG079"
  | "MIG085"
  | "MIG086"
  | "MIG087";

/** What an error carries besides its message. */
export interface MigratorErrorOptions extends ErrorOptions {
  /** What the log keeps of it, for ever: nothing that may quote rows. @default the message */
  recorded?: string;
}

/** An error that says what was found, what was required and what to do next. */
export class MigratorError extends Error {
  public override readonly name = "MigratorError";
  /** What the log keeps of it. */
  public readonly recorded: string;

  constructor(
    public readonly code: MigratorErrorCode,
    message: string,
    { recorded = message, ...options }: MigratorErrorOptions = {},
  ) {
    super(`${code} ${message}`, options);
    this.recorded = `${code} ${recorded}`;
  }
}
