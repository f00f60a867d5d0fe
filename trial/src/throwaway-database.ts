import { randomBytes } from "node:crypto";
import { type SqlFile, splitStatements } from "@app-data/rules";
import { Client, DatabaseError } from "pg";

/** A PostgreSQL server on which the trial may make roles and databases, and its superuser. */
export interface TrialServer {
  host: string;
  port: number;
  user: string;
  password: string;
}

/** A migration that PostgreSQL refused. */
export interface Refusal {
  file: string;
  line: number;
  sqlState: string;
  message: string;
}

const ROLES_SQL = `
do $$ begin
  if to_regrole('migrator') is null then create role migrator login nosuperuser nobypassrls; end if;
  if to_regrole('anon') is null then create role anon nologin nosuperuser nobypassrls; end if;
  if to_regrole('authenticated') is null then create role authenticated nologin nosuperuser nobypassrls; end if;
  if to_regrole('service_role') is null then create role service_role nologin nosuperuser nobypassrls; end if;
  if to_regrole('app') is null then
    create role app login noinherit nosuperuser nobypassrls;
    grant anon, authenticated, service_role to app with inherit false, set true;
  end if;
end $$`;

/** What takes a statement out of a transaction. */
const ALONE = /\b(?:concurrently|vacuum|create\s+database|alter\s+system|reindex)\b/i;

/** How long one message of the trial may take; an attempt that takes longer by itself is given up. */
const STATEMENT_TIMEOUT = "5s";

/**
 * Runs `work` in a database of its own, empty and owned by `migrator`, and drops it. The connection is
 * the superuser's; the roles are those of the schema contract, made where they are missing.
 */
export async function withThrowawayDatabase<Result>(
  server: TrialServer,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const name = `trial_${randomBytes(6).toString("hex")}`;
  const administrator = await connect(server, "postgres");
  try {
    await administrator.query(ROLES_SQL);
    await administrator.query(`create database ${name} owner migrator`);
    await administrator.query(
      `revoke all on database ${name} from public; grant connect on database ${name} to app`,
    );
    const client = await connect(server, name);
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  } finally {
    await administrator.query(`drop database if exists ${name} with (force)`);
    await administrator.end();
  }
}

/**
 * Applies files in order, as the migrator. Each is one transaction, but for statements that cannot run
 * in one.
 * @returns the first statement that PostgreSQL refused, or undefined.
 */
export async function applyAsMigrator(
  client: Client,
  files: readonly SqlFile[],
): Promise<Refusal | undefined> {
  await client.query("set client_min_messages = error");
  for (const { file, sql } of files) {
    const isAlone = ALONE.test(sql);
    await client.query("set session authorization migrator");
    const refusal = isAlone
      ? await firstRefusal(client, { file, sql })
      : await whole(client, { file, sql });
    if (refusal) return refusal;
    await client.query("reset all; reset session authorization");
  }
  await client.query(`set statement_timeout = '${STATEMENT_TIMEOUT}'`);
  return undefined;
}

/** Runs a file in one message; which of its statements failed is found out by running them one by one. */
async function whole(client: Client, file: SqlFile): Promise<Refusal | undefined> {
  try {
    await client.query(file.sql);
    return undefined;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    // A transaction of the file's own may be open.
    await client.query("rollback; begin");
    const refusal = await firstRefusal(client, file);
    await client.query("rollback");
    return refusal ?? refusalOf(error, file, 1);
  }
}

async function firstRefusal(client: Client, file: SqlFile): Promise<Refusal | undefined> {
  for (const { text, line } of await splitStatements(file.sql, file.file)) {
    try {
      await client.query(text);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      return refusalOf(error, file, line);
    }
  }
  return undefined;
}

function refusalOf({ code, message }: DatabaseError, { file }: SqlFile, line: number): Refusal {
  return { file, line, sqlState: code ?? "", message };
}

async function connect(server: TrialServer, database: string): Promise<Client> {
  const client = new Client({ ...server, database });
  await client.connect();
  return client;
}
