import type { ConnectionSettings } from "../connection";
import { MigratorError } from "../errors";
import { SqlSyntaxError } from "@app-data/rules";
import { type LogEntry, isApplied } from "../log";
import {
  amendMigration,
  applyMigration,
  readHistory,
  refuseEdited,
  rollbackMigration,
} from "../migrator";
import { type Trio, type TrioDigests, TRIO_PARTS, inspectTrio } from "../trio";
import { type CheckResult, isEqual } from "./resource";

/** A migration as a resource: what it is made of. */
export interface MigrationInputs {
  version: string;
  name: string;
  forwardFile: string;
  forwardSql: string;
  rollbackFile: string;
  rollbackSql: string;
  verifyFile: string;
  verifySql: string;
  connection: ConnectionSettings;
  /** Roles that may connect to the database; PUBLIC may not. */
  connectRoles: string[];
  /** Whether removing the resource may lose rows. */
  allowDataLoss: boolean;
  /** Filled in by {@link migrationLifecycle.check}. */
  digests?: TrioDigests;
}

/** A migration as a resource: what is known once it is applied. */
export interface MigrationState extends MigrationInputs {
  digests: TrioDigests;
  /** ISO 8601, UTC. */
  appliedAt: string;
  /** Milliseconds. */
  durationMs: number;
  /** Digest of the attestation right after it was applied. */
  catalogDigest: string;
}

/** What happens to a migration resource, step by step. */
export const migrationLifecycle = {
  /** Reads the SQL; refuses what cannot run, and an edit of what was applied. */
  async check(
    olds: Partial<MigrationInputs>,
    news: MigrationInputs,
  ): Promise<CheckResult<MigrationInputs>> {
    try {
      const digests = await inspectTrio(trioOf(news));
      if (olds.digests) refuseEdited({ digests: olds.digests }, news.name, digests);
      return { inputs: { ...news, digests }, failures: [] };
    } catch (error) {
      if (!(error instanceof MigratorError || error instanceof SqlSyntaxError)) throw error;
      return { inputs: news, failures: [{ property: "forwardSql", reason: error.message }] };
    }
  },

  /** A change of comments or layout alone is none; nothing is ever replaced. */
  diff(olds: MigrationState, news: MigrationInputs): { changes: boolean } {
    return { changes: !isEqual(comparable(olds), comparable(news)) };
  },

  /** Applies the migration. */
  async create(inputs: MigrationInputs): Promise<{ id: string; outs: MigrationState }> {
    const { connection, connectRoles } = inputs;
    const entry = await applyMigration(connection, trioOf(inputs), { connectRoles });
    return { id: inputs.name, outs: stateOf(inputs, entry) };
  },

  /** Records new verify and rollback files; the forward SQL never runs twice. */
  async update(olds: MigrationState, news: MigrationInputs): Promise<{ outs: MigrationState }> {
    const { connection, connectRoles } = news;
    await amendMigration(connection, trioOf(news), { connectRoles });
    const { appliedAt, durationMs, catalogDigest } = olds;
    return { outs: { ...news, digests: digestsOf(news), appliedAt, durationMs, catalogDigest } };
  },

  /** Whether the database still has it: an id when it has, none when it is gone. */
  async read(id: string, state: MigrationState): Promise<{ id?: string; props?: MigrationState }> {
    const history = await readHistory(state.connection);
    const entry = history.find(({ version }) => version === state.version);
    return isApplied(entry) ? { id, props: state } : {};
  },

  /** Rolls the migration back with the SQL that is in the state. */
  async delete({
    connection,
    version,
    name,
    allowDataLoss,
    ...files
  }: MigrationState): Promise<void> {
    const rollback = { file: files.rollbackFile, sql: files.rollbackSql };
    await rollbackMigration(connection, { version, name, rollback }, { allowDataLoss });
  },
};

function trioOf(inputs: MigrationInputs): Trio {
  const { version, name } = inputs;
  return {
    version,
    name,
    forward: { file: inputs.forwardFile, sql: inputs.forwardSql },
    rollback: { file: inputs.rollbackFile, sql: inputs.rollbackSql },
    verify: { file: inputs.verifyFile, sql: inputs.verifySql },
  };
}

function stateOf(inputs: MigrationInputs, entry: LogEntry): MigrationState {
  const { recordedAt: appliedAt, durationMs, catalogDigest } = entry;
  return { ...inputs, digests: digestsOf(inputs), appliedAt, durationMs, catalogDigest };
}

function digestsOf({ digests, name }: MigrationInputs): TrioDigests {
  if (digests) return digests;
  throw new Error(`${name} was not checked before it was applied.`);
}

/** What makes an update: the SQL of the three files, the connection and the settings. */
function comparable({
  digests,
  connection,
  connectRoles,
  allowDataLoss,
}: MigrationInputs): unknown {
  const content = TRIO_PARTS.map((part) => digests?.[part].content);
  return { content, connection, connectRoles, allowDataLoss };
}
