/** Codes of the errors that the migrator raises; `docs/errors.md` explains each. */
export const CODES = {
  incompleteFolder: "MIG001",
  transactionControl: "MIG002",
  cannotConnect: "MIG003",
  passwordNotReadable: "MIG004",
  statementFailed: "MIG005",
  refusedByGate: "MIG006",
  locked: "MIG007",
  editedAfterApply: "MIG008",
  laterMigrationApplied: "MIG009",
  notApplied: "MIG010",
  fileMissing: "MIG011",
  databaseNewer: "MIG012",
  otherDatabase: "MIG013",
  editedHalfApplied: "MIG014",
  rollbackCutOff: "MIG015",
  invalidIndex: "MIG016",
  rowsWouldBeLost: "MIG017",
  nothingToRepair: "MIG018",
  badMigrationName: "MIG019",
  planChanged: "MIG020",
  changesOwnSchema: "MIG021",
  databaseNotEmpty: "MIG022",
  notTranslatable: "MIG023",
  emptyFile: "MIG025",
  noConnectionUrl: "MIG030",
  noIamToken: "MIG031",
  noSessionManagerPlugin: "MIG032",
  noSession: "MIG033",
  tunnelUnreachable: "MIG034",
  snapshotRefused: "MIG035",
  snapshotFailed: "MIG036",
  snapshotNotDeleted: "MIG037",
  transactionPooler: "MIG038",
  healingChangesMore: "MIG040",
  accessTooWide: "MIG041",
  catalogLocked: "MIG042",
  staleTypes: "MIG050",
  typesOfOtherMigrations: "MIG051",
  badBatchDirective: "MIG060",
  notBatchable: "MIG061",
  badBatchKey: "MIG062",
  rowsHidden: "MIG063",
  editedBatch: "MIG064",
  batchFailed: "MIG065",
  appliedAboveTarget: "MIG075",
  changesDrifted: "MIG076",
  interrupted: "MIG077",
  missingRight: "MIG078",
  connectionLost: "MIG079",
  noTunnelInstance: "MIG085",
  portTaken: "MIG086",
  commandNotStarted: "MIG087",
  leftBehind: "MIG090",
  noRollback: "MIG091",
  identityNotVerified: "MIG095",
} as const;

export type MigratorErrorCode = (typeof CODES)[keyof typeof CODES];

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
