import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  type MigrationInputs,
  type Trio,
  applyMigration,
  migrationLifecycle,
  planLifecycle,
  readHistory,
} from "../../migrator/src";
import { main } from "../../migrator/src/cli/main";
import { baseline } from "../../migrator/src/run/repair";
import { waiverOf, waiversOf } from "../policy/project-waivers";
import {
  type MigratorFixture,
  createFixture,
  protectedTable,
  trio,
  writeTrios,
} from "./migration-fixture";

const notes = protectedTable("000", "notes");
/** A view that shows its owner's rows to whoever may read it. */
const view = trio(
  "001",
  "create view public.all_notes as select * from public.notes;\n" +
    "grant select on public.all_notes to authenticated;",
  { rollback: "drop view public.all_notes;" },
);
const open = trio("001", "create table public.open (id integer);", {
  rollback: "drop table public.open;",
});
const waiver = waiverOf("view-invoker", "public.all_notes");
const refusal = /^MIG006 001_test was not committed: .*POL123 view public\.all_notes /;

describe("a waiver of a rule on the schema, at the gate", () => {
  let fixture: MigratorFixture;
  beforeEach(async () => {
    fixture = await createFixture();
    await applyMigration(fixture.settings, notes);
  });
  afterEach(() => fixture.database.drop());

  const apply = (migration: Trio, options: object) =>
    applyMigration(fixture.settings, migration, options);

  it("lets pass the one object that it names, and says so once", async () => {
    await expect(apply(view, {})).rejects.toThrow(refusal);
    const lines: string[] = [];
    const report = (line: string) => lines.push(line);
    await apply(view, { waivers: waiversOf([waiver]), report });
    const more = protectedTable("002", "topics");
    await apply(more, { waivers: waiversOf([waiver]), report });
    const said = lines.filter((line) => line.startsWith("waived"));
    // Once for each of the two runs.
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(
      /^waived until 2027-01-31 \(platform team\): POL123 view public\.all_notes .*\. The table is empty, and goes/,
    );
  });

  it.each([
    ["names another object", { object: "public.notes" }, undefined],
    [
      "has expired",
      { expires: "2026-11-21" },
      "POL170 the waiver of view-invoker of public.all_notes expired",
    ],
    [
      "has no owner",
      { owner: "" },
      "POL172 the waiver of view-invoker of public.all_notes has no owner",
    ],
    ["holds elsewhere", { environments: ["dev" as const] }, undefined],
  ])("takes nothing away when it %s", async (_fault, changes, told) => {
    const waivers = waiversOf([{ ...waiver, ...changes }], "prod");
    const failure = await apply(view, { waivers }).catch(String);
    expect(failure).toMatch(/MIG006 .*POL123 view public\.all_notes /);
    if (told !== undefined) expect(failure).toContain(told);
    else expect(failure).not.toMatch(/POL17\d/);
  });

  it("never lets pass a table without row level security", async () => {
    const waivers = waiversOf([waiverOf("row-level-security", "public.open")]);
    await expect(apply(open, { waivers })).rejects.toThrow(
      /^MIG006 .*POL101 table public\.open .*POL178 the waiver of row-level-security of public\.open /,
    );
  });

  it("is the way to adopt a database that breaks a rule", async () => {
    const client = await fixture.database.connect("migrator");
    await client.query(view.forward.sql);
    const adopt = (options: object) =>
      baseline(fixture.settings, [view], { reason: "it is there", ...options });
    await expect(adopt({})).rejects.toThrow(refusal);
    await expect(adopt({ waivers: waiversOf([waiver]) })).resolves.toHaveLength(1);
  });

  describe("from a file", () => {
    let directory: string;
    const file = () => path.join(directory, "waivers.json");
    beforeEach(() => {
      directory = mkdtempSync(path.join(tmpdir(), "app-data-waivers-"));
      const days = { granted: today(-1), expires: today(1) };
      const entries = [{ ...waiver, ...days, environments: ["dev"] }];
      writeFileSync(file(), JSON.stringify(entries));
      jest.spyOn(console, "log").mockReturnValue();
      jest.spyOn(console, "error").mockReturnValue();
    });
    afterEach(() => {
      rmSync(directory, { recursive: true });
      jest.restoreAllMocks();
    });

    it("counts in a deployment, at its application and at its rollback", async () => {
      const inputs = (environment: "dev" | "prod"): MigrationInputs => ({
        version: view.version,
        name: view.name,
        forwardFile: view.forward.file,
        forwardSql: view.forward.sql,
        rollbackFile: view.rollback.file,
        rollbackSql: view.rollback.sql,
        verifyFile: view.verify.file,
        verifySql: view.verify.sql,
        connection: fixture.settings,
        connectRoles: [],
        waivers: { file: file(), environment },
        snapshot: "",
        restoreCommand: "",
        pendingAfter: null,
      });
      const create = async (environment: "dev" | "prod") =>
        migrationLifecycle.create((await migrationLifecycle.check({}, inputs(environment))).inputs);
      await expect(create("prod")).rejects.toThrow(refusal);
      const { outs } = await create("dev");
      const another = trio("002", "create view public.more_notes as select * from public.notes;", {
        rollback: "drop view public.more_notes;",
      });
      const { inputs: more } = await migrationLifecycle.check(
        {},
        {
          ...inputs("dev"),
          version: "002",
          name: another.name,
          forwardSql: another.forward.sql,
          rollbackSql: another.rollback.sql,
        },
      );
      await migrationLifecycle.create(more);
      // Once that is undone, what is left is the first view, which its waiver still covers.
      const { connection, waivers } = outs;
      await planLifecycle.delete({ connection, waivers, allowDataLoss: false });
      expect((await readHistory(connection)).map(({ event }) => event)).toContain("rollback");
    });

    it("counts on the command line", async () => {
      const { host, port, database: name } = fixture.settings;
      const url = `postgresql://migrator:${encodeURIComponent(fixture.database.password("migrator"))}@${host}:${port}/${name}?sslmode=disable`;
      process.env["WAIVERS_TEST_URL"] = url;
      writeTrios(directory, [notes, view]);
      const up = (...more: string[]) =>
        main(["up", "--directory", directory, "--url-variable", "WAIVERS_TEST_URL", ...more]);
      try {
        expect(await up("--waivers", file())).toBe(1);
        expect(await up("--waivers", file(), "--environment", "prod")).toBe(1);
        expect(await up("--waivers", file(), "--environment", "production")).toBe(2);
        expect(await up("--waivers", `${file()}.old`, "--environment", "dev")).toBe(2);
        expect(await up("--waivers", file(), "--environment", "dev")).toBe(0);
      } finally {
        delete process.env["WAIVERS_TEST_URL"];
      }
    });
  });
});

/** The day so many days from now, `YYYY-MM-DD`. */
function today(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}
