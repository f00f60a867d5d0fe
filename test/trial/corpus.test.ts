import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { TrialFinding } from "../../trial/src";
import { type CorpusCase, readCase } from "../policy/corpus-case";
import { type TrialDatabase, createTrialDatabase } from "./rolled-back";

const corpus = join(__dirname, "../policy/corpus");
const casesOf = (kind: "unsafe" | "safe") =>
  readdirSync(join(corpus, kind)).map((file) => {
    const one = readCase(kind, join(corpus, kind, file));
    return [one.name, one] as const;
  });

describe("the trial, on the corpus,", () => {
  const databases = new Map<string, Promise<TrialDatabase>>();

  afterAll(async () => {
    for (const database of databases.values()) await (await database).drop();
  });

  /** Tries a case where the other cases with the same base were tried. */
  async function tryCase(file: string, { base, sql, runBy }: CorpusCase): Promise<TrialFinding[]> {
    const key = base.join();
    const database = databases.get(key) ?? createTrialDatabase(base);
    databases.set(key, database);
    return (await database).tryOne({ file, sql }, runBy);
  }

  const unsafe = casesOf("unsafe");
  const isFound = ([, { refusedBy }]: (typeof unsafe)[number]) => refusedBy !== "rules";

  it.each(unsafe.filter(isFound))("breaks in: %s", async (file, one) => {
    const rules = (await tryCase(file, one)).map(({ rule }) => rule);
    expect(rules.filter((rule) => rule !== "trial-judged")).not.toEqual([]);
  });

  it.each(unsafe.filter((one) => !isFound(one)))(
    "leaves to the rules what no attempt shows: %s",
    async (file, one) => expect(await tryCase(file, one)).toEqual([]),
  );

  it.each(casesOf("safe"))("is silent on: %s", async (file, one) =>
    expect(await tryCase(file, one)).toEqual([]),
  );
});
