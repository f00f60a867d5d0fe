import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type PlanInputs, applyMigration, planLifecycle } from "../../migrator/src";
import {
  type MigratorFixture,
  createFixture,
  protectedTable,
  trio,
  writeTrios,
} from "./migration-fixture";
import { type RdsFixture, createRdsFixture } from "./rds-fixture";

describe("the snapshot before a deployment", () => {
  const base = trio(
    "000",
    `${protectedTable("000", "notes").forward.sql}
create function public.purge() returns void language sql set search_path = ''
  as 'delete from public.notes';`,
  );
  let fixture: MigratorFixture;
  let rds: RdsFixture;
  let directory: string;
  let instance: string;

  beforeEach(async () => {
    // The engine shows what a provider prints; here nobody reads it.
    jest.spyOn(console, "log").mockImplementation();
    [fixture, rds] = await Promise.all([createFixture(), createRdsFixture()]);
    instance = await rds.createInstance();
    directory = mkdtempSync(path.join(tmpdir(), "plan-snapshot-"));
    await applyMigration(fixture.settings, base);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await Promise.all([fixture.database.drop(), rds.close()]);
    rmSync(directory, { recursive: true });
  });

  /** Deploys the plan of one more migration. @returns what its preview says, and what is kept of it. */
  async function deploy(sql: string) {
    writeTrios(directory, [base, trio("001", sql)]);
    const inputs: PlanInputs = {
      connection: fixture.settings,
      directory,
      target: "",
      approvedPlan: "",
      allowDataLoss: false,
      waivers: { file: "policy/waivers.json", environment: "local" },
      snapshots: { instanceIdentifier: instance, keep: 3 },
    };
    const checked = await planLifecycle.check({}, inputs);
    expect(checked.failures).toEqual([]);
    const { outs } = await planLifecycle.create(checked.inputs);
    return { text: checked.inputs.text ?? "", snapshot: outs.snapshot };
  }

  it.each([
    ["drop table public.notes;"],
    ["select public.purge();"],
    ["do $$ begin perform public.purge(); end $$;"],
    ["do $$ begin execute format('delete from public.%I', 'notes'); end $$;"],
  ])("is taken, and the preview says so: %s", async (sql) => {
    const { text, snapshot } = await deploy(sql);
    expect(text).toContain(`\nA snapshot of ${instance} is taken first, because of: 001_test.`);
    expect(snapshot).toMatch(new RegExp(`^app-data-${instance}-before-001-\\d{14}$`));
    expect(await rds.snapshotsOf(instance)).toEqual([snapshot]);
  });

  it("is not taken for what deletes nothing", async () => {
    const { text, snapshot } = await deploy("alter table public.notes add column more text;");
    expect(text).not.toContain("A snapshot");
    expect(snapshot).toBe("");
    expect(await rds.snapshotsOf(instance)).toEqual([]);
  });
});
