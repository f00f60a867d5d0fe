import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type Schema, defaultContract, judgeSchema, schemaRules } from "@app-data/rules";
import { type ThrowawayServer, withThrowawayDatabase } from "../../trial/src";
import { applyMigrations, readSchema } from "../../trial/src/server/apply-migrations";
import { awsRules } from "../../policy/src/aws/rules";
import { packContext } from "../../policy/src/pack-context";
import { policiesOf } from "../../policy/src/policies";
import { awsCases } from "./aws-cases";
import { type ScratchServer, startScratchServer } from "../support/scratch-server";
import { type Fixture, unknown } from "./judging";
import { type Diagnostic, RunningPack, type SentResource } from "./policy-pack";

const root = join(__dirname, "../..");
const policies = policiesOf(packContext({}));
const migrationType = "pulumi-nodejs:dynamic/database:Migration";
const attestationType = "pulumi-nodejs:dynamic/database:SchemaAttestation";
/** What marks a secret value on its way between the engine and a plugin. */
const secret = (value: string) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});
const connection = { tls: { mode: "verify-full", serverName: "db" } };
/** The waivers of this project are needed by its own stack, not by these. */
const withoutWaivers = (said: readonly Diagnostic[]) =>
  said.filter(({ policy }) => policy !== "waivers");
const migration = (forwardSql: string | ReturnType<typeof secret>): SentResource => ({
  type: migrationType,
  name: "002_bills",
  props: { forwardFile: "sql/002_bills.sql", forwardSql, connection },
});
const base = readFileSync(join(root, "sql/000_existing_schema.sql"), "utf8");
/** What is not refused, but could be better. */
const ADVISED = `
  create table public.notes (user_id uuid not null references public.users (id));
  alter table public.notes enable row level security, force row level security;
  create policy one on public.notes for select to authenticated using (auth.uid() = user_id);
  create policy two on public.notes for select to authenticated using (auth.uid() = user_id);
  grant select on public.notes to authenticated;
  create function public.now_utc() returns timestamptz language sql set search_path = '' as 'select now()';
  create table public.answers (
    id uuid primary key, user_id uuid not null references public.users (id),
    answer_to uuid references public.answers (id) on delete cascade
  );
  alter table public.answers enable row level security, force row level security;
  create policy own on public.answers for all to authenticated using (auth.uid() = user_id);
  grant select, insert, delete on public.answers to authenticated;
  create table public.messages (
    id uuid primary key, body text, sender_id uuid not null references public.users (id),
    recipient_id uuid not null references public.users (id)
  );
  alter table public.messages enable row level security, force row level security;
  create policy sent on public.messages for insert to authenticated
    with check (auth.uid() = sender_id);
  create policy updated on public.messages for update to authenticated
    using (auth.uid() in (sender_id, recipient_id));
  grant insert, update on public.messages to authenticated;
  create table public.drafts (
    id uuid primary key, user_id uuid not null references public.users (id), deleted_at timestamptz
  );
  alter table public.drafts enable row level security, force row level security;
  create policy own on public.drafts for select to authenticated
    using (auth.uid() = user_id and deleted_at is null);
  create policy own_changes on public.drafts for update to authenticated using (auth.uid() = user_id);
  grant select, update (deleted_at) on public.drafts to authenticated;
  create table public.plain (id integer primary key);
  alter table public.plain enable row level security, force row level security;`;
/** What no case of the corpus does. */
const OTHERS = [
  `create table public.notes (id uuid primary key, user_id uuid not null references public.users (id));
   alter table public.notes enable row level security, force row level security;
   create policy own on public.notes for all to authenticated using (user_id = (select auth.uid()));
   grant select, insert, delete on public.notes to authenticated;
   create table public.replies (
     id uuid primary key, note_id uuid not null references public.notes (id) on delete cascade,
     user_id uuid not null references public.users (id)
   );
   alter table public.replies enable row level security, force row level security;
   create policy own on public.replies for insert to authenticated
     with check (user_id = (select auth.uid()));
   grant insert on public.replies to authenticated;
   grant create on schema public to service_role;`,
  `create table public.members (user_id uuid references public.users (id), team_id uuid, primary key (user_id, team_id));
   alter table public.members enable row level security, force row level security;
   create policy members_read on public.members for select to authenticated using
     (team_id in (select m.team_id from public.members m where m.user_id = auth.uid()));
   grant select on public.members to authenticated;`,
];
const corpus = join(__dirname, "corpus/unsafe");
/** Of the corpus, what breaks all other rules together. */
const BROKEN = [
  "all-check-true",
  "altered-policy",
  "branches-protect",
  "camel-case-open",
  "default-privileges",
  "definer-sets-claims",
  "grant-public-column",
  "grant-put-together",
  "helper-sets-claims",
  "identity-default",
  "large-object-by-default",
  "materialized-view",
  "mutable-search-path",
  "notify-rows",
  "rewrite-rule",
  "view-barrier",
];
const unsafe = [
  ...OTHERS,
  ADVISED,
  ...BROKEN.map((name) => readFileSync(join(corpus, `${name}.sql`), "utf8")),
];
const refusal = {
  policy: "migration-row-level-security",
  level: "mandatory",
  message:
    "POL101 sql/002_bills.sql:1: table public.bills has row level security neither enabled nor " +
    "forced; every table must have it enabled and forced. Write `alter table public.bills enable " +
    "row level security, force row level security;` in the same migration.",
};

const sent = ({ type, name = "it", props, parent, protect }: Fixture): SentResource => ({
  type,
  name,
  // Everything in a case is plain data.
  props: props as SentResource["props"],
  ...(parent !== undefined && { parent }),
  ...(protect !== undefined && { protect }),
});

interface Example {
  sql: string;
  schema: Schema;
  /** The rules that refuse it, or have advice on it. */
  rules: typeof schemaRules;
}

/** For each rule, SQL that breaks it, from few examples. */
async function examplesOfRules(server: ThrowawayServer): Promise<Map<string, Example>> {
  const examples = new Map<string, Example>();
  for (const sql of unsafe) {
    if (examples.size === schemaRules.length - 1) break;
    const files = [
      { file: "000.sql", sql: base },
      { file: "001.sql", sql },
    ];
    const schema = await withThrowawayDatabase(
      server,
      defaultContract,
      async (client, migrator) => {
        const { refusal } = await applyMigrations(client, migrator, files, defaultContract);
        return refusal ? undefined : readSchema(client);
      },
    );
    if (!schema) continue;
    const found = judgeSchema(schema);
    const rules = schemaRules.filter(({ name, level }) =>
      found.some((finding) => finding.rule === name && finding.level === level),
    );
    const isNew = rules.some(({ name }) => !examples.has(name));
    if (isNew) for (const { name } of rules) examples.set(name, { sql, schema, rules });
  }
  return examples;
}

describe("the policy pack, run as the engine runs it", () => {
  let pack: RunningPack;

  let scratch: ScratchServer;

  beforeAll(async () => {
    scratch = await startScratchServer();
    pack = await RunningPack.start();
  });

  afterAll(async () => {
    await pack.stop();
    await scratch.stop();
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

  /** What is said of migrations, and not of the waivers or of the attestation that are missing here. */
  const aboutMigrations = async (...migrations: SentResource[]) =>
    (await pack.analyzeStack(migrations)).filter(({ policy }) => policy.startsWith("migration-"));

  it("refuses a migration that forgets row level security, in the clear and as a secret", async () => {
    const sql =
      "create table public.bills (); create policy none on public.bills to authenticated using (false);";
    expect(await aboutMigrations(migration(sql))).toEqual([refusal]);
    expect(await aboutMigrations(migration(secret(sql)))).toEqual([refusal]);
  });

  it("refuses a migration that it cannot read, and a waiver that nothing needs", async () => {
    expect(await aboutMigrations(migration("create tabel x ();"))).toEqual([
      {
        policy: "migration-readable",
        level: "mandatory",
        message:
          "POL001 sql/002_bills.sql:1:8: PostgreSQL's parser cannot read the SQL here. Correct the " +
          "statement at this place.",
      },
    ]);
    // Without a configuration the pack judges as in prod, for which this project has waivers.
    const said = await pack.analyzeStack([]);
    expect(said.map(({ policy, level }) => [policy, level])).toContainEqual([
      "waivers",
      "mandatory",
    ]);
    expect(said[0]?.message).toMatch(/^POL171 policy\/waivers\.json: the waiver of /);
  });

  it("says nothing of one that does not", async () => {
    const sql =
      "create table public.a (); alter table public.a enable row level security, force row level security;" +
      "create policy none on public.a to authenticated using (false);";
    expect(await aboutMigrations(migration(sql))).toEqual([]);
  });

  it("says of unknown SQL, secret or not, that it was not judged", async () => {
    for (const sql of [unknown, secret(unknown)]) {
      const said = await aboutMigrations(migration(sql));
      expect(said.map(({ policy, level }) => [policy, level])).toEqual([
        ["migration-provable", "advisory"],
      ]);
    }
  });

  it("judges migrations at once that were judged before", async () => {
    // A table of its own each time: verdicts are kept for a day.
    const table = `public.again_${Date.now()}`;
    const all = [{ ...migration(base), name: "000" }, migration(`create table ${table} ();`)];
    const timed = async <T>(work: Promise<T>): Promise<[T, number]> => {
      const began = Date.now();
      return [await work, Date.now() - began];
    };
    const [first, firstMs] = await timed(aboutMigrations(...all));
    const other = await RunningPack.start();
    try {
      const [, secondMs] = await timed(other.analyzeStack(all));
      expect(secondMs).toBeLessThan(firstMs / 2);
    } finally {
      await other.stop();
    }
    expect(first.map(({ policy }) => policy)).toContain("migration-row-level-security");
  });

  it.each(awsRules.map((rule) => [rule.name, rule] as const))(
    "lets %s speak, at its mandatory level",
    async (policy, rule) => {
      const { wrong = [], message = "" } = awsCases[policy] ?? {};
      const resources = wrong.map(sent);
      const said =
        "check" in rule
          ? (await Promise.all(resources.map((each) => pack.analyze(each)))).flat()
          : await pack.analyzeStack(resources);
      expect(said).toContainEqual({ policy, level: "mandatory", message });
    },
  );

  it("lets every rule on the schema speak, of migrations and of an attestation, each at its level", async () => {
    const foundation = {
      ...migration(base),
      name: "000_existing_schema",
      props: { ...migration(base).props, forwardFile: "sql/000_existing_schema.sql" },
    };
    const examples = await examplesOfRules(scratch.server);
    // No migration can break it: the role of migrations may change no role.
    const others = schemaRules.filter(({ name }) => name !== "role-powers");
    expect([...examples.keys()].sort()).toEqual(others.map(({ name }) => name).sort());
    for (const { sql, schema, rules } of new Set(examples.values())) {
      const props = { connection, schema: JSON.parse(JSON.stringify(schema)) as object };
      const planned = { type: attestationType, name: "attestation", props } as SentResource;
      const taken = { ...props, attestedAt: "2026-11-22T10:00:00Z" } as SentResource["props"];
      const said = [
        ...(await aboutMigrations(foundation, migration(sql))),
        ...(await pack.analyze(planned)),
        ...(await pack.analyzeStack([{ ...planned, props: taken }])),
      ];
      const levels = (policy: string) => [
        ...new Set(said.filter((each) => each.policy === policy).map((each) => each.level)),
      ];
      for (const { name, level } of rules) {
        expect([name, levels(`migration-${name}`)]).toEqual([name, [level]]);
        expect([name, levels(`live-${name}`)]).toEqual([name, ["advisory"]]);
        expect([name, levels(`attested-${name}`)]).toEqual([name, [level]]);
      }
    }
  }, 300_000);

  it("says of its configuration what it is, and follows it", async () => {
    const find = (name: string) => (list: { policy: string }) => list.policy === name;
    const instance = (days: number) => ({
      type: "aws:rds/instance:Instance",
      name: "main",
      props: { backupRetentionPeriod: days },
    });
    const about = async (days: number) =>
      (await pack.analyze(instance(days))).filter(find("database-backups"));
    expect(await about(14)).toEqual([]);
    await pack.configure("database-backups", "advisory", { days: 30 });
    expect(await about(14)).toEqual([
      {
        policy: "database-backups",
        level: "advisory",
        message:
          "POL175 Instance main has backupRetentionPeriod 14; it must be at least 30. Set " +
          "`backupRetentionPeriod: 30`.",
      },
    ]);
    expect(await about(30)).toEqual([]);
    await pack.configure("database-backups", "mandatory", {});
    const schema = (await pack.info())
      .getPoliciesList()
      .find((policy) => policy.getName() === "database-backups")
      ?.getConfigschema()
      ?.getProperties()
      ?.toJavaScript();
    expect(schema).toMatchObject({
      days: { type: "integer", minimum: 1, maximum: 35, default: 14 },
    });
  });

  it("counts what is not known at preview, as advice", async () => {
    const props = { multiAz: unknown };
    const said = await pack.analyzeStack([
      { type: "aws:rds/instance:Instance", name: "main", props, given: ["multiAz"] },
    ]);
    expect(said).toContainEqual({
      policy: "aws-provable",
      level: "advisory",
      message:
        "POL173 1 of 1 not judged: Instance main has multiAz not known yet, which database-multi-az " +
        "(RDS.5) needs; it is judged in the update. Give the value in the program to have it judged here.",
    });
  });

  it("keeps its mandatory level where a neighbouring value is unknown", async () => {
    const props = { storageEncrypted: false, kmsKeyId: unknown };
    const said = await pack.analyze({ type: "aws:rds/instance:Instance", name: "main", props });
    expect(said).toContainEqual({
      policy: "database-storage-encrypted",
      level: "mandatory",
      message:
        "POL201 Instance main has storageEncrypted off; it must be true. " +
        "Set `storageEncrypted: true`; the storage is replaced.",
    });
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
      props: { connection, schema: { tables: [table] } },
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
    expect(withoutWaivers(await pack.analyzeStack([migration("select 1;"), planned]))).toEqual([]);
    const applied = migration("select 1;");
    const after = { ...applied, props: { ...applied.props, appliedAt: "2026-11-22T09:00:00Z" } };
    expect(withoutWaivers(await pack.analyzeStack([after, attested]))).toEqual([
      { policy: "attested-row-level-security", level: "mandatory", message },
    ]);
  });

  it("refuses migrations that nothing attests, at preview too", async () => {
    const said = await pack.analyzeStack([
      { type: "app-data:database:Migrations", name: "main", props: {} },
      { ...migration("select 1;"), parent: "main" },
    ]);
    expect(withoutWaivers(said)).toEqual([
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
    const pages = readdirSync(join(root, "docs/policies")).filter(
      (page) => !["README.md", "aws-controls.md", "contract.md"].includes(page),
    );
    const explained = new Set(policies.map(({ url = "" }) => basename(url)));
    expect(pages.sort()).toEqual([...explained].sort());
  });

  it("run with the official CLI from their folder", () => {
    const project = readFileSync(join(root, "policy/PulumiPolicy.yaml"), "utf8");
    expect(project).toContain("name: nodejs\n");
    expect(project).toContain("main: start.cjs\n");
  });
});
