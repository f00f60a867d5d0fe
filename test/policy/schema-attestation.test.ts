import { attestedSchemaPolicies, liveSchemaPolicies } from "../../policy/src/schema-attestation";
import { type Fixture, judgeResource, judgeStack, unknown } from "./judging";
import { waiverOf, waiversOf } from "./project-waivers";

const migrationType = "pulumi-nodejs:dynamic/database:Migration";
const attestationType = "pulumi-nodejs:dynamic/database:SchemaAttestation";

const policy = {
  name: "own",
  command: "all",
  permissive: true,
  roles: ["authenticated"],
  using: "(( SELECT auth.uid() AS uid) = user_id)",
};
const table = {
  schema: "public",
  name: "bills",
  kind: "table",
  rowSecurity: true,
  forced: true,
  policies: [policy],
};
const safe = { tables: [table] };
const unsafe = { tables: [table, { ...table, name: "open", forced: false }] };
const finding =
  "table public.open has row level security enabled but not forced, so its owner reads every row; " +
  "every table must have it enabled and forced";

const attestation = (schema: unknown): Fixture => ({
  type: attestationType,
  name: "attestation",
  parent: "migrations",
  props: { attestedAt: "2026-11-22T10:00:00.000Z", ...(schema === undefined ? {} : { schema }) },
  dependencies: ["001_b"],
});
const applied = { appliedAt: "2026-11-22T09:00:00.000Z" };
const migrations: Fixture[] = [
  { type: migrationType, name: "000_a", parent: "migrations", props: applied },
  {
    type: migrationType,
    name: "001_b",
    parent: "migrations",
    props: applied,
    dependencies: ["000_a"],
  },
];
const judgeLive = (schema: unknown) =>
  judgeResource([...liveSchemaPolicies(waiversOf())], attestation(schema));
const judgeAttested = (...fixtures: Fixture[]) =>
  judgeStack([...attestedSchemaPolicies(waiversOf())], fixtures);

describe("policies on the live schema as read for the plan", () => {
  it("says nothing of a database whose tables are all protected", async () => {
    expect(await judgeLive(safe)).toEqual([]);
  });

  it("names a table that is open now, as advice: the update may heal it", async () => {
    expect(await judgeLive(unsafe)).toEqual([
      `live-row-level-security: POL101 attestation: in the live database, ${finding} (as read for the plan)`,
    ]);
    const levels = liveSchemaPolicies(waiversOf()).map(({ enforcementLevel }) => enforcementLevel);
    expect(new Set(levels)).toEqual(new Set(["advisory"]));
  });

  it.each([
    ["was not read", undefined],
    ["is not known", unknown],
    ["is not known", { tables: [{ ...table, name: unknown }] }],
  ])("says so when the catalog %s", async (found, schema) => {
    expect(await judgeLive(schema)).toEqual([
      `live-row-level-security: POL104 attestation: the live catalog ${found} at preview, so ` +
        "no rule was judged; it is judged when the update has run. Give the preview " +
        "access to the database.",
    ]);
  });
});

describe("policies on the attestation after an update", () => {
  it("says nothing of a stack whose tables are all protected", async () => {
    expect(await judgeAttested(...migrations, attestation(safe))).toEqual([]);
  });

  it("refuses an open table", async () => {
    expect(await judgeAttested(...migrations, attestation(unsafe))).toEqual([
      `attested-row-level-security: POL101 attestation: in the live database, ${finding}`,
    ]);
  });

  it.each([undefined, unknown])("refuses an attestation without a schema (%s)", async (schema) => {
    expect(await judgeAttested(...migrations, attestation(schema))).toEqual([
      "attested-row-level-security: POL104 attestation: the attestation holds no schema after the " +
        "update, so no rule can be judged; the live catalog must be in it. Run " +
        "`pulumi up` where the database can be reached.",
    ]);
  });

  it("refuses what a policy lets through, by the mandatory rule on it", async () => {
    const open = {
      ...table,
      policies: [{ ...policy, using: "true" }],
      columns: [{ name: "user_id", type: "uuid", notNull: true }],
      foreignKeys: [
        { columns: ["user_id"], table: { schema: "public", name: "users" }, references: ["id"] },
      ],
      grants: [{ grantee: "authenticated", privilege: "select", columns: null }],
    };
    expect(await judgeAttested(...migrations, attestation({ tables: [open] }))).toContainEqual(
      expect.stringContaining(
        "attested-policy-confinement: POL110 attestation: in the live database, policy own on " +
          "public.bills lets authenticated reach rows of other users",
      ),
    );
  });

  it("lets pass what is waived, before and after; a table without row level security never", async () => {
    const open = { ...table, policies: [{ ...policy, using: "true" }] };
    const fixture = attestation({ tables: [open, { ...table, name: "open", forced: false }] });
    const waivers = waiversOf([
      waiverOf("policy-confinement", "policy own on public.bills"),
      waiverOf("row-level-security", "public.open"),
    ]);
    const said = [
      ...(await judgeResource([...liveSchemaPolicies(waivers)], fixture)),
      ...(await judgeStack([...attestedSchemaPolicies(waivers)], [...migrations, fixture])),
    ];
    expect(said).toEqual([
      `live-row-level-security: POL101 attestation: in the live database, ${finding} (as read for the plan)`,
      `attested-row-level-security: POL101 attestation: in the live database, ${finding}`,
    ]);
  });

  it("refuses a schema that it does not understand", async () => {
    const odd = { tables: [table, { ...table, forced: "yes" }] };
    expect(await judgeAttested(...migrations, attestation(odd))).toEqual([
      "attested-row-level-security: POL002 The schema's tables[1].forced is not true or false. " +
        "Take the attestation and the rules from the same version of this project.",
    ]);
  });

  it.each([undefined, unknown])(
    "leaves inputs, at the preview of a change, alone (%s)",
    async (at) => {
      const { props, ...rest } = attestation(unsafe);
      const planned = { ...rest, props: { ...props, attestedAt: at } };
      expect(await judgeAttested(...migrations, planned)).toEqual([]);
    },
  );

  it.each([undefined, unknown])(
    "leaves drift that a migration will heal alone (%s)",
    async (at) => {
      const pending = migrations.map((migration) => ({ ...migration, props: { appliedAt: at } }));
      expect(await judgeAttested(...pending, attestation(unsafe))).toEqual([]);
    },
  );
});

describe("schema-attested", () => {
  const advice = "there must be exactly one. Make one beside the migrations.";

  it("says nothing of a stack without migrations", async () => {
    expect(await judgeAttested({ type: "aws:s3/bucket:Bucket", props: {} })).toEqual([]);
  });

  it("refuses migrations without an attestation", async () => {
    expect(await judgeAttested(...migrations)).toEqual([
      `schema-attested: POL103 2 migrations of the stack have 0 SchemaAttestation resources; ${advice}`,
    ]);
  });

  it("refuses two attestations of one database", async () => {
    const second = { ...attestation(safe), name: "second" };
    expect(await judgeAttested(...migrations, attestation(safe), second)).toEqual([
      `schema-attested: POL103 2 migrations of the stack have 2 SchemaAttestation resources; ${advice}`,
    ]);
  });

  it("does not take the attestation of another database for it", async () => {
    const elsewhere = { ...attestation(safe), parent: "other" };
    expect(await judgeAttested(...migrations, elsewhere)).toEqual([
      `schema-attested: POL103 2 migrations of the stack have 0 SchemaAttestation resources; ${advice}`,
    ]);
  });

  it("refuses an attestation that may come before a migration", async () => {
    const early = {
      ...attestation(safe),
      dependencies: [],
      propertyDependencies: { x: ["000_a"] },
    };
    expect(await judgeAttested(...migrations, early)).toEqual([
      "schema-attested: POL103 SchemaAttestation attestation does not depend on migration 001_b, so " +
        "it may read the catalog before that has run; it must depend on every migration. Put the last " +
        "migration in its `dependsOn`.",
    ]);
  });
});
