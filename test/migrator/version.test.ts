import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { applyPending, readHistory, readTrios, rollbackTo } from "../../migrator/src";
import { writeTrio } from "../../migrator/src/files/new-trio";
import {
  canonicalVersion,
  compareVersions,
  isWanted,
  nextDigits,
  versionBefore,
  versionOf,
} from "../../migrator/src/files/version";
import { makePlan, renderPlan } from "../../migrator/src/plan";
import { type MigratorFixture, createFixture } from "./migration-fixture";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "versions-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Writes migrations that each make a schema, `s_` and its number, and undo it. */
function write(...names: string[]): void {
  for (const name of names) {
    const schema = `s_${versionOf(name) ?? "none"}`;
    writeFileSync(path.join(directory, `${name}.sql`), `create schema ${schema};\n`);
    writeFileSync(path.join(directory, `${name}_rollback.sql`), `drop schema ${schema};\n`);
    writeFileSync(path.join(directory, `${name}_verify.sql`), "select;");
  }
}

const counted = (from: number, to: number, width = 3) =>
  Array.from(
    { length: to - from + 1 },
    (_, index) => `${String(from + index).padStart(width, "0")}_step`,
  );
const versions = () => readTrios(directory).map(({ version }) => version);

describe("a version", () => {
  it("is a number, in order as one, whatever zeros stand before it", () => {
    expect(["0001", "001", "01000", "20260101120000"].map(canonicalVersion)).toEqual([
      "001",
      "001",
      "1000",
      "20260101120000",
    ]);
    expect(["1000", "20260101120000", "999", "000"].sort(compareVersions)).toEqual([
      "000",
      "999",
      "1000",
      "20260101120000",
    ]);
    expect(isWanted("999", "1000")).toBe(true);
    expect(isWanted("1000", "999")).toBe(false);
  });

  it("has one before it, but the first", () => {
    expect(["000", "001", "1000", "20260101120000"].map(versionBefore)).toEqual([
      "none",
      "000",
      "999",
      "20260101119999",
    ]);
  });

  it("is followed by one of the same width, and a time by the time of now", () => {
    const now = new Date("2026-11-22T21:45:18.123Z");
    expect(nextDigits(undefined, now)).toBe("000");
    expect(nextDigits("001", now)).toBe("002");
    expect(nextDigits("0041", now)).toBe("0042");
    expect(nextDigits("999", now)).toBe("1000");
    expect(nextDigits("20260101120000", now)).toBe("20261122214518");
    // A clock that is behind the newest file makes no number below it.
    expect(nextDigits("20270101120000", now)).toBe("20270101120001");
  });
});

describe("readTrios", () => {
  it("takes numbers of any width from three digits on, in the order of the numbers", () => {
    write(...counted(0, 999), "1000_step", "01001_step");
    expect(versions().slice(-4)).toEqual(["998", "999", "1000", "1001"]);
  });

  it("takes times after counted numbers, with gaps", () => {
    write("000_step", "20260101120000_step", "20251231235959_step");
    expect(versions()).toEqual(["000", "20251231235959", "20260101120000"]);
  });

  it("refuses two files of one number, and names both", () => {
    write("000_step", "001_first", "0001_second");
    expect(() => readTrios(directory)).toThrow(
      `MIG001 ${directory} is not a sequence of migrations. ` +
        "0001_second.sql and 001_first.sql have the same number, 001: each needs its own.",
    );
  });

  it("refuses a gap between counted numbers, and fewer than three digits", () => {
    write("0000_step", "0002_step");
    writeFileSync(path.join(directory, "03_short.sql"), "");
    expect(() => readTrios(directory)).toThrow(
      "03_short.sql must be named NNN_name.sql: 3 to 18 digits, then words in lower case.",
    );
    expect(() => readTrios(directory)).toThrow(
      "0002_step.sql stands where 0001 is due: numbers start at 000 and leave no gap, unless they " +
        "are times (YYYYMMDDhhmmss).",
    );
  });
});

describe("writeTrio", () => {
  it("goes on in the width of the newest file", () => {
    write("0000_step");
    expect(path.basename(writeTrio(directory, "add_notes")[0] ?? "")).toBe("0001_add_notes.sql");
    expect(versions()).toEqual(["000", "001"]);
  });
});

describe("migrations on both sides of 999", () => {
  let fixture: MigratorFixture;
  beforeEach(async () => {
    fixture = await createFixture();
  });
  afterEach(() => fixture.database.drop());

  it("are applied and undone by number, also beside times", async () => {
    // As if 000 to 997 were another's: the log takes any number to start with.
    write(...counted(0, 1001), "20260101120000_step");
    const trios = readTrios(directory).slice(998);
    const log = async () =>
      (await readHistory(fixture.settings)).flatMap(({ version, applied }) =>
        applied ? [version] : [],
      );
    await applyPending(fixture.settings, trios, { target: "1000" });
    expect(await log()).toEqual(["998", "999", "1000"]);
    await applyPending(fixture.settings, trios);
    expect(await log()).toEqual(["998", "999", "1000", "1001", "20260101120000"]);
    expect(await applyPending(fixture.settings, trios)).toEqual([]);
    expect(await rollbackTo(fixture.settings, "999")).toEqual([
      "20260101120000_step",
      "1001_step",
      "1000_step",
    ]);
    expect(await log()).toEqual(["998", "999"]);
  });
});

describe("a migration that cannot be undone", () => {
  const file = (name: string) => path.join(directory, name);

  beforeEach(() => {
    writeFileSync(
      file("000_hash.sql"),
      "-- Purpose   hash what was plain\n-- no-rollback: the plain texts are gone\n\ncreate schema hashed;\n",
    );
    writeFileSync(file("000_hash_verify.sql"), "select 1;");
  });

  it("says why in its header, and has no rollback file", () => {
    expect(readTrios(directory)).toMatchObject([
      { name: "000_hash", noRollback: "the plain texts are gone", rollback: { sql: "" } },
    ]);
  });

  it("is planned as such", async () => {
    const plan = await makePlan(undefined, { pending: readTrios(directory), history: undefined });
    expect(renderPlan(plan)).toContain(
      "\n  rollback   CANNOT BE UNDONE: the plain texts are gone\n",
    );
  });

  it("has no rollback file all the same", () => {
    writeFileSync(file("000_hash_rollback.sql"), "drop schema hashed;");
    expect(() => readTrios(directory)).toThrow(
      "000_hash_rollback.sql undoes what its forward file says cannot be undone (no-rollback).",
    );
  });

  it("has a reason", () => {
    writeFileSync(file("000_hash.sql"), "-- no-rollback:\ncreate schema hashed;\n");
    expect(() => readTrios(directory)).toThrow(
      '000_hash.sql has to say after "no-rollback:" why it cannot be undone.',
    );
  });

  it("says so before its first statement, and nowhere else", () => {
    writeFileSync(file("000_hash.sql"), "create schema hashed;\n-- no-rollback: too late\n");
    expect(() => readTrios(directory)).toThrow(
      "000_hash_rollback.sql is missing beside 000_hash.sql.",
    );
  });
});
