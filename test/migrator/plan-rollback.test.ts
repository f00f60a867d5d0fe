import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Client } from "pg";
import { type PlanInputs, applyPending, planLifecycle } from "../../migrator/src";
import { readPlan, renderPlan } from "../../migrator/src/plan";
import {
  type MigratorFixture,
  createFixture,
  protectedTable,
  trio,
  writeTrios,
} from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;
let migrator: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  migrator = await fixture.database.connect("migrator");
});
afterEach(() => fixture.database.drop());

const NOTES = protectedTable("000", "notes");
const KEYS = protectedTable("001", "keys");
const EMPTY = protectedTable("002", "empty");
const TRIOS = [NOTES, KEYS, EMPTY];

/** Inserts rows, which the server's counters know of without `analyze`. */
async function insert(table: string, rows: number): Promise<void> {
  await superuser.query(`insert into ${table} select n, 'x' from generate_series(1, ${rows}) n`);
  await superuser.query("select pg_stat_force_next_flush()");
}

describe("the plan of a rollback", () => {
  it("names what would be lost, with rows, newest first", async () => {
    await applyPending(fixture.settings, TRIOS);
    await insert("public.keys", 5);
    const plan = await readPlan(migrator, TRIOS, { target: "000" });
    expect(plan.rollbacks).toMatchObject([
      { name: "002_test", losses: [{ relation: "public.empty", column: null, rows: 0 }] },
      { name: "001_test", losses: [{ relation: "public.keys", column: null, rows: 5 }] },
    ]);
    expect(renderPlan(plan)).toMatch(
      /\n\n001_test: to be rolled back\n {2}rollback {3}loses public\.keys \(about 5 rows, \d+ kB\)\n/,
    );
  });

  it("leaves out what the rollback file says can be made again", async () => {
    const rollback = `-- rebuilt: public.keys\n${KEYS.rollback.sql}`;
    const keys = { ...KEYS, rollback: { ...KEYS.rollback, sql: rollback } };
    await applyPending(fixture.settings, [NOTES, keys]);
    await insert("public.keys", 5);
    const plan = await readPlan(migrator, [NOTES, keys], { target: "000" });
    expect(plan.rollbacks).toMatchObject([{ name: "001_test", losses: [] }]);
    expect(renderPlan(plan)).toContain("rollback   loses nothing");
  });

  it("tells why a migration cannot be undone", async () => {
    const final = trio("001", "-- no-rollback: the plain texts are gone\nselect 1;\n");
    await applyPending(fixture.settings, [NOTES, final]);
    const plan = await readPlan(migrator, [NOTES, final], { target: "000" });
    expect(renderPlan(plan)).toContain("rollback   CANNOT BE UNDONE: the plain texts are gone");
  });

  it("says in a preview of the stack whether it would be refused", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "plan-rollback-"));
    try {
      writeTrios(directory, TRIOS);
      await applyPending(fixture.settings, TRIOS);
      await insert("public.keys", 5);
      const inputs: PlanInputs = {
        ...{ connection: fixture.settings, directory, target: "000", approvedPlan: "" },
        ...{ allowDataLoss: false, snapshots: null },
        waivers: { file: "policy/waivers.json", environment: "local" },
      };
      const refused = await planLifecycle.check({}, inputs);
      expect(refused.inputs.text).toMatch(
        /\nREFUSED while it loses rows \(MIG017\), because migrations\.allowDataLoss is false: .*public\.keys \(about 5 rows, \d+ kB\)\.$/,
      );
      const allowed = await planLifecycle.check({}, { ...inputs, allowDataLoss: true });
      expect(allowed.inputs.text).toContain("loses public.keys (about 5 rows");
      expect(allowed.inputs.text).not.toContain("REFUSED");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("the plan of a migration that drops a schema with all that is in it", () => {
  const reset = trio("002", "drop schema public cascade;\ncreate schema public;\n");

  beforeEach(async () => {
    await applyPending(fixture.settings, [NOTES, KEYS]);
    await insert("public.keys", 7);
    await superuser.query(
      `create table public.days (day date) partition by range (day);
       create table public.days_2026 partition of public.days for values from ('2026-01-01') to ('2027-01-01');
       alter table public.days owner to migrator; alter table public.days_2026 owner to migrator;`,
    );
  });

  it("lists its tables, with locks and rows", async () => {
    const { migrations } = await readPlan(migrator, [NOTES, KEYS, reset]);
    expect(migrations).toMatchObject([
      {
        destructive: true,
        relations: ["days", "keys", "notes"].map((name) => ({
          relation: `public.${name}`,
          mode: "ACCESS EXCLUSIVE",
        })),
        losses: [
          { relation: "public.days" },
          { relation: "public.keys", column: null, rows: 7 },
          { relation: "public.notes" },
        ],
      },
    ]);
  });

  it("knows that they are gone for what comes after", async () => {
    const again = trio("003", "alter table public.keys add column more text;\n");
    const plan = await readPlan(migrator, [NOTES, KEYS, reset, again]);
    expect(plan.migrations[1]?.statements).toMatchObject([
      { locks: [{ relation: "public.keys", presence: "absent" }] },
    ]);
  });

  it("lists them for a rollback that does so, and for one within a block", async () => {
    const block = trio("002", "create schema extra;", {
      rollback: "do $$ begin drop schema public cascade; end $$; drop schema extra;",
    });
    const { migrations } = await readPlan(migrator, [NOTES, KEYS, block]);
    expect(migrations[0]?.rollback.losses).toMatchObject([
      { relation: "public.days" },
      { relation: "public.keys", rows: 7 },
      { relation: "public.notes" },
    ]);
  });
});
