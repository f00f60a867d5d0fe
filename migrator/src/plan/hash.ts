import type { DatabaseIdentity } from "../database/identity";
import type { LogEntry } from "../log/log";
import { type Trio, type TrioDigests, sha256 } from "../files/trio";

/** What the log says of one migration, as far as a plan needs it. */
export type History = Pick<LogEntry, "version" | "name" | "event" | "applied" | "digests">;

/** What must not change between the approval of a plan and its run. */
export interface Approved {
  database: DatabaseIdentity | undefined;
  /** Undefined when the log could not be read. */
  history: readonly History[] | undefined;
  /** Names of what is to be rolled back. */
  toRollBack: readonly string[];
  pending: readonly (Pick<Trio, "name"> & { digests: TrioDigests })[];
  /** Undefined when it could not be read. */
  catalogDigest: string | undefined;
}

/** The hash of a plan: equal, whoever makes it, as long as these are equal. The name of the database may change. */
export function planHash({
  database,
  history,
  toRollBack,
  pending,
  catalogDigest,
}: Approved): string {
  const texts = ({ forward, rollback, verify }: TrioDigests) =>
    [forward, rollback, verify].map(({ text }) => text);
  return sha256(
    JSON.stringify([
      "plan 1",
      database ? [database.systemIdentifier, database.databaseOid] : null,
      history?.map(({ name, event, applied, digests }) => [
        name,
        // A half-done migration is not the same as one that was rolled back.
        applied ? "applied" : event,
        texts(digests),
      ]) ?? null,
      toRollBack,
      pending.map(({ name, digests }) => [name, texts(digests)]),
      catalogDigest ?? null,
    ]),
  );
}
