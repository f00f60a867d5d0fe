import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { schemaRules } from "../../rules/src";
import { policies } from "../../policy/policies";
import { unknown } from "./judging";
import { RunningPack } from "./policy-pack";

jest.setTimeout(60_000);

const root = join(__dirname, "../..");
const migrationType = "pulumi-nodejs:dynamic/database:Migration";
const attestationType = "pulumi-nodejs:dynamic/database:SchemaAttestation";
/** What marks a secret value on its way between the engine and a plugin. */
const secret = (value: string) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});
const migration = (forwardSql: string | ReturnType<typeof secret>) => ({
  type: migrationType,
  name: "002_bills",
  props: { forwardFile: "sql/002_bills.sql", forwardSql },
});
const refusal = {
  policy: "migration-row-level-security",
  level: "mandatory",
  message:
    "POL101 sql/002_bills.sql:1: table public.bills has row level security neither enabled nor " +
    "forced; every table must have it enabled and forced. Write `alter table public.bills enable " +
    "row level security, force row level security;` in the same migration.",
};

describe("the policy pack, run as the engine runs it", () => {
  let pack: RunningPack;

  beforeAll(async () => {
    pack = await RunningPack.start();
  });

  afterAll(async () => {
    await pack.stop();
  });

  it("tells its name, version and policies", async () => {
    const info = await pack.info();
    expect([info.getName(), info.getVersion()]).toEqual(["app-data", "0.1.0"]);
    const names = info.getPoliciesList().map((policy) => policy.getName());
    expect(names).toEqual(policies.map(({ name }) => name));
    const reference = info
      .getPoliciesList()
      .find((policy) => policy.getName() === "database-storage-encrypted")
      ?.getFramework()
      ?.getReference();
    expect(reference).toBe("RDS.3");
  });

  it("refuses a migration that forgets row level security, in the clear and as a secret", async () => {
    const sql =
      "create table public.bills (); create policy none on public.bills to authenticated using (false);";
    expect(await pack.analyze(migration(sql))).toEqual([refusal]);
    expect(await pack.analyze(migration(secret(sql)))).toEqual([refusal]);
  });

  it("says nothing of one that does not", async () => {
    const sql =
      "create table a (); alter table a enable row level security, force row level security;" +
      "create policy none on a to authenticated using (false);";
    expect(await pack.analyze(migration(sql))).toEqual([]);
  });

  it("says of unknown SQL, secret or not, that it was not judged", async () => {
    for (const sql of [unknown, secret(unknown)]) {
      const said = await pack.analyze(migration(sql));
      expect(said.map(({ policy, level }) => [policy, level])).toEqual([
        ["migration-provable", "advisory"],
      ]);
    }
  });

  it("keeps its mandatory level where a neighbouring value is unknown", async () => {
    const props = { storageEncrypted: false, kmsKeyId: unknown };
    const said = await pack.analyze({ type: "aws:rds/instance:Instance", name: "main", props });
    expect(said).toEqual([
      {
        policy: "database-storage-encrypted",
        level: "mandatory",
        message:
          "POL201 Instance main has storageEncrypted off; it must be true. " +
          "Set `storageEncrypted: true`; the storage is replaced.",
      },
    ]);
  });

  it("judges the attestation: as advice before an update, without appeal after it", async () => {
    const table = {
      schema: "public",
      name: "open",
      kind: "table",
      rowSecurity: false,
      forced: true,
      grants: [{ grantee: "migrator", privilege: "references", columns: null }],
    };
    const planned = {
      type: attestationType,
      name: "attestation",
      props: { schema: { tables: [table] } },
      dependencies: ["002_bills"],
    };
    const attested = {
      ...planned,
      props: { ...planned.props, attestedAt: "2026-11-22T10:00:00Z" },
    };
    const message =
      "POL101 attestation: in the live database, table public.open has row level security forced " +
      "but not enabled, so it is off; every table must have it enabled and forced";
    expect(await pack.analyze(planned)).toEqual([
      {
        policy: "live-row-level-security",
        level: "advisory",
        message: `${message} (as read for the plan)`,
      },
    ]);
    expect(await pack.analyzeStack([migration("select 1;"), planned])).toEqual([]);
    const applied = migration("select 1;");
    const after = { ...applied, props: { ...applied.props, appliedAt: "2026-11-22T09:00:00Z" } };
    expect(await pack.analyzeStack([after, attested])).toEqual([
      { policy: "attested-row-level-security", level: "mandatory", message },
    ]);
  });

  it("refuses migrations that nothing attests, at preview too", async () => {
    const said = await pack.analyzeStack([
      { type: "app-data:database:Migrations", name: "main", props: {} },
      { ...migration("select 1;"), parent: "main" },
    ]);
    expect(said).toEqual([
      {
        policy: "schema-attested",
        level: "mandatory",
        message:
          "POL103 1 migrations of main have 0 SchemaAttestation resources; there must be exactly " +
          "one. Make one beside the migrations.",
      },
    ]);
  });
});

describe("the policies", () => {
  it.each(policies.map((policy) => [policy.name, policy] as const))(
    "%s has every field",
    (_name, policy) => {
      expect(policy.description).toMatch(/^[A-Za-z].*\.$/);
      expect(policy.remediationSteps).toMatch(/^[A-Z].*\.$/);
      expect(policy.enforcementLevel).toMatch(/^(mandatory|advisory)$/);
      expect(policy.severity).toMatch(/^(low|medium|high|critical)$/);
      expect(policy.tags?.length).toBeGreaterThan(0);
    },
  );

  it("have names of their own", () => {
    const names = policies.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it("have codes of their own", () => {
    const codes = schemaRules.map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it.each(policies.map(({ name, url }) => [name, url] as const))(
    "%s is explained on its page",
    (name, url) => {
      const page = join(root, url ?? "");
      expect(existsSync(page)).toBe(true);
      const text = readFileSync(page, "utf8");
      for (const part of ["## Why", "## Wrong", "## Right", "## False alarms", `\`${name}\``]) {
        expect(text).toContain(part);
      }
    },
  );

  it("have no page too many", () => {
    const pages = readdirSync(join(root, "docs/policies")).filter((page) => page !== "README.md");
    const explained = new Set(policies.map(({ url = "" }) => basename(url)));
    expect(pages.sort()).toEqual([...explained].sort());
  });

  it("run with the official CLI from their folder", () => {
    const project = readFileSync(join(root, "policy/PulumiPolicy.yaml"), "utf8");
    expect(project).toContain("runtime: nodejs\n");
    expect(project).toContain("main: index.ts\n");
  });
});
