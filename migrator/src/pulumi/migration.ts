import { isDeepStrictEqual } from "node:util";
import type { ConnectionSettings } from "../database/settings";
import { MigratorError } from "../errors";
import { SqlSyntaxError } from "@app-data/rules";
import { amendMigration, applyMigration } from "../run/apply";
import { type AppliedSql, readAppliedSql, readHistory, refuseEdited } from "../log/history";
import { type LogEntry, appliedEntry } from "../log/log";
import { type Trio, type TrioDigests, TRIO_PARTS, inspectTrio } from "../files/trio";
import { type CheckResult, type WaiversInput, isKnown, reasonInStack, waiversOf } from "./resource";

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
  /** Which waivers the gate knows. */
  waivers: WaiversInput;
  /** Snapshot that the deployment took before it deletes data, "" without one; kept in the log. */
  snapshot: string;
  /** The AWS command that makes an instance of the snapshot, "" without one. */
  restoreCommand: string;
  /**
   * Id of the newest log entry when the plan found the migration pending, null when it was applied. The
   * state may still have it: it was rolled back on the command line, or by a deployment that then failed.
   */
  pendingAfter: number | null;
  /** Filled in by {@link migrationLifecycle.check}. */
  digests?: TrioDigests;
}

/**
 * A migration as a resource: what is known once it is applied. The SQL is among the inputs alone, which the
 * engine keeps beside it: it needs no second copy.
 */
export interface MigrationState extends Omit<
  MigrationInputs,
  "forwardSql" | "rollbackSql" | "verifySql" | "pendingAfter"
> {
  digests: TrioDigests;
  /** Id of the log entry of its application; absent from the states of old versions. */
  logEntry?: number;
  /** ISO 8601, UTC. */
  appliedAt: string;
  /** Milliseconds. */
  durationMs: number;
  /** Digest of the attestation right after it was applied. */
  catalogDigest: string;
}

const SQL = ["forwardSql", "rollbackSql", "verifySql"] as const;

/**
 * What happens to a migration resource, step by step. One that is removed is forgotten: it would be deleted
 * with the flags and the connection of its old state, so that the plan rolls back what has to be.
 */
export const migrationLifecycle = {
  /** Reads the SQL; refuses what cannot run, and an edit of what the log has as applied. */
  async check(
    olds: Partial<MigrationInputs>,
    news: MigrationInputs,
  ): Promise<CheckResult<MigrationInputs>> {
    // Most runs change no file, and are over before PostgreSQL's parser is loaded.
    if (olds.digests && SQL.every((part) => olds[part] === news[part])) {
      return { inputs: { ...news, digests: olds.digests }, failures: [] };
    }
    try {
      const trio = trioOf(news);
      const digests = await inspectTrio(trio);
      const isEdited = olds.digests && olds.digests.forward.content !== digests.forward.content;
      const applied = isEdited && (await readApplied(olds, news));
      if (applied) await refuseEdited(applied, trio, digests);
      return { inputs: { ...news, digests }, failures: [] };
    } catch (error) {
      if (!(error instanceof MigratorError || error instanceof SqlSyntaxError)) throw error;
      return {
        inputs: news,
        failures: [{ property: "forwardSql", reason: reasonInStack(error, news.waivers) }],
      };
    }
  },

  /** A change of comments or layout alone is none; nothing is ever replaced. */
  diff(olds: MigrationState, news: MigrationInputs): { changes: boolean } {
    return {
      changes: isPending(olds, news) || !isDeepStrictEqual(comparable(olds), comparable(news)),
    };
  },

  /** Applies the migration. */
  async create(inputs: MigrationInputs): Promise<{ id: string; outs: MigrationState }> {
    const { connection, connectRoles, snapshot, restoreCommand } = inputs;
    const beforeChange = async () => snapshot || undefined;
    const options = { connectRoles, waivers: waiversOf(inputs.waivers), beforeChange };
    const entry = await applyMigration(connection, trioOf(inputs), options).catch(
      (error: unknown) => {
        throw withRestoreCommand(error, snapshot, restoreCommand);
      },
    );
    return { id: inputs.name, outs: stateOf(inputs, entry) };
  },

  /**
   * Records new verify and rollback files; the forward SQL runs only where the log has the migration as
   * rolled back. What the command line did is taken over.
   */
  async update(olds: MigrationState, news: MigrationInputs): Promise<{ outs: MigrationState }> {
    if (isPending(olds, news)) return this.create(news);
    const { connection, connectRoles } = news;
    const waivers = waiversOf(news.waivers);
    const entry = await amendMigration(connection, trioOf(news), { connectRoles, waivers });
    if (entry.event === "apply") return { outs: stateOf(news, entry) };
    const { appliedAt, durationMs, catalogDigest, logEntry } = olds;
    const application = { appliedAt, durationMs, catalogDigest, ...(logEntry && { logEntry }) };
    return { outs: { ...withoutSql(news), ...application } };
  },

  /** Whether the database still has it: an id when it has, none when it is gone. */
  async read(id: string, state: MigrationState): Promise<{ id?: string; props?: MigrationState }> {
    const entry = appliedEntry(await readHistory(state.connection), state.version);
    return entry ? { id, props: state } : {};
  },
};

/** Whether the plan found a migration pending that the state has, and nothing has applied it since. */
function isPending({ logEntry = 0 }: MigrationState, { pendingAfter }: MigrationInputs): boolean {
  return typeof pendingAfter === "number" && logEntry <= pendingAfter;
}

/**
 * What was applied, as the log has it, which the command line can correct; as the state has it where the
 * database cannot be reached; undefined when it is not applied.
 */
async function readApplied(
  { digests, forwardSql }: Partial<MigrationInputs>,
  { connection, version }: MigrationInputs,
): Promise<AppliedSql | undefined> {
  const known = digests && { digests, forwardSql };
  if (!isKnown(connection)) return known;
  return readAppliedSql(connection, version).catch((error: unknown) => {
    if (error instanceof MigratorError) return known;
    throw error;
  });
}

/** The error of a migration, with what brings back the data from before it. */
function withRestoreCommand(error: unknown, snapshot: string, command: string): unknown {
  if (!(error instanceof MigratorError) || snapshot === "") return error;
  const text = error.message.slice(error.code.length + 1);
  return new MigratorError(
    error.code,
    `${text}\nThe snapshot ${snapshot} was taken before. It is restored as an instance of its own by:\n${command}`,
    { cause: error },
  );
}

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
  const { id: logEntry, recordedAt: appliedAt, durationMs, catalogDigest } = entry;
  return { ...withoutSql(inputs), appliedAt, durationMs, catalogDigest, logEntry };
}

function withoutSql(inputs: MigrationInputs) {
  const { version, name, forwardFile, rollbackFile, verifyFile } = inputs;
  const { connection, connectRoles, waivers, snapshot, restoreCommand } = inputs;
  const files = { forwardFile, rollbackFile, verifyFile, digests: digestsOf(inputs) };
  const settings = { connection, connectRoles, waivers, snapshot, restoreCommand };
  return { version, name, ...files, ...settings };
}

function digestsOf({ digests, name }: MigrationInputs): TrioDigests {
  if (digests) return digests;
  throw new Error(`${name} was not checked before it was applied.`);
}

/** What makes an update: the SQL of the three files, the connection and who may connect. */
function comparable({
  digests,
  connection,
  connectRoles,
}: Pick<MigrationInputs, "digests" | "connection" | "connectRoles">): unknown {
  const content = TRIO_PARTS.map((part) => digests?.[part].content);
  return { content, connection, connectRoles };
}
