import { readFileSync } from "node:fs";
import { type Trio, readTrios } from "../../migrator/src";
import { checkContent, checkStamp, stampMigrations } from "../../migrator/src/types/generated-file";
import { GENERATED_FILE, runGenerator } from "./generator";

const REMEDY = "Run `npm run up`, then `npm run generate:types`, and commit the file.";
const committed = readFileSync(GENERATED_FILE, "utf8");
const trios = readTrios("sql");

/** What the check without a database says of a file, when the migrations are these. */
async function judge(text: string | undefined, migrations: readonly Trio[]): Promise<string> {
  try {
    checkStamp("types.ts", text, await stampMigrations(migrations));
    return "in step";
  } catch (error) {
    return String(error);
  }
}

function withForward(change: (sql: string) => string): Trio[] {
  return trios.map((trio, index) =>
    index === 1 ? { ...trio, forward: { ...trio.forward, sql: change(trio.forward.sql) } } : trio,
  );
}

describe("the stamp of the generated types", () => {
  it("fits the project's migrations, which is known without a database", () => {
    expect(runGenerator(["--check-stamp"])).toEqual({
      code: 0,
      stdout: `${GENERATED_FILE} is in step with sql.\n`,
      stderr: "",
    });
  });

  it("fits when comments and layout of a migration change", async () => {
    const edited = withForward((sql) => `-- Another header.\n\n${sql}`);
    expect(await judge(committed, edited)).toBe("in step");
  });

  it("does not fit when the SQL of a migration changes", async () => {
    const edited = withForward(
      (sql) => `${sql}\nalter table public.users add column nickname text;`,
    );
    expect(await judge(committed, edited)).toBe(
      `MigratorError: MIG050 types.ts is stale: the SQL of 001_add_missing_tables has changed since. ${REMEDY}`,
    );
  });

  it("does not fit when a migration is new, or gone", async () => {
    const [first, second] = trios;
    if (!first || !second) throw new Error("sql/ must hold 000 and 001.");
    expect(await judge(committed, [...trios, { ...first, name: "999_later" }])).toBe(
      `MigratorError: MIG050 types.ts is stale: 999_later is missing in it. ${REMEDY}`,
    );
    expect(await judge(committed, [first, ...trios.slice(2)])).toBe(
      `MigratorError: MIG050 types.ts is stale: 001_add_missing_tables is gone. ${REMEDY}`,
    );
  });

  it("does not fit a file that was edited", async () => {
    const edited = committed.replace("download_count: bigint", "download_count: number");
    expect(edited).not.toBe(committed);
    expect(await judge(edited, trios)).toBe(
      `MigratorError: MIG050 types.ts was edited, or its stamp was: it is not what the generator wrote. ${REMEDY}`,
    );
  });

  it("is missed where there is no file", async () => {
    expect(await judge(undefined, trios)).toBe(
      `MigratorError: MIG050 types.ts does not exist. ${REMEDY}`,
    );
  });
});

describe("the comparison with the database", () => {
  it("shows the first line that differs", () => {
    const compare = (text: string | undefined) => () => {
      checkContent("types.ts", text, "a\n  b: string;\nc\n");
    };
    expect(compare("a\n  b: string;\nc\n")).not.toThrow();
    expect(compare("a\n  b: number;\nc\n")).toThrow(
      `MIG050 types.ts:2 differs from the database: the file has "b: number;", the database gives "b: string;". ${REMEDY}`,
    );
    expect(compare("a")).toThrow(
      `MIG050 types.ts:2 differs from the database: the file has the end, the database gives "b: string;". ${REMEDY}`,
    );
    expect(compare("a\n  b: string;\nc\n\nd")).toThrow(
      `MIG050 types.ts:5 differs from the database: the file has "d", the database gives the end. ${REMEDY}`,
    );
    expect(compare(undefined)).toThrow(`MIG050 types.ts does not exist. ${REMEDY}`);
  });
});
