import { sql } from "kysely";
import { requireIdentity, requireUuid } from "../errors.js";
import type { Exports } from "../exports/exports.js";
import type { Sessions } from "../session/sessions.js";
import type { TransactionOptions } from "../session/transaction.js";

/** What went with a user. */
export interface Erasure {
  /** Rows by table; `user_api_keys` is 1 for all of their keys. */
  readonly rows: Readonly<Record<ErasedTable, number>>;
  /** Objects in the bucket. */
  readonly objects: number;
}

const ROWS_MS = 600_000;

const TABLES = [
  "users",
  "sessions",
  "user_progress",
  "user_api_keys",
  "export_history",
  "export_archive",
] as const;
type ErasedTable = (typeof TABLES)[number];

/** Accounts. */
export class Users {
  constructor(
    private readonly sessions: Sessions,
    private readonly exports: Exports,
  ) {}

  /**
   * Deletes a user with all that is theirs: rows, encrypted API keys, files of exports. The rows go in one
   * transaction, made as that user, which queues the files as well; where this is cut off before it has
   * deleted them, it does so when it is called again, and so does {@link Exports.sweep}. Once more it finds
   * nothing, and says so.
   *
   * Backups and snapshots still hold the rows until they are gone by age.
   * @param options.deadlineMs milliseconds for the rows; ten minutes by default, as a long history takes
   * long.
   * @throws AppDataError DAT001 for an id that is no UUID; DAT003 past the deadline and DAT009 where the
   * database does not believe who the user is, with nothing deleted; EXP017 when the rows are gone and S3
   * refuses to delete the files.
   *
   * @example
   * const { rows, objects } = await data.users.erase(userId);
   */
  async erase(
    userId: string,
    { deadlineMs = ROWS_MS }: Pick<TransactionOptions, "deadlineMs"> = {},
  ): Promise<Erasure> {
    const id = requireUuid(userId, "The user's id");
    const rows = await this.sessions.asUser(
      id,
      async (db) => {
        const counts = await sql<Record<ErasedTable, bigint> & { uid: string | null }>`
        select auth.uid() as uid, ${sql.join(
          TABLES.map(
            (table) => sql`(select count(*) from public.${sql.ref(table)}) as ${sql.ref(table)}`,
          ),
        )}`.execute(db);
        // Otherwise no row would be deleted, and then all files.
        requireIdentity(counts.rows[0]?.uid, id);
        await sql`delete from public.users where id = ${id}`.execute(db);
        return counts.rows[0];
      },
      // A job that archives the user's exports at this moment may be in its way.
      { deadlineMs, repeatable: true },
    );
    const objects = await this.exports.deleteAllOf(id);
    const rowsOf = (table: ErasedTable) => Number(rows?.[table] ?? 0);
    return {
      rows: {
        users: rowsOf("users"),
        sessions: rowsOf("sessions"),
        user_progress: rowsOf("user_progress"),
        user_api_keys: rowsOf("user_api_keys"),
        export_history: rowsOf("export_history"),
        export_archive: rowsOf("export_archive"),
      },
      objects,
    };
  }
}
