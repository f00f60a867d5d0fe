import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client, type ClientBase } from "pg";
import { readCatalog, schemaOf } from "../../migrator/src/catalog";
import {
  type Contract,
  type SqlFile,
  defaultContract,
  judgeSchema,
  loadParser,
  parseContract,
} from "../../rules/src";
import {
  type JudgedFinding,
  type ThrowawayServer,
  judgeMigrations,
  tryDatabase,
} from "../../trial/src";
import { findingsOf } from "../../trial/src/verdict/judge-anew";
import { type CorpusCase, userA, userB } from "./corpus-case";
import type { MigrationFolder } from "./migration-folders";

const SQL = join(__dirname, "../../sql");

/** A session keeps the plans of dropped functions, and goes through them whenever something is altered. */
const CASES_A_SESSION = 5;

/** What rules and trial say of migrations. */
export interface Opinion {
  findings: JudgedFinding[];
  /** The mandatory ones. */
  refusals: JudgedFinding[];
  tables: number;
  attempts: number;
}

/** What of a case is declared in the contract. */
export type Declared = Partial<Pick<CorpusCase, "sharedTables" | "trustedSettings">>;

/**
 * A database with some of the project's own migrations, on which cases are run one after the other, each
 * in a transaction that is rolled back.
 */
export class Ground {
  #cases = 0;

  private constructor(
    private readonly server: ThrowawayServer,
    private readonly database: string,
    private client: Client,
  ) {}

  /** @param base names of files of `sql/`. */
  static async create(server: ThrowawayServer, base: readonly string[]): Promise<Ground> {
    await loadParser();
    const database = `ground_${randomBytes(6).toString("hex")}`;
    await administer(server, [
      `create database ${database} owner migrator strategy file_copy`,
      `revoke all on database ${database} from public`,
      `grant connect on database ${database} to app`,
    ]);
    const ground = new Ground(server, database, await connect(server, database));
    for (const file of base) await ground.apply(readFileSync(join(SQL, file), "utf8"));
    return ground;
  }

  /** Runs a migration for good. */
  async apply(sql: string, role = "migrator"): Promise<void> {
    await this.client.query(`set session authorization ${role}`);
    await this.client.query(sql);
    await this.client.query("reset all; reset session authorization");
  }

  /** Runs what shows whether a case leaks. @returns the last value of its proof, or of its query. */
  async prove({ sql, runBy, rows, role, claims, query, proof }: CorpusCase) {
    return this.#rolledBack(async (client) => {
      const insert = "insert into public.users (id, email) values ($1, 'a'), ($2, 'b')";
      await client.query(insert, [userA, userB]);
      await this.#become(client, runBy);
      await client.query(sql);
      await client.query("reset role; set local search_path = public");
      if (rows) await client.query(rows);
      await client.query(`set local role ${role}`);
      await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
      const returned = await lastValue(client, query);
      if (!proof) return returned;
      await client.query("reset role");
      return lastValue(client, proof);
    });
  }

  /** Runs a migration, undoes it, and says what rules and trial find in between. */
  async judgeCase(one: Pick<CorpusCase, "name" | "sql" | "runBy"> & Declared): Promise<Opinion> {
    return this.#rolledBack(async (client) => {
      await this.#become(client, one.runBy);
      await client.query(one.sql);
      await client.query("reset role; set local search_path = public");
      return judge(client, [{ file: one.name, sql: one.sql }], contractOf(one));
    });
  }

  async drop(): Promise<void> {
    await this.client.end();
    await administer(this.server, [`drop database ${this.database} with (force)`]);
  }

  async #become(client: ClientBase, role: string): Promise<void> {
    if (role !== "superuser") await client.query(`set local role ${role}`);
  }

  async #rolledBack<Result>(work: (client: ClientBase) => Promise<Result>): Promise<Result> {
    this.#cases += 1;
    if (this.#cases % CASES_A_SESSION === 0) {
      await this.client.end();
      this.client = await connect(this.server, this.database);
    }
    await this.client.query("begin");
    try {
      return await work(this.client);
    } finally {
      await this.client.query("rollback");
    }
  }
}

/** Judges migrations as `npm run policy` does, on a database of their own. */
export async function judgeFiles(
  server: ThrowawayServer,
  { base, files }: MigrationFolder,
  contract: Contract = defaultContract,
): Promise<Opinion> {
  const made = base.map((file) => ({ file, sql: readFileSync(join(SQL, file), "utf8") }));
  // What is not an application's own migrations stands on 000 where it has to; a trio always on both.
  const isTrio = base.length > 1;
  const { findings, trial } = await judgeMigrations(isTrio ? [...made, ...files] : files, {
    base: contract.platform === null ? made : [],
    contract,
    server,
    fresh: true,
  });
  return opinionOf(findings, trial ?? { tables: 0, attempts: 0 });
}

/** Judges a database by the rules and the trial. */
async function judge(
  client: ClientBase,
  files: readonly SqlFile[],
  contract: Contract,
): Promise<Opinion> {
  const found = judgeSchema(schemaOf(await readCatalog(client)), undefined, contract);
  const trial = await tryDatabase(client, { contract });
  return opinionOf(findingsOf(found, trial), trial);
}

function opinionOf(
  findings: JudgedFinding[],
  { tables, attempts }: Pick<Opinion, "tables" | "attempts">,
): Opinion {
  const refusals = findings.filter(({ level }) => level === "mandatory");
  return { findings, refusals, tables, attempts };
}

function contractOf({ sharedTables = [], trustedSettings = [] }: Declared): Contract {
  const tables = sharedTables.map((table) => {
    const [schema, name] = table.split(".");
    return { schema, name };
  });
  return parseContract({ sharedTables: tables, trustedSettings });
}

async function administer(server: ThrowawayServer, statements: string[]): Promise<void> {
  const client = await connect(server, "postgres");
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function connect(server: ThrowawayServer, database: string): Promise<Client> {
  const client = new Client({ ...server, database });
  await client.connect();
  // Compiling the query of the catalog takes longer than running it.
  await client.query("set jit = off");
  return client;
}

/** The first value of the last statement's first row. */
async function lastValue(client: ClientBase, sql: string): Promise<string | undefined> {
  const results = [await client.query<Record<string, unknown>>(sql)].flat();
  const row = results.at(-1)?.rows[0];
  return row && String(Object.values(row)[0]);
}
