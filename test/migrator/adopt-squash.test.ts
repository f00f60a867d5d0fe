import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Trio, applyPending, readHistory, readTrios, rollbackTo } from "../../migrator/src";
import { squash } from "../../migrator/src/adopt/squash";
import { repair } from "../../migrator/src/run/repair";
import { findDrift } from "../../migrator/src/judge/drift";
import { type MigratorFixture, createFixture, protectedTable } from "./migration-fixture";

const tables = ["alpha", "beta", "gamma"].map((table, index) =>
  named(protectedTable(`00${index}`, table), table),
);
const [alpha, beta, gamma] = tables as [Trio, Trio, Trio];
/** One trio in place of the first two. */
const both = named(
  {
    ...alpha,
    forward: { ...alpha.forward, sql: alpha.forward.sql + beta.forward.sql },
    rollback: { ...alpha.rollback, sql: beta.rollback.sql + alpha.rollback.sql },
  },
  "alpha_and_beta",
);
const reason = { reason: "they belong together" };

function named(each: Trio, name: string): Trio {
  return { ...each, name: `${each.version}_${name}` };
}

let fixture: MigratorFixture;
beforeEach(async () => {
  fixture = await createFixture();
  await applyPending(fixture.settings, tables);
});
afterEach(() => fixture.database.drop());

async function applied(): Promise<string[]> {
  const history = await readHistory(fixture.settings);
  return history.filter((entry) => entry.applied).map(({ name }) => name);
}

describe("squash", () => {
  it("records one migration in place of several, with later ones, and leaves rows alone", async () => {
    const superuser = await fixture.database.connect("postgres");
    await superuser.query("insert into public.beta values (1, 'kept')");
    await expect(applyPending(fixture.settings, [both, gamma])).rejects.toThrow(
      /^MIG011 .* `npx migrator squash FROM\.\.TO --reason "…"`/,
    );
    const squashed = await squash(
      fixture.settings,
      [both, gamma],
      { from: "000", to: "001" },
      reason,
    );
    expect(squashed).toEqual(["000_alpha", "001_beta"]);
    expect(await applied()).toEqual(["000_alpha_and_beta", "002_gamma"]);
    expect(await findDrift(fixture.settings)).toEqual([]);
    expect(await applyPending(fixture.settings, [both, gamma])).toEqual([]);
    expect((await superuser.query("select note from public.beta")).rows).toEqual([
      { note: "kept" },
    ]);
  });

  it("is undone as one", async () => {
    await squash(fixture.settings, [both, gamma], { from: "000", to: "001" }, reason);
    expect(await rollbackTo(fixture.settings, undefined)).toEqual([
      "002_gamma",
      "000_alpha_and_beta",
    ]);
    expect(await findDrift(fixture.settings)).toEqual([]);
  });

  it("records another name of one", async () => {
    const renamed = named(beta, "second");
    const range = { from: "001", to: "001" };
    await squash(fixture.settings, [alpha, renamed, gamma], range, reason);
    expect(await applied()).toEqual(["000_alpha", "001_second", "002_gamma"]);
  });

  it("is refused beside one that cannot be undone, until there is a rollback file", async () => {
    const forward = {
      ...alpha.forward,
      sql: `-- no-rollback: nobody wrote it\n${alpha.forward.sql}`,
    };
    const lasting = { ...alpha, forward, rollback: { ...alpha.rollback, sql: "" } };
    const other = await createFixture();
    try {
      await applyPending(other.settings, [lasting, beta]);
      const range = { from: "000", to: "001" };
      await expect(squash(other.settings, [both], range, reason)).rejects.toThrow(
        "MIG023 000_alpha cannot be undone (nobody wrote it), so it cannot be tried",
      );
      await repair(other.settings, { kind: "accept-file", trio: alpha }, reason);
      expect(await squash(other.settings, [both], range, reason)).toEqual([
        "000_alpha",
        "001_beta",
      ]);
    } finally {
      await other.database.drop();
    }
  });

  it("is refused where the catalog would be another, or that cannot be shown", async () => {
    const range = { from: "000", to: "001" };
    const wider = {
      ...both,
      forward: { ...both.forward, sql: both.forward.sql.replace("note text", "note varchar") },
    };
    await expect(squash(fixture.settings, [wider, gamma], range, reason)).rejects.toThrow(
      "MIG023 With 000_alpha_and_beta in place of 000_alpha, 001_beta, the catalog would be another: " +
        "table public.alpha is another. Nothing was changed.",
    );
    const concurrent = {
      ...both,
      forward: {
        ...both.forward,
        sql: "create index concurrently alpha_note on public.alpha (note);",
      },
    };
    await expect(squash(fixture.settings, [concurrent, gamma], range, reason)).rejects.toThrow(
      /^MIG023 It cannot be shown that the catalog stays equal: sql\/000_test\.sql fails in one transaction/,
    );
    await expect(squash(fixture.settings, tables, range, reason)).rejects.toThrow(
      "MIG023 The files have 000_alpha, 001_beta of 000 to 001: one trio, 000_…, has to take the place",
    );
    await expect(
      squash(fixture.settings, [alpha, beta, gamma], { from: "003", to: "004" }, reason),
    ).rejects.toThrow("MIG023 The files have none of 003 to 004");
    expect(await applied()).toEqual(["000_alpha", "001_beta", "002_gamma"]);
  });
});

describe("the file of a squashed migration", () => {
  it("says which numbers it covers, so that none is missed", () => {
    const directory = mkdtempSync(path.join(tmpdir(), "squash-"));
    const write = (name: string, sql: string) => {
      for (const part of ["", "_rollback", "_verify"]) {
        writeFileSync(path.join(directory, `${name}${part}.sql`), part === "" ? sql : "select 1;");
      }
    };
    write("000_both", "select 1;");
    write("002_gamma", "select 1;");
    expect(() => readTrios(directory)).toThrow("002_gamma.sql stands where 001 is due");
    write("000_both", "-- squashes: 000..001\nselect 1;");
    expect(readTrios(directory).map(({ name }) => name)).toEqual(["000_both", "002_gamma"]);
    rmSync(directory, { recursive: true });
  });
});
