import type { Contract, SqlFile } from "@app-data/rules";
import type { ClientBase } from "pg";
import { type Catalog, readCatalog } from "./catalog";
import { callEngine } from "./engine";
import { ENGINE_SQL } from "./engine-sql";
import { Fill } from "./fill";
import { bypassingRoles, judgePassages, judgeTable, notRefreshed } from "./findings";
import { identities, namedStrangers } from "./identities";
import { runJobs } from "./job";
import { tryPassages } from "./judge-passages";
import { Origins } from "./origins";
import { Owners } from "./owners";
import { quoteText } from "./statements";
import { TableAttacks } from "./table-attacks";
import type { TrialFinding } from "./trial-finding";

/** What was attacked, and whether that tells anything. */
export interface Tried {
  /** As findings name it. */
  object: string;
  attempts: number;
  judged: boolean;
  /** Why the attempts tell nothing. */
  reason?: string;
}

/** Attempts on an object that ended in the same error, which is none that was expected. */
export interface Unexpected {
  object: string;
  sqlState: string;
  message: string;
  count: number;
}

/** How a database is tried. */
export interface DatabaseTrialOptions {
  contract?: Contract;
  /** SQL files with rows that the trial cannot make up itself. */
  seeds?: readonly SqlFile[];
}

/** What a trial has shown. */
export interface Trial {
  tried: Tried[];
  unexpected: Unexpected[];
  findings: TrialFinding[];
  /** How many tables were attacked. */
  tables: number;
  /** How many attempts were made. */
  attempts: number;
}

/**
 * Fills the tables of a database with rows of several users, and tries, as every role and identity, to get
 * at rows that are somebody else's. What it makes is left behind: the database is to be thrown away, or the
 * transaction that the client is in.
 * @param client the superuser's.
 * @param files the migrations that the database was made with; findings name their lines.
 */
export async function tryDatabase(
  client: ClientBase,
  files: readonly SqlFile[],
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  options: DatabaseTrialOptions = {},
): Promise<Trial> {
  const origins = await Origins.of(files);
  await client.query(ENGINE_SQL);
  await givePartitions(client);
  const catalog = await readCatalog(client);
  const owners = new Owners(catalog);
  const strangers = namedStrangers(catalog, owners);
  const fill = new Fill(client, catalog, owners, strangers);
  await fill.all();
  const owned = await rememberOwners(client, catalog, owners);
  const unrefreshed = await callEngine<{ view: string; reason: string }[]>(client, "refresh");

  const all = identities(catalog, owners, fill, strangers);
  const attacks = new TableAttacks(catalog, owners, fill);
  const tables = catalog.relations.filter(
    ({ kind }) => kind === "r" || kind === "p" || kind === "f",
  );
  const jobs = all.flatMap((identity) => tables.flatMap((table) => attacks.of(identity, table)));
  const outcomes = await runJobs(client, jobs);
  const passages = await tryPassages(client, all, { catalog, fill, owned });

  const shared = { catalog, owners, fill, origins };
  return {
    tried: tables.map(({ sql, id }) => ({
      object: sql,
      attempts: jobs.filter(({ relation }) => relation.id === id).length,
      judged: true,
    })),
    unexpected: [],
    findings: [
      ...bypassingRoles(catalog),
      ...unrefreshed.map(notRefreshed),
      ...tables.flatMap((table) => {
        const attempts = jobs.flatMap((job, index) => {
          const outcome = outcomes[index];
          return job.relation === table && outcome ? [{ job, outcome }] : [];
        });
        return judgeTable(table, attempts, shared);
      }),
      ...judgePassages(passages.open, shared),
    ],
    tables: tables.length,
    attempts: jobs.length + passages.attempts,
  };
}

/** A partitioned table without partitions holds no rows that could be tried. */
async function givePartitions(client: ClientBase): Promise<void> {
  await client.query(`do $$ declare parent record; begin
    for parent in select c.oid, c.oid::regclass as name, p.partstrat from pg_class c
      join pg_partitioned_table p on p.partrelid = c.oid
      where not exists (select from pg_inherits i where i.inhparent = c.oid)
    loop
      execute format('create table app_data_trial.partition_%s partition of %s %s', parent.oid, parent.name,
        case parent.partstrat when 'h' then 'for values with (modulus 1, remainder 0)' else 'default' end);
    end loop;
  end $$`);
}

/** @returns the ids of the tables whose rows have owners. */
async function rememberOwners(
  client: ClientBase,
  { relations }: Catalog,
  owners: Owners,
): Promise<number[]> {
  const owned = relations.filter((relation) => relation.kind === "r" && owners.of(relation));
  const values = owned.map((relation) => {
    const texts = [relation.sql, owners.expression(relation), owners.expression(relation, false)];
    return `(${relation.id}, ${texts.map(quoteText).join(", ")})`;
  });
  if (values.length > 0) {
    await client.query(`insert into app_data_trial.owned values ${values.join(", ")}`);
    await client.query("select app_data_trial.remember()");
  }
  return owned.map(({ id }) => id);
}
