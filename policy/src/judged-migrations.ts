import type { Contract, SqlFile } from "@app-data/rules";
import { type JudgedFinding, NoServerError, type Verdict, judgeMigrations } from "@app-data/trial";
import type { PolicyResource, ResourceValidationArgs } from "@pulumi/policy";
import { read } from "./reading";

/** The type of the resource that stands for one migration. */
export const migrationType = "pulumi-nodejs:dynamic/database:Migration";

/** The type of the resource that plans them. */
export const migrationPlanType = "pulumi-nodejs:dynamic/database:MigrationPlan";

/** What migrations are judged by. */
export interface MigrationJudge {
  readonly contract: Contract;
  /** Rows that the attacker cannot make up. */
  readonly seeds: readonly SqlFile[];
}

/** A migration of a stack, and what is known of its forward SQL. */
export interface StackMigration {
  urn: string;
  file: string;
  sql:
    | { state: "known"; text: string }
    | { state: "unknown" }
    /** Read from a state, which does not keep it: it was judged before it was applied. */
    | { state: "applied" }
    | { state: "missing"; found: string };
}

/** What is said of the migrations of one database. */
export interface JudgedMigrations {
  /** In their order. */
  migrations: StackMigration[];
  findings: JudgedFinding[];
  /** Why nothing could be judged. */
  problem?: string;
}

/** The inputs of migrations, by URN. */
const inputs = new Map<string, ResourceValidationArgs["props"]>();

/**
 * Remembers what a program gives a migration. A policy on the stack is shown what a resource has become
 * instead, once it was applied, and that is without its SQL.
 */
export function rememberInputs({ type, urn, props }: ResourceValidationArgs): void {
  if (type === migrationType) inputs.set(urn, props);
}

/** 1000 comes after 999. */
const byNumber = new Intl.Collator("en", { numeric: true });

/**
 * Judges the migrations of a stack, those of each database together: all of them up to the first whose SQL is
 * not known.
 */
export async function judgeStackMigrations(
  resources: readonly PolicyResource[],
  judge: MigrationJudge,
): Promise<JudgedMigrations[]> {
  return Promise.all(
    [...migrationsByDatabase(resources)].map(async (migrations) => {
      const end = migrations.findIndex(({ sql }) => sql.state !== "known");
      const known = migrations
        .slice(0, end < 0 ? undefined : end)
        .flatMap(({ file, sql }) => (sql.state === "known" ? [{ file, sql: sql.text }] : []));
      try {
        const { findings } = await verdictOf(known, judge);
        return { migrations, findings };
      } catch (error) {
        if (!(error instanceof NoServerError)) throw error;
        return { migrations, findings: [], problem: error.message };
      }
    }),
  );
}

function migrationsByDatabase(resources: readonly PolicyResource[]): Iterable<StackMigration[]> {
  const databases = new Map<string, StackMigration[]>();
  for (const { type, urn, name, props, parent, opts } of resources) {
    if (type !== migrationType) continue;
    const database = parent?.urn ?? opts.parent ?? "";
    const migrations = databases.get(database) ?? [];
    migrations.push({ urn, ...readMigration(inputs.get(urn) ?? props, name) });
    databases.set(database, migrations);
  }
  for (const migrations of databases.values())
    migrations.sort((a, b) => byNumber.compare(a.file, b.file));
  return databases.values();
}

function readMigration(props: PolicyResource["props"], name: string): Omit<StackMigration, "urn"> {
  const named = read(props, "forwardFile");
  const file =
    named.state === "known" && typeof named.value === "string" ? named.value : `migration ${name}`;
  const sql = read(props, "forwardSql");
  if (sql.state === "unknown") return { file, sql };
  if (sql.state === "known" && typeof sql.value === "string") {
    return { file, sql: { state: "known", text: sql.value } };
  }
  if (sql.state === "known") return { file, sql: { state: "missing", found: "not a string" } };
  const isApplied = read(props, "appliedAt").state === "known";
  return { file, sql: isApplied ? { state: "applied" } : { state: "missing", found: "missing" } };
}

let latest: { key: string; verdict: Promise<Verdict> } | undefined;

/** Each policy asks for the same verdict, one after the other. */
function verdictOf(files: readonly SqlFile[], judge: MigrationJudge): Promise<Verdict> {
  if (files.length === 0) return Promise.resolve({ findings: [], refusedFiles: 0, limits: [] });
  const key = JSON.stringify(files);
  if (latest?.key !== key) latest = { key, verdict: judgeMigrations(files, judge) };
  return latest.verdict;
}
