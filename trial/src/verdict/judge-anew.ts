import { refusalsOf } from "@app-data/migrator/judged-database";
import { type Contract, type SqlFile, type SqlSyntaxError, judgeSchema } from "@app-data/rules";
import type { Client } from "pg";
import { type Refusal, applyMigrations, readSchema } from "../server/apply-migrations";
import { withThrowawayDatabase } from "../server/throwaway-database";
import type { ThrowawayServer } from "../server/throwaway-server";
import { trialFinding } from "../judging/trial-finding";
import { type Trial, tryDatabase } from "../try-database";
import { findOrigins } from "./origins";
import { settleUnknown } from "./settle-unknown";
import { type JudgedFinding, type Verdict, readableRule } from "./verdict";

/** As for `judgeMigrations`, all of them given. */
export interface Settings {
  contract: Contract;
  base: readonly SqlFile[];
  seeds: readonly SqlFile[];
  withTrial: boolean;
  server: ThrowawayServer;
  report: (line: string) => void;
}

/** PostgreSQL says by these that something does not exist: a table, function, schema, type, column. */
const MISSING = new Set(["42P01", "42883", "3F000", "42704", "42703"]);

/** Judges migrations, whether or not a verdict of them is kept. */
export async function judgeAnew(files: readonly SqlFile[], settings: Settings): Promise<Verdict> {
  const { contract, base, server } = settings;
  const unfit = await readFiles(files, contract);
  if (unfit.length > 0) return refused(unfit);
  const judge = (all: readonly SqlFile[]) =>
    withThrowawayDatabase(server, contract, (...clients) => judgeDatabase(clients, all, settings));
  let result = await judge(files);
  const needsBase =
    "refusal" in result ? MISSING.has(result.refusal.sqlState ?? "") : result.isEmpty;
  if (needsBase && base.length > 0) result = await judge([...base, ...files]);
  if (!("refusal" in result)) return result.verdict;
  return { ...refused([notApplied(result.refusal)]), limits: result.limits };
}

const UNRUN = "Nothing is judged before every file can be run.";

/** Every place that keeps a file from being run, before any of them is applied. */
async function readFiles(
  files: readonly SqlFile[],
  { platform, searchPath }: Contract,
): Promise<JudgedFinding[]> {
  const refusals = await Promise.all(files.map((file) => refusalsOf(file, searchPath)));
  return (
    refusals
      .flat()
      // A platform's tool allows other files; what is wrong with them is found when they are applied.
      .filter((one) => platform === null || one.ofPsql === true || one.syntaxError)
      .map(({ syntaxError, file, line, message }) =>
        syntaxError
          ? unreadable(syntaxError)
          : trialFinding("trial-applied", {
              object: file,
              file,
              line,
              message,
              remediation: UNRUN,
            }),
      )
  );
}

function unreadable({ file, line, column, reason }: SqlSyntaxError): JudgedFinding {
  const { name: rule, code, remediation } = readableRule;
  const message = `column ${column}: ${reason}`;
  return { rule, code, level: "mandatory", object: file, file, line, message, remediation };
}

function notApplied({ file, line, message }: Refusal): JudgedFinding {
  return trialFinding("trial-applied", {
    object: file,
    file,
    line,
    message: `the migration cannot be applied, so nothing was judged: ${message}`,
  });
}

function refused(findings: JudgedFinding[]): Verdict {
  return { findings, refusedFiles: new Set(findings.map(({ file }) => file)).size, limits: [] };
}

interface Judged {
  verdict: Verdict;
  /** There is nothing in the database that could be judged. */
  isEmpty: boolean;
}

async function judgeDatabase(
  [client, migrator]: [Client, Client],
  files: readonly SqlFile[],
  { contract, seeds, withTrial, report }: Settings,
): Promise<Judged | { refusal: Refusal; limits: string[] }> {
  const { starts, limits, refusal } = await applyMigrations(client, migrator, files, contract);
  if (refusal) return { refusal, limits };
  const schema = await readSchema(client);
  const found = judgeSchema(schema, undefined, contract);
  if (withTrial) report("The attacker tries what the policies let through …");
  const trial = withTrial ? await tryDatabase(client, { contract, seeds }) : undefined;
  const all = findingsOf(found, trial);
  const { tables, views = [], functions = [], defaultPrivileges = [] } = schema;
  const makesSomething = [tables, views, functions, defaultPrivileges].some(
    ({ length }) => length > 0,
  );
  if (trial?.attempts === 0 && tables.length === 0 && makesSomething) all.push(nothingTried(files));
  const verdict = {
    findings: await withOrigins(client, files, starts, all),
    refusedFiles: 0,
    ...(trial && { trial: { tables: trial.tables, attempts: trial.attempts } }),
    schema,
    ...(trial && { attacks: { tried: trial.tried, shown: trial.shown } }),
    limits: [...limits, ...(trial?.unexpected ?? []).map(describeUnexpected)],
  };
  return { verdict, isEmpty: tables.length === 0 };
}

/** What rules and attacker say together. */
export function findingsOf(
  found: readonly JudgedFinding[],
  trial: Pick<Trial, "tried" | "findings"> | undefined,
): JudgedFinding[] {
  return [...settleUnknown(found, trial), ...(trial?.findings ?? [])];
}

/** Nobody can say that it is safe. */
function nothingTried(files: readonly SqlFile[]): JudgedFinding {
  const object = files.at(-1)?.file ?? "";
  return trialFinding("trial-judged", {
    object,
    file: object,
    line: 1,
    message:
      "there were 0 attempts on 0 tables: the files make no table, and what they make was not tried",
  });
}

function describeUnexpected({ object, sqlState, message, count }: Trial["unexpected"][number]) {
  const attempts = count === 1 ? "1 attempt" : `${count} attempts`;
  return `${attempts} on ${object} failed for another reason than a refusal (${sqlState}): ${message}`;
}

async function withOrigins(
  client: Client,
  files: readonly SqlFile[],
  starts: readonly string[],
  findings: readonly JudgedFinding[],
): Promise<JudgedFinding[]> {
  const objects = new Set(findings.map(({ object }) => object));
  if (objects.size === 0) return [];
  const origins = await findOrigins(client, files, starts, [...objects]);
  return findings.map((finding) => ({ ...finding, ...origins.get(finding.object) }));
}
