import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { applyPending, readTrios } from "../../migrator/src";
import { baselineOf, writeBaseline } from "../../migrator/src/adopt/baseline";
import { readSchema } from "../../migrator/src/adopt/schema-reading";
import { type Catalog, catalogChanges, readCatalog } from "../../migrator/src/catalog";
import { baseline } from "../../migrator/src/run/repair";
import {
  type MigratorFixture,
  createFixture,
  projectTrios,
  protectedTable,
} from "./migration-fixture";

const SCHEMA = readFileSync(path.join(__dirname, "schema-fixture.sql"), "utf8");

let directory: string;
let [old, fresh]: MigratorFixture[] = [];
beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "baseline-"));
  [old, fresh] = [await createFixture(), await createFixture()];
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  await Promise.all([old, fresh].map((fixture) => fixture?.database.drop()));
});

/** Runs SQL as the migrator, each text in a transaction of its own. */
async function run(fixture: MigratorFixture | undefined, ...texts: string[]): Promise<void> {
  const migrator = await fixture?.database.connect("migrator");
  await migrator?.query("set search_path = ''");
  for (const text of texts) await migrator?.query(`begin; ${text}; commit`);
}

async function catalogOf(fixture: MigratorFixture | undefined): Promise<Catalog> {
  const migrator = await fixture?.database.connect("migrator");
  if (!migrator) throw new Error("There is no database.");
  await migrator.query("begin");
  const catalog = await readCatalog(migrator);
  return new Map([...catalog].filter(([key]) => !/^(?:role |database$)/.test(key)));
}

async function baselineOfOld() {
  const migrator = await old?.database.connect("migrator");
  if (!migrator) throw new Error("There is no database.");
  await migrator.query("begin");
  return baselineOf(await readSchema(migrator), "migrator");
}

describe("a baseline from a database", () => {
  it("makes the schema that the database has, and changes nothing when it runs again", async () => {
    await run(old, SCHEMA);
    const { forward, verify, notMade } = await baselineOfOld();
    expect(notMade.map((each) => each.split(":")[0])).toEqual([
      "operator public.===(integer,integer)",
      "default privileges of migrator in public on tables",
      "function public.total(integer)",
      "type public.span",
    ]);
    await run(old, verify);
    await run(fresh, forward, verify, forward, verify);
    const missing = Object.keys(catalogChanges(await catalogOf(old), await catalogOf(fresh)));
    expect(missing).toEqual([
      "function public.total(integer)",
      "default privileges of migrator in public on tables",
    ]);
  });

  it.each([
    ["alter table public.parents drop column code cascade", /table public\.parents columns is /],
    ["drop policy limited on public.parents", /policy public\.parents\.limited is missing/],
    ["alter table public.children no force row level security", /forced is false, expected true/],
    ["grant delete on public.parents to anon", /table public\.parents grants is .*"anon"/],
    ["alter function public.touch() security definer", /securityDefiner is true, expected false/],
    ["drop index public.parents_lower", /index public\.parents_lower is missing/],
    ["comment on view public.heads is 'other'", /comment is "other", expected "v"/],
  ])("verifies that nothing of it was changed: %s", async (change, problem) => {
    await run(old, SCHEMA);
    const { verify } = await baselineOfOld();
    await run(old, change);
    await expect(run(old, verify)).rejects.toThrow(problem);
  });

  it("is recorded where it was read, and applied to a new database", async () => {
    const [users] = projectTrios();
    await run(old, users.forward.sql, protectedTable("000", "notes").forward.sql);
    if (!old || !fresh) throw new Error("There are no databases.");
    const { files, notMade } = await writeBaseline(old.settings, directory);
    expect(files.map((file) => path.basename(file))).toEqual([
      "000_baseline.sql",
      "000_baseline_verify.sql",
    ]);
    expect(notMade).toEqual([]);
    const trios = readTrios(directory);
    expect(trios[0]?.noRollback).toBe("what it makes was there before the first migration");
    await baseline(old.settings, trios, { reason: "adopted" });
    await applyPending(fresh.settings, trios);
    expect(catalogChanges(await catalogOf(old), await catalogOf(fresh))).toEqual({});
  });

  it("names what belongs to another role, and is not recorded before it is given over", async () => {
    const superuser = await old?.database.connect("postgres");
    await superuser?.query(protectedTable("000", "notes").forward.sql);
    if (!old) throw new Error("There is no database.");
    const { notMade } = await writeBaseline(old.settings, directory);
    expect(notMade).toEqual([
      "table public.notes belongs to postgres: give it to migrator before the baseline is recorded.",
    ]);
    const record = () =>
      baseline(old?.settings ?? never(), readTrios(directory), { reason: "adopted" });
    await expect(record()).rejects.toThrow('owner is "postgres", expected "migrator"');
    await superuser?.query("alter table public.notes owner to migrator");
    await expect(record()).resolves.toMatchObject([{ name: "000_baseline", event: "baseline" }]);
  });

  it("is not written beside other migrations, nor for a database that has some", async () => {
    if (!old) throw new Error("There is no database.");
    await applyPending(old.settings, [protectedTable("000", "notes")]);
    await expect(writeBaseline(old.settings, directory)).rejects.toThrow(
      "MIG022 The database has a log of migrations already, so it needs no baseline.",
    );
    writeFileSync(path.join(directory, "000_notes.sql"), "select 1;");
    await expect(writeBaseline(old.settings, directory)).rejects.toThrow(
      `MIG022 ${directory} holds 000_notes.sql, and a baseline is the first migration.`,
    );
  });
});

function never(): never {
  throw new Error("There is no database.");
}
