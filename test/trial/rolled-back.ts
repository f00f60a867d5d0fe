import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TrialFinding, tryDatabase } from "../../trial/src";
import { createDatabase } from "../support/database";

const SQL = join(__dirname, "../../sql");

/** A session keeps the plans of dropped functions, and goes through them whenever something is altered. */
const TRIALS_A_SESSION = 5;

/** A database in which migrations are tried one after the other, each in a transaction that is rolled back. */
export interface TrialDatabase {
  /** The mandatory findings on a migration that `runBy` runs. */
  tryOne(file: { file: string; sql: string }, runBy?: string): Promise<TrialFinding[]>;
  drop(): Promise<void>;
}

/**
 * Makes a database with some of the project's own migrations. One for many cases: to make it takes longer
 * than a trial.
 */
export async function createTrialDatabase(migrations: readonly string[]): Promise<TrialDatabase> {
  const database = await createDatabase();
  let client = await database.connect("postgres");
  let tried = 0;
  const migrator = await database.connect("migrator");
  for (const file of migrations) await migrator.query(readFileSync(join(SQL, file), "utf8"));
  return {
    drop: () => database.drop(),
    async tryOne(file, runBy = "migrator") {
      tried += 1;
      if (tried % TRIALS_A_SESSION === 0) {
        await client.end();
        client = await database.connect("postgres");
      }
      await client.query("begin");
      try {
        await client.query(`set local role ${runBy}`);
        await client.query(file.sql);
        await client.query("reset role; set local search_path = public");
        const { findings } = await tryDatabase(client);
        return findings.filter(({ level }) => level === "mandatory");
      } finally {
        await client.query("rollback");
      }
    },
  };
}
