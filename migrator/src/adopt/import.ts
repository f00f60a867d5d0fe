import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { SqlSyntaxError, projectContract, splitStatements } from "@app-data/rules";
import type { ClientBase } from "pg";
import { type Catalog, type Fact, catalogChanges, equalJson, readCatalog } from "../catalog";
import { withConnection } from "../database/connection";
import { reasonOf } from "../database/server-error";
import type { ConnectionSettings } from "../database/settings";
import { inTransaction } from "../database/transaction";
import { CODES, MigratorError } from "../errors";
import { refusalsOf } from "../files/refusals";
import { type Trio, readTrios } from "../files/trio";
import { digitsOf, nextDigits } from "../files/version";
import { Gate } from "../judge/gate";
import { compareHistory } from "../log/history";
import { readLog } from "../log/log";
import { type SourceMigration, type Tool, readSource } from "./import-sources";
import { type MadeNames, qualify } from "./qualify";
import { verifyFile } from "./verify-file";

/** What was imported. */
export interface Imported {
  files: string[];
  /** What is left out, made otherwise, or refused by `up`, a sentence each. */
  notMade: string[];
}

/** A migration that runs here, with what it changed in the catalog. */
interface Tried {
  source: SourceMigration;
  forward: string;
  rollback: string | undefined;
  after: Catalog;
  changed: string[];
}

/** What is committed of a try: nothing. */
class Undone extends Error {
  public constructor(public readonly tried: Tried[]) {
    super("Everything was tried, and is undone.");
  }
}

/**
 * Makes trios of the migrations of another tool, after those that are in the folder. Each is tried on the
 * database, in one transaction that is undone: its verify file is made of what it left in the catalog and
 * what is still so at the end.
 * @param settings of a database that holds what the trios in the folder make, and nothing of what is imported.
 * @throws MigratorError MIG023 that lists all that is in the way; nothing is written then.
 */
export async function importMigrations(
  settings: ConnectionSettings,
  tool: Tool,
  from: string,
  directory: string,
): Promise<Imported> {
  const { migrations, problems, notes } = readSource(tool, from);
  const trios = existsSync(directory) ? readTrios(directory) : [];
  if (problems.length > 0) throw refused(from, problems);
  const { tried, before } = await tryAll(settings, from, trios, migrations, notes);
  const gate = new Gate(undefined, () => undefined, projectContract("."));
  const known = new Set(gate.judge(before).map(({ message }) => message));
  const final = tried.at(-1)?.after ?? before;
  const refusedByGate = gate
    .judge(final)
    .filter(({ message }) => !known.has(message))
    .map(
      ({ code, message, remediation }) => `\`up\` refuses it: ${code} ${message}. ${remediation}`,
    );
  const files = writeTrios(directory, trios, tool, tried, final);
  return { files, notMade: [...notes, ...refusedByGate] };
}

async function tryAll(
  settings: ConnectionSettings,
  from: string,
  trios: readonly Trio[],
  migrations: readonly SourceMigration[],
  notes: string[],
): Promise<{ tried: Tried[]; before: Catalog }> {
  return withConnection(settings, async (client) => {
    let before: Catalog = new Map();
    const work = async () => {
      const { pending, toRollBack } = await compareHistory(client, await readLog(client), trios);
      if (pending.length + toRollBack.length > 0) {
        const list = [...pending, ...toRollBack].map(({ name }) => name).join(", ");
        throw refused(from, [
          `the database does not hold the migrations of the folder (${list}): bring it up first.`,
        ]);
      }
      before = await readCatalog(client);
      throw new Undone(await tryEach(client, from, before, migrations, notes));
    };
    try {
      await inTransaction(client, work, { attempts: 1 });
    } catch (error) {
      if (error instanceof Undone) return { tried: error.tried, before };
      throw error;
    }
    throw new Error("What was tried was not undone.");
  });
}

async function tryEach(
  client: ClientBase,
  from: string,
  before: Catalog,
  migrations: readonly SourceMigration[],
  notes: string[],
): Promise<Tried[]> {
  const made: MadeNames = { relations: new Set(), others: new Set() };
  const tried: Tried[] = [];
  const problems: string[] = [];
  let catalog = before;
  for (const source of migrations) {
    try {
      const forward = await readable(source.forward, source.file, made);
      if ((await splitStatements(forward, source.file)).length === 0) {
        notes.push(`${source.file} holds no statement, and is left out.`);
        continue;
      }
      const rollback =
        source.rollback && (await readable(source.rollback, `${source.file} (undo)`, made));
      // After the first that fails, others fail for that alone.
      if (problems.length > 0) continue;
      await client.query(forward.replace(/\bconcurrently\b/gi, ""));
      const after = await readCatalog(client, catalog);
      if (rollback !== undefined)
        notes.push(...(await tryRollback(client, source, rollback, catalog)));
      const changed = Object.keys(catalogChanges(catalog, after));
      tried.push({ source, forward, rollback, after, changed });
      catalog = after;
    } catch (error) {
      problems.push(error instanceof MigratorError ? plain(error) : describe(source.file, error));
      if (!(error instanceof MigratorError || error instanceof SqlSyntaxError)) break;
    }
  }
  if (problems.length > 0) throw refused(from, problems);
  return tried;
}

/** @throws MigratorError MIG023 that lists what no migration may hold. */
async function readable(sql: string, file: string, made: MadeNames): Promise<string> {
  const refusals = (await refusalsOf({ file, sql }, ["public"])).filter(
    ({ message }) => !message.includes("controls the transaction"),
  );
  if (refusals.length > 0) {
    const list = refusals.map(
      ({ line, column, message }) => `${file}:${line}:${column}: ${message}`,
    );
    throw new MigratorError(CODES.notTranslatable, list.join("\n  "));
  }
  return qualify(sql, file, made);
}

/** Undoes it, says what is not as it was, and does it again. */
async function tryRollback(
  client: ClientBase,
  { file }: SourceMigration,
  rollback: string,
  before: Catalog,
): Promise<string[]> {
  await client.query("savepoint tried");
  try {
    await client.query(rollback.replace(/\bconcurrently\b/gi, ""));
    const left = Object.keys(catalogChanges(before, await readCatalog(client, before)));
    return left.length > 0 ? [`${file}: its undo leaves another ${left.join(", ")}.`] : [];
  } catch (error) {
    return [`${file}: its undo fails: ${reasonOf(error)}.`];
  } finally {
    await client.query("rollback to savepoint tried; release savepoint tried");
  }
}

function describe(file: string, error: unknown): string {
  if (error instanceof SqlSyntaxError)
    return `${file}:${error.line}:${error.column}: ${error.reason}.`;
  return `${file}: ${reasonOf(error)}. Give it what it needs in a copy of the folder; names in strings, such as function bodies and nextval('…'), need their schema.`;
}

function plain({ code, message }: MigratorError): string {
  return message.slice(code.length + 1);
}

function refused(from: string, problems: readonly string[]): MigratorError {
  return new MigratorError(
    CODES.notTranslatable,
    [`${from} cannot be imported, and nothing was written:`, ...problems].join("\n  "),
  );
}

function writeTrios(
  directory: string,
  trios: readonly Trio[],
  tool: Tool,
  tried: readonly Tried[],
  final: Catalog,
): string[] {
  mkdirSync(directory, { recursive: true });
  const keepsTimes = tried.every(({ source }) => source.time !== undefined);
  const newest = trios.at(-1);
  let digits = newest && digitsOf(newest.name);
  return tried.flatMap(({ source, forward, rollback, after, changed }) => {
    const { title, time, file } = source;
    digits = keepsTimes && time !== undefined ? time : nextDigits(digits, new Date());
    const name = `${digits}_${words(title)}`;
    const left = changed.flatMap((key): [string, Fact][] => {
      const [was, is] = [after.get(key), final.get(key)];
      return was && is && equalJson(was, is) ? [[key, was]] : [];
    });
    const header = [
      `-- Purpose   ${title.replaceAll("_", " ")} (${file} of ${tool})`,
      ...(rollback === undefined ? [`-- no-rollback: ${tool} had nothing that undoes it`] : []),
    ].join("\n");
    const texts = {
      [`${name}.sql`]: `${header}\n\n${forward.trimStart()}`,
      ...(rollback !== undefined && {
        [`${name}_rollback.sql`]: `-- Purpose   Undo ${name}\n\n${rollback.trimStart()}`,
      }),
      [`${name}_verify.sql`]: verifyFile(name, new Map(left)),
    };
    return Object.entries(texts).map(([each, sql]) => {
      const place = path.join(directory, each);
      writeFileSync(place, sql.endsWith("\n") ? sql : `${sql}\n`, { flag: "wx" });
      return place;
    });
  });
}

function words(title: string): string {
  const name = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /_(?:rollback|verify)$|^(?:rollback|verify)$|^$/.test(name)
    ? `${name}_it`.replace(/^_/, "")
    : name;
}
