import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { type TrialFinding, tryDatabase } from "../../trial/src";
import { type CorpusCase, readCase } from "../policy/corpus-case";
import { type TestDatabase, createDatabase } from "../support/database";

const corpus = join(__dirname, "../policy/corpus");
const base = ["000_existing_schema.sql", "001_add_missing_tables.sql"].map((file) =>
  readFileSync(join(__dirname, "../../sql", file), "utf8"),
);
const casesOf = (kind: "unsafe" | "safe") =>
  readdirSync(join(corpus, kind)).map((file) => readCase(kind, join(corpus, kind, file)));

// One database for all cases, each in a transaction that is rolled back: making a database for each would
// take longer than the trial.
describe("the trial, on the corpus,", () => {
  let database: TestDatabase;
  let client: ClientBase;

  beforeAll(async () => {
    database = await createDatabase();
    client = await database.connect("postgres");
    const migrator = await database.connect("migrator");
    for (const sql of base) await migrator.query(sql);
  });

  afterAll(() => database.drop());

  /** The mandatory findings on a case. */
  async function run({ name, sql, runBy }: CorpusCase): Promise<TrialFinding[]> {
    await client.query("begin");
    try {
      await client.query(`set local role ${runBy}`);
      await client.query(sql);
      await client.query("reset role; set local search_path = public");
      const { findings } = await tryDatabase(client, [{ file: name, sql }]);
      return findings.filter(({ level }) => level === "mandatory");
    } finally {
      await client.query("rollback");
    }
  }

  const unsafe = casesOf("unsafe").map((one) => [one.name, one] as const);
  const isFound = ([, { refusedBy }]: (typeof unsafe)[number]) => refusedBy !== "rules";

  it.each(unsafe.filter(isFound))("breaks in: %s", async (_, one) => {
    const broken = (await run(one)).filter(({ rule }) => rule !== "trial-judged");
    expect(broken).not.toEqual([]);
    expect(broken.every(({ rule }) => rule !== "trial-applied")).toBe(true);
  });

  it.each(unsafe.filter((one) => !isFound(one)))(
    "leaves to the rules what no attempt shows: %s",
    async (_, one) => expect(await run(one)).toEqual([]),
  );

  it.each(casesOf("safe").map((one) => [one.name, one] as const))(
    "is silent on: %s",
    async (_, one) => expect(await run(one)).toEqual([]),
  );
});
