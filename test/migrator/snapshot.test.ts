import { setTimeout as sleep } from "node:timers/promises";
import { pruneSnapshots, takeSnapshot } from "../../migrator/src/snapshot";
import { type RdsFixture, createRdsFixture } from "./rds-fixture";

let rds: RdsFixture;
let instance: string;
let lines: string[];

beforeEach(async () => {
  rds = await createRdsFixture();
  instance = await rds.createInstance();
  lines = [];
});
afterEach(() => rds.close());

function take(versions: string[], limits: { limitMinutes?: number } = {}) {
  const report = (line: string) => lines.push(line);
  const options = { instanceIdentifier: instance, versions, report, pollSeconds: 0.01, ...limits };
  return takeSnapshot(options);
}

describe("takeSnapshot", () => {
  it("names the instance, the first migration and the moment, and waits until it can be restored", async () => {
    rds.progress.push(
      { status: "creating", percent: 0 },
      { status: "creating", percent: 40 },
      { status: "creating", percent: 40 },
      { status: "creating", percent: 90 },
    );
    const { name, createdAt } = await take(["002", "003"]);
    expect(name).toMatch(new RegExp(`^app-data-${instance}-before-002-20\\d{12}$`));
    expect(Date.parse(createdAt)).toBeLessThan(Date.now() + 1_000);
    expect(lines.map((line) => line.replace(/\d+ s\./, "n s."))).toEqual([
      `Taking snapshot ${name} of ${instance}.`,
      `Snapshot ${name}: 40 % after n s.`,
      `Snapshot ${name}: 90 % after n s.`,
      `Snapshot ${name} can be restored.`,
    ]);
    expect(rds.progress).toEqual([]);
    expect(await rds.snapshotsOf(instance)).toEqual([name]);
  });

  it("says how to restore it, into the same network, beside the instance", async () => {
    const { name, restoreCommand } = await take(["002"]);
    expect(restoreCommand).toMatch(
      new RegExp(
        "^aws rds restore-db-instance-from-db-snapshot --region eu-central-1 " +
          `--db-snapshot-identifier ${name} --db-instance-identifier ${instance}-restored ` +
          "--db-instance-class db\\.t4g\\.medium --vpc-security-group-ids sg-0123456789abcdef0 " +
          "--db-parameter-group-name \\S+ --no-publicly-accessible --deletion-protection$",
      ),
    );
  });

  it("waits for the one that an interrupted run began for the same migrations", async () => {
    const { name } = await take(["002"]);
    rds.progress.push({ status: "creating", percent: 50 });
    rds.actions.length = 0;
    lines = [];
    expect((await take(["002"])).name).toBe(name);
    expect(rds.actions).not.toContain("CreateDBSnapshot");
    expect(lines[0]).toBe(`Waiting for snapshot ${name}, which an earlier run began.`);
  });

  it("takes a new one when the earlier one is for other migrations, or is done", async () => {
    const first = await take(["002"]);
    await sleep(1_000);
    rds.progress.push({ status: "creating", percent: 50 });
    const second = await take(["003"]);
    await sleep(1_000);
    const third = await take(["003"]);
    expect(new Set([first.name, second.name, third.name]).size).toBe(3);
  });

  it("gives up after a while, and says that the next run waits for the same one", async () => {
    rds.progress.push(...Array.from({ length: 3 }, () => ({ status: "creating", percent: 7 })));
    await expect(take(["002"], { limitMinutes: 0 })).rejects.toThrow(
      new RegExp(
        `^MIG036 The snapshot (app-data-${instance}-before-002-\\d{14}) is not there to be restored: it is at ` +
          "7 % after 0 minutes, and goes on; the next run waits for the same one\\. Nothing was migrated\\. " +
          "Look at it with aws rds describe-db-snapshots --db-snapshot-identifier \\1, and try again\\.$",
      ),
    );
  });

  it("fails with the snapshot", async () => {
    rds.progress.push({ status: "failed", percent: 0 });
    await expect(take(["002"])).rejects.toThrow(
      /^MIG036 The snapshot \S+ is not there to be restored: it is failed\. Nothing was migrated\./,
    );
  });

  it("tells an instance that is not there", async () => {
    instance = "app-data-nowhere";
    await expect(take(["002"])).rejects.toThrow(
      /^MIG035 AWS took no snapshot of the instance app-data-nowhere \(DBInstanceNotFound\w*: DBInstance app-data-nowhere not found\.?\)\. The instance must exist and be available/,
    );
  });

  it.each([
    [
      "InvalidDBInstanceState",
      "Cannot create a snapshot because the database instance is not currently in the available state.",
    ],
    ["AccessDenied", "User is not authorized to perform: rds:CreateDBSnapshot"],
  ])("passes on what AWS says when it refuses: %s", async (code, message) => {
    rds.refuse("CreateDBSnapshot", code, message);
    const error = await take(["002"]).catch((each: unknown) => each);
    expect(String(error)).toMatch(
      /^MigratorError: MIG035 AWS took no snapshot of the instance .* Nothing was migrated\.$/,
    );
    expect(String(error)).toContain(`: ${message})`);
    expect(await rds.snapshotsOf(instance)).toEqual([]);
  });
});

describe("pruneSnapshots", () => {
  it("deletes the oldest of ours beyond the number to keep, and nobody else's", async () => {
    await rds.createForeignSnapshot(instance, `app-data-${instance}-before-001-20200101000000`);
    const names: string[] = [];
    for (const version of ["002", "003", "004"]) {
      names.push((await take([version])).name);
      await sleep(1_000);
    }
    const other = await rds.createInstance();
    await rds.createForeignSnapshot(other, `by-hand-of-${other}`);

    const prune = (keep: number) => pruneSnapshots({ instanceIdentifier: instance, keep });
    expect(await prune(3)).toEqual([]);
    expect(await prune(2)).toEqual([names[0]]);
    expect(await prune(0)).toEqual([names[1]]);
    expect(await rds.snapshotsOf(instance)).toEqual([
      `app-data-${instance}-before-001-20200101000000`,
      names[2],
    ]);
    expect(await rds.snapshotsOf(other)).toEqual([`by-hand-of-${other}`]);
  });

  it("says which one AWS does not delete", async () => {
    const { name } = await take(["002"]);
    await sleep(1_000);
    await take(["003"]);
    rds.refuse("DeleteDBSnapshot", "AccessDenied", "not authorized");
    await expect(pruneSnapshots({ instanceIdentifier: instance, keep: 1 })).rejects.toThrow(
      new RegExp(
        `^MIG037 The old snapshot ${name} could not be deleted \\(\\w+: not authorized\\)\\. The AWS credentials ` +
          "in use need rds:DeleteDBSnapshot on it; nothing else is wrong\\.$",
      ),
    );
  });
});
