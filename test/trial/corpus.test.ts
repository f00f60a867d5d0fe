import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readCase } from "../policy/corpus-case";
import { type TrialDatabase, createTrialDatabase } from "./rolled-back";

const corpus = join(__dirname, "../policy/corpus");
const casesOf = (kind: "unsafe" | "safe") =>
  readdirSync(join(corpus, kind)).map((file) => {
    const one = readCase(kind, join(corpus, kind, file));
    return [one.name, one] as const;
  });

describe("the trial, on the corpus,", () => {
  let database: TrialDatabase;

  beforeAll(async () => {
    database = await createTrialDatabase(["000_existing_schema.sql", "001_add_missing_tables.sql"]);
  });

  afterAll(() => database.drop());

  const unsafe = casesOf("unsafe");
  const isFound = ([, { refusedBy }]: (typeof unsafe)[number]) => refusedBy !== "rules";

  it.each(unsafe.filter(isFound))("breaks in: %s", async (file, { sql, runBy }) => {
    const rules = (await database.tryOne({ file, sql }, runBy)).map(({ rule }) => rule);
    expect(rules.filter((rule) => rule !== "trial-judged")).not.toEqual([]);
  });

  it.each(unsafe.filter((one) => !isFound(one)))(
    "leaves to the rules what no attempt shows: %s",
    async (file, { sql, runBy }) => expect(await database.tryOne({ file, sql }, runBy)).toEqual([]),
  );

  it.each(casesOf("safe"))("is silent on: %s", async (file, { sql, runBy }) =>
    expect(await database.tryOne({ file, sql }, runBy)).toEqual([]),
  );
});
