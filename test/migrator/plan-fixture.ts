import { randomBytes } from "node:crypto";
import { type ClientBase, Client } from "pg";
import type { TestDatabase } from "../support/database";

/** A role of one test that can log in. */
export interface Reader {
  name: string;
  client: Client;
  /** Closes the connection and drops the role. */
  drop(): Promise<void>;
}

/** Creates a role that may connect and nothing else, but for the memberships that are given. */
export async function createReader(
  database: TestDatabase,
  superuser: Client,
  memberOf: readonly string[] = [],
): Promise<Reader> {
  const name = `reader_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  await superuser.query(`create role ${name} login nosuperuser nobypassrls password '${password}'`);
  await superuser.query(`grant connect on database ${database.name} to ${name}`);
  for (const role of memberOf) await superuser.query(`grant ${role} to ${name}`);
  const { host, port } = database;
  const client = new Client({ host, port, database: database.name, user: name, password });
  await client.connect();
  return {
    name,
    client,
    async drop() {
      await client.end();
      await superuser.query(`drop owned by ${name}`);
      await superuser.query(`drop role ${name}`);
    },
  };
}

/** What a transaction held when it was about to end. */
export interface Traces {
  /** The number that PostgreSQL gives a transaction once it writes. */
  transaction: string | null;
  readOnly: string;
  /** Its locks but those on itself, and the reading of the catalog and of the migrator's log. */
  locks: string[];
  /** Every statement that was sent. */
  statements: string[];
}

/** A connection that tells what its transaction holds right before its rollback. */
export function traced(client: Client): { client: ClientBase; traces: Traces } {
  const traces: Traces = { transaction: null, readOnly: "", locks: [], statements: [] };
  const query = async (text: string, values?: unknown[]) => {
    traces.statements.push(text);
    if (text === "rollback") {
      const { rows } = await client.query<Omit<Traces, "statements">>(
        `select pg_current_xact_id_if_assigned()::text as transaction,
                current_setting('transaction_read_only') as "readOnly",
                (select coalesce(array_agg(locktype || ' ' || mode), '{}') from pg_locks
                  where pid = pg_backend_pid() and locktype <> 'virtualxid'
                    and not (locktype = 'relation' and mode = 'AccessShareLock'
                             and (relation < 16384 or relation in
                                   (select oid from pg_class
                                     where relnamespace = to_regnamespace('migrations')))))
                as locks`,
      );
      Object.assign(traces, rows[0]);
    }
    return client.query(text, values);
  };
  return { client: { query } as unknown as ClientBase, traces };
}

/** Waits until `look` sees what it waits for. */
export async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await look()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("It did not happen within 5 s.");
}
