import { readFileSync } from "node:fs";
import path from "node:path";
import { type Waiver, defaultContract } from "@app-data/rules";
import { migrationSqlPolicies } from "../../policy/src/migration-sql";
import { schemaRules, trialRules } from "../../rules/src";
import { type ScratchServer, startScratchServer } from "../support/scratch-server";
import { judgeResource, judgeStack, unknown } from "./judging";
import { waiverOf, waiversOf } from "./project-waivers";

const protect = (table: string) =>
  `alter table ${table} enable row level security, force row level security;
   create policy nobody on ${table} to authenticated using (false);`;
const protectedTable = `create table public.a (); ${protect("public.a")}`;

const base = {
  forwardFile: "sql/000_existing_schema.sql",
  forwardSql: readFileSync(path.join(__dirname, "../../sql/000_existing_schema.sql"), "utf8"),
};
const ownTable = `create table public.bills (
    id uuid primary key,
    user_id uuid not null unique references public.users (id)
  );
  alter table public.bills enable row level security, force row level security;
  create policy bills_own on public.bills for select to authenticated
    using ((select auth.uid()) = user_id);
  grant select on public.bills to authenticated;`;

const context = (waivers = waiversOf()) => ({
  waivers,
  migrations: { contract: defaultContract, seeds: [] },
});

const judge = (migrations: Record<string, unknown>[], waivers = waiversOf(), type = "Migration") =>
  judgeStack(
    [...migrationSqlPolicies(context(waivers))],
    migrations.map((props, index) => ({
      type: `pulumi-nodejs:dynamic/database:${type}`,
      name: `migration-${index}`,
      props,
    })),
  );
const judgeOne = (forwardSql: unknown, waivers = waiversOf()) =>
  judge([{ forwardFile: "sql/002_bills.sql", forwardSql }], waivers);

describe("policies on the SQL of migrations", () => {
  let scratch: ScratchServer;

  beforeAll(async () => {
    scratch = await startScratchServer();
  });

  afterAll(() => scratch.stop());

  it("say nothing of migrations that protect their tables", async () => {
    expect(await judgeOne(protectedTable)).toEqual([]);
    expect(await judge([base, { forwardFile: "sql/001_a.sql", forwardSql: ownTable }])).toEqual([]);
  });

  it("say nothing of other resources", async () => {
    const open = { forwardFile: "sql/001_a.sql", forwardSql: "create table public.a ();" };
    expect(await judge([open], waiversOf(), "Other")).toEqual([]);
  });

  it("refuse a migration that forgets row level security, with file, line and remedy", async () => {
    const said = await judgeOne(`${protectedTable}\ncreate table public.bills ();`);
    expect(said.filter((message) => message.includes("POL101"))).toEqual([
      "migration-row-level-security: POL101 sql/002_bills.sql:3: table public.bills has row level " +
        "security neither enabled nor forced; every table must have it enabled and forced. Write " +
        "`alter table public.bills enable row level security, force row level security;` in the same migration.",
    ]);
  });

  it("judge what the program gives, where a resource that is applied holds no SQL", async () => {
    const policies = [...migrationSqlPolicies(context())];
    const open = { forwardFile: "sql/002_bills.sql", forwardSql: "create table public.open ();" };
    const type = "pulumi-nodejs:dynamic/database:Migration";
    const name = "migration-applied";
    expect(await judgeResource(policies, { type, name, props: open })).toEqual([]);
    const props = { forwardFile: open.forwardFile, appliedAt: "2026-01-01T00:00:00Z" };
    expect(await judgeStack(policies, [{ type, name, props }])).toContainEqual(
      expect.stringContaining("POL101 sql/002_bills.sql:1: table public.open"),
    );
    // As in a state, where no program runs.
    expect(await judgeStack(policies, [{ type, name: "migration-kept", props }])).toEqual([]);
  });

  it("judge what is put together at run time", async () => {
    const said = await judgeOne(
      "select 1;\ndo $$ begin\n  execute 'create table public.' || 'b ()';\nend $$;",
    );
    expect(said).toContainEqual(
      expect.stringContaining(
        "migration-row-level-security: POL101 sql/002_bills.sql:2: table public.b ",
      ),
    );
  });

  it("judge all migrations together, 1000 after 999, and name the one that is at fault", async () => {
    const first = { forwardFile: "sql/999_a.sql", forwardSql: "create table public.a ();" };
    const mended = { forwardFile: "sql/1000_b.sql", forwardSql: protect("public.a") };
    const opened = {
      forwardFile: "sql/1001_c.sql",
      forwardSql: "select 1;\nalter table public.a no force row level security;",
    };
    expect(await judge([mended, first])).toEqual([]);
    expect(await judge([mended, opened, first])).toEqual([
      expect.stringContaining("POL101 sql/1001_c.sql:2: table public.a"),
    ]);
  });

  it("let the attacker refuse what the rules let pass", async () => {
    const leaking = ownTable.replace("(select auth.uid()) = user_id", "user_id is not null");
    const said = await judge([base, { forwardFile: "sql/001_a.sql", forwardSql: leaking }]);
    expect(said).toContainEqual(
      expect.stringMatching(/^migration-trial-read: POL151 sql\/001_a\.sql:\d+: /),
    );
  });

  it("refuse SQL that they cannot read, without quoting it", async () => {
    expect(await judgeOne("select 1;\nalter role app password 'hunter2")).toEqual([
      "migration-readable: POL001 sql/002_bills.sql:2:25: PostgreSQL's parser cannot read the SQL " +
        "here. Correct the statement at this place.",
    ]);
  });

  it("refuse SQL that PostgreSQL or the migrator refuses, without quoting it", async () => {
    expect(await judgeOne("select 1;\nselect 'hunter2'::integer;")).toEqual([
      "migration-trial-applied: POL159 sql/002_bills.sql:2: the statement cannot be applied " +
        "(SQLSTATE 22P02), so nothing was judged. `npm run policy` quotes what PostgreSQL says of it.",
    ]);
    expect(await judgeOne("select 1;\ncommit;")).toEqual([
      expect.stringContaining("POL159 sql/002_bills.sql:2: the statement cannot be applied, so"),
    ]);
  });

  it.each([
    ["missing", undefined],
    ["not a string", 1],
  ])("refuse a migration whose SQL is %s", async (found, forwardSql) => {
    expect(await judgeOne(forwardSql)).toEqual([
      `migration-readable: POL001 sql/002_bills.sql: forwardSql is ${found}; the text of the forward ` +
        "file must be in it. Give the resource the whole trio.",
    ]);
  });

  it("say that unknown SQL was not judged, nor what follows it", async () => {
    const before = { forwardFile: "sql/001_a.sql", forwardSql: "create table public.a ();" };
    const known = { forwardFile: "sql/003_c.sql", forwardSql: "create table public.c ();" };
    const said = await judge([
      before,
      { forwardFile: "sql/002_b.sql", forwardSql: unknown },
      known,
    ]);
    expect(said).toContainEqual(expect.stringContaining("POL101 sql/001_a.sql:1: table public.a"));
    expect(said.filter((message) => message.startsWith("migration-provable"))).toEqual([
      "migration-provable: POL102 sql/002_b.sql: the forward SQL is not known at preview, so nothing " +
        "in it was judged; it is judged before it is applied. Read the file when the program runs.",
      expect.stringContaining("POL102 sql/003_c.sql: that of a migration before it is not known"),
    ]);
  });

  it("name the migration where the file is not known", async () => {
    const said = await judge([{ forwardFile: unknown, forwardSql: "create table public.a ();" }]);
    expect(said).toContainEqual(expect.stringContaining("POL101 migration migration-0:1: "));
  });

  it("refuse everything where there is no server", async () => {
    process.env["APP_DATA_SCRATCH_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/postgres";
    try {
      const said = await judgeOne("create table public.unheard_of ();");
      expect(said).toEqual([
        expect.stringMatching(
          /^migration-readable: POL004 There is no PostgreSQL to judge the migrations on: 127\.0\.0\.1:1 /,
        ),
      ]);
    } finally {
      process.env["APP_DATA_SCRATCH_DATABASE_URL"] = scratch.url;
    }
  });

  it("let pass what is waived, of one rule and one object, until its last day", async () => {
    const forwardSql = ownTable.replace("for select to authenticated", "for select to anon");
    const waiver = waiverOf("policy-roles", "policy bills_own on public.bills");
    const said = async (entries: Waiver[], today = "2026-11-22") =>
      (
        await judge([base, { forwardFile: "sql/001_bills.sql", forwardSql }], {
          ...waiversOf(entries),
          today,
        })
      ).filter((each) => each.startsWith("migration-policy-roles"));
    expect(await said([])).toHaveLength(1);
    expect(await said([waiver])).toEqual([]);
    expect(await said([waiver], "2027-02-01")).toHaveLength(1);
    expect(await said([{ ...waiver, object: "policy other on public.bills" }])).toHaveLength(1);
    expect(await said([{ ...waiver, reason: "later" }])).toHaveLength(1);
  });

  it("let no waiver excuse a table without row level security", async () => {
    const waivers = waiversOf([waiverOf("row-level-security", "public.a")]);
    expect(await judgeOne("create table public.a ();", waivers)).toContainEqual(
      expect.stringContaining("migration-row-level-security: POL101 sql/002_bills.sql:1:"),
    );
  });

  it("are one for each rule, of the rule's level", () => {
    expect(
      migrationSqlPolicies(context()).map(({ name, enforcementLevel }) => [name, enforcementLevel]),
    ).toEqual([
      ["migration-readable", "mandatory"],
      ...schemaRules.map(({ name, level }) => [`migration-${name}`, level]),
      ...trialRules.map(({ name }) => [`migration-${name}`, "mandatory"]),
      ["migration-advice", "advisory"],
      ["migration-provable", "advisory"],
    ]);
  });
});
