import type { SqlFile } from "@app-data/rules";
import type { Client } from "pg";
import { type Catalog, type Relation, readCatalog } from "./catalog";
import { ENGINE_SQL } from "./engine-sql";
import { Fill } from "./fill";
import { type Identity, identities } from "./identities";
import { type Outcome, runJobs } from "./job";
import { type OpenPassage, tryPassages } from "./judge-passages";
import { type Success, judgeAttempt, whyNotFilled, whyNotJudged } from "./judge-tables";
import { Origins } from "./origins";
import { Owners } from "./owners";
import { reproduction } from "./reproduction";
import { quoteText } from "./statements";
import { TableAttacks, type TableJob } from "./table-attacks";
import { type TrialServer, applyAsMigrator, withThrowawayDatabase } from "./throwaway-database";
import { type TrialFinding, trialFinding } from "./trial-finding";

/** What a trial has shown. */
export interface Trial {
  findings: TrialFinding[];
  /** How many tables were attacked. */
  tables: number;
  /** How many attempts were made. */
  attempts: number;
}

/** How a trial is made. */
export interface TrialOptions {
  /**
   * Migrations that these ones stand on. They are applied first, where without them PostgreSQL misses
   * something that these ones name. @default none
   */
  base?: readonly SqlFile[];
}

/** PostgreSQL says by these that something does not exist: a table, function, schema, type, column. */
const MISSING = new Set(["42P01", "42883", "3F000", "42704", "42703"]);

/**
 * Builds the schema of migrations in a throw-away database, fills it with rows of several users, and
 * tries, as every role and identity, to get at rows that are somebody else's.
 * @param files forward files, in order.
 * @throws SqlSyntaxError for a file that PostgreSQL's parser refuses.
 */
export async function tryMigrations(
  server: TrialServer,
  files: readonly SqlFile[],
  { base = [] }: TrialOptions = {},
): Promise<Trial> {
  const origins = await Origins.of([...base, ...files]);
  const first = await withThrowawayDatabase(server, (client) =>
    applyAndTry(client, files, origins),
  );
  if (!("refusal" in first)) return first;
  const { refusal } = first;
  if (base.length > 0 && MISSING.has(refusal.sqlState)) {
    const second = await withThrowawayDatabase(server, (client) =>
      applyAndTry(client, [...base, ...files], origins),
    );
    if (!("refusal" in second)) return second;
    return { findings: [notApplied(second.refusal)], tables: 0, attempts: 0 };
  }
  return { findings: [notApplied(refusal)], tables: 0, attempts: 0 };
}

async function applyAndTry(client: Client, files: readonly SqlFile[], origins: Origins) {
  const refusal = await applyAsMigrator(client, files);
  return refusal ? { refusal } : tryDatabase(client, origins);
}

function notApplied({ file, line, message }: { file: string; line: number; message: string }) {
  return trialFinding("trial-applied", {
    object: file,
    file,
    line,
    message: `PostgreSQL refused the migration, so that nothing after it was judged: ${message}`,
  });
}

async function tryDatabase(client: Client, origins: Origins): Promise<Trial> {
  await client.query(ENGINE_SQL);
  await givePartitions(client);
  const catalog = await readCatalog(client);
  const owners = new Owners(catalog);
  const fill = new Fill(client, catalog, owners);
  await fill.all();
  const owned = await rememberOwners(client, catalog, owners);
  const unrefreshed = await refreshViews(client, catalog);

  const all = identities(catalog, owners, fill);
  const attacks = new TableAttacks(catalog, owners, fill);
  const tables = catalog.relations.filter(
    ({ kind }) => kind === "r" || kind === "p" || kind === "f",
  );
  const jobs = all.flatMap((identity) => tables.flatMap((table) => attacks.of(identity, table)));
  const outcomes = await runJobs(client, jobs);
  const passages = await tryPassages(client, all, { catalog, fill, owned });

  const shared = { catalog, owners, fill, origins };
  return {
    findings: [
      ...bypassingRoles(catalog),
      ...unrefreshed,
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

interface Shared {
  catalog: Catalog;
  owners: Owners;
  fill: Fill;
  origins: Origins;
}

/** A partitioned table without partitions holds no rows that could be tried. */
async function givePartitions(client: Client): Promise<void> {
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
  client: Client,
  { relations }: Catalog,
  owners: Owners,
): Promise<number[]> {
  const owned = relations.filter((relation) => relation.kind === "r" && owners.of(relation));
  const values = owned.map(
    (relation) =>
      `(${relation.id}, ${quoteText(relation.sql)}, ${quoteText(owners.expression(relation))})`,
  );
  if (values.length > 0) {
    await client.query(`insert into app_data_trial.owned values ${values.join(", ")}`);
    await client.query("select app_data_trial.remember()");
  }
  return owned.map(({ id }) => id);
}

async function refreshViews(client: Client, { relations }: Catalog): Promise<TrialFinding[]> {
  const findings: TrialFinding[] = [];
  for (const { kind, sql } of relations) {
    if (kind !== "m") continue;
    try {
      await client.query(`refresh materialized view ${sql}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      findings.push(
        trialFinding("trial-judged", {
          object: sql,
          message: `materialized view ${sql} was not judged: it cannot be refreshed: ${reason}`,
        }),
      );
    }
  }
  return findings;
}

function bypassingRoles({ roles }: Catalog): TrialFinding[] {
  return roles
    .filter(({ bypasses }) => bypasses)
    .map(({ name }) =>
      trialFinding("trial-role", {
        object: `role ${name}`,
        message: `app can become role ${name}, which row level security does not bind; it may become none such`,
        reproduction: `set session authorization app;\nset role ${name};`,
      }),
    );
}

function judgeTable(
  relation: Relation,
  attempts: readonly { job: TableJob; outcome: Outcome }[],
  shared: Shared,
): TrialFinding[] {
  const { owners, fill, origins } = shared;
  const place = origins.find("table", relation.name);
  const isOwned = owners.of(relation) !== undefined;
  const successes = attempts.flatMap(
    ({ job, outcome }) => judgeAttempt(job, outcome, isOwned) ?? [],
  );
  const findings = byRule(successes).map((alike) => describe(alike, place, shared));
  const reason = whyNotFilled(relation, fill) ?? whyNotJudged(relation, attempts, owners);
  if (reason === undefined || (successes.length > 0 && isOwned)) return findings;
  const message = `table ${relation.sql} was not judged: ${reason}`;
  return [...findings, trialFinding("trial-judged", { object: relation.sql, message, ...place })];
}

/** Successes of one kind; tricks count where plain identities had none. */
function byRule(successes: readonly Success[]): Success[][] {
  const groups = new Map<string, Success[]>();
  for (const success of successes) {
    const { rule, level, job } = success;
    const key = [
      rule,
      level,
      job.attack === "give away" || job.attack === "steal" ? job.attack : "",
    ].join();
    groups.set(key, [...(groups.get(key) ?? []), success]);
  }
  // Of a table that nobody owns, writing says more than reading.
  const written = successes.some(
    ({ rule, level }) => rule === "trial-ownerless" && level === "mandatory",
  );
  return [...groups.values()].filter(
    ([first]) => !(written && first?.rule === "trial-ownerless" && first.level === "advisory"),
  );
}

function describe(alike: readonly Success[], place: object, shared: Shared): TrialFinding {
  const [first] = alike;
  if (!first) throw new Error("A finding needs a success.");
  const { rule, level, relation, job, what, owners } = first;
  const others = new Set(alike.map((success) => success.job.identity.description));
  others.delete(job.identity.description);
  const also =
    others.size > 0
      ? `; so could ${[...others].slice(0, 3).join(", ")}${others.size > 3 ? ` and ${others.size - 3} more` : ""}`
      : "";
  const people = { ...shared, relations: [relation], people: owners };
  return trialFinding(rule, {
    level,
    object: relation.sql,
    message: `table ${relation.sql}: ${job.identity.description} ${what}${also}`,
    ...place,
    reproduction: reproduction(job.identity, job.shown, what, people),
  });
}

function judgePassages(open: readonly OpenPassage[], shared: Shared): TrialFinding[] {
  const { catalog, origins } = shared;
  const seen = new Set<string>();
  return open.flatMap(({ passage, identity, what, judged }) => {
    const key = `${passage.object} ${String(judged)}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const { object, kind, shown } = passage;
    const name = nameOf(object, catalog);
    const place = origins.find(kind, name);
    if (!judged) {
      return [
        trialFinding("trial-judged", {
          object,
          message: `${kind} ${object} was not judged: it ${what}`,
          ...place,
        }),
      ];
    }
    const result = `${kind} ${object} ${what}`;
    const relations = catalog.relations.filter(({ kind: one }) => one === "r");
    return [
      trialFinding("trial-passage", {
        object,
        message: `${identity.description}: ${result}`,
        ...place,
        reproduction: reproduction(identity, shown, result, { ...shared, relations, people: [] }),
      }),
    ];
  });
}

function nameOf(object: string, { relations, routines }: Catalog): string {
  const relation = relations.find(({ sql }) => sql === object);
  return relation?.name ?? routines.find(({ signature }) => signature === object)?.name ?? object;
}

export type { Identity };
