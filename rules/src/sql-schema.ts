import { loadModule } from "libpg-query";
import type { Origin, Schema } from "./schema";
import { SqlReader } from "./sql-reader";

/** One file of SQL. */
export interface SqlFile {
  /** The name that findings and errors give. */
  file: string;
  sql: string;
}

/** Something in the SQL that was not judged, and why. */
export interface Remark extends Origin {
  /** What it is about: a quoted table name, "do block", "function public.f". */
  object: string;
  /** Why, as a clause without a full stop. */
  reason: string;
}

/** What the SQL of migrations says about a schema. */
export interface SqlSchema extends Schema {
  /**
   * What may make or change tables in a way that can not be read off the SQL;
   * the catalog has to be asked. Never empty where anything was left unread.
   */
  notProvable: Remark[];
  /** Temporary tables: they live in one session, which alone can read them. */
  ignored: Remark[];
}

/**
 * Applies the statements of files, in order, to an empty schema. Tables that
 * an earlier migration made are in it only when these files take protection
 * away from them.
 * @throws SqlSyntaxError for the first text that PostgreSQL's parser refuses.
 */
export async function readSqlSchema(files: readonly SqlFile[]): Promise<SqlSchema> {
  const reader = await SqlSchemaReader.start();
  for (const file of files) reader.read(file);
  return reader.schema();
}

/** {@link readSqlSchema} for files that come one after the other. */
export class SqlSchemaReader {
  private readonly reader = new SqlReader();

  private constructor() {}

  public static async start(): Promise<SqlSchemaReader> {
    await loadModule();
    return new SqlSchemaReader();
  }

  /** @throws SqlSyntaxError where PostgreSQL's parser refuses the text; nothing of it counts then. */
  public read(file: SqlFile): void {
    this.reader.read(file);
  }

  /** What the files so far say. */
  public schema(): SqlSchema {
    return this.reader.schema();
  }
}
