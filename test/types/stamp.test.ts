import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Trio } from "../../migrator/src";
import {
  checkContent,
  checkStamp,
  stampedFile,
  stampMigrations,
} from "../../types/src/generated-file";
import { projectTrios } from "../migrator/migration-fixture";
import { projectFolder, runGenerator } from "./generator";

const REMEDY = "Run `npm run up`, then `npm run generate:types`, and commit the file.";
const trios = projectTrios();
let stamped: string;

beforeAll(async () => {
  const stamp = { catalog: "0".repeat(64), migrations: await stampMigrations(trios) };
  stamped = stampedFile(stamp, "export type Downloads = { download_count: bigint };\n");
});

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
    const directory = projectFolder();
    const file = path.join(directory, "types.ts");
    writeFileSync(file, stamped);
    const call = ["--check-stamp", "--directory", directory, "--output", file];
    expect(runGenerator(call)).toEqual({
      code: 0,
      stdout: `${file} is in step with ${directory}.\n`,
      stderr: "",
    });
  });

  it("fits when comments and layout of a migration change", async () => {
    const edited = withForward((sql) => `-- Another header.\n\n${sql}`);
    expect(await judge(stamped, edited)).toBe("in step");
  });

  it("does not fit when the SQL of a migration changes", async () => {
    const edited = withForward(
      (sql) => `${sql}\nalter table public.users add column nickname text;`,
    );
    expect(await judge(stamped, edited)).toBe(
      `MigratorError: MIG050 types.ts is stale: the SQL of 001_add_missing_tables has changed since. ${REMEDY}`,
    );
  });

  it("does not fit when a migration is new, or gone", async () => {
    const [first] = trios;
    expect(await judge(stamped, [...trios, { ...first, name: "999_later" }])).toBe(
      `MigratorError: MIG050 types.ts is stale: 999_later is missing in it. ${REMEDY}`,
    );
    expect(await judge(stamped, [first])).toBe(
      `MigratorError: MIG050 types.ts is stale: 001_add_missing_tables is gone. ${REMEDY}`,
    );
  });

  it("does not fit a file that was edited", async () => {
    const edited = stamped.replace("download_count: bigint", "download_count: number");
    expect(edited).not.toBe(stamped);
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
