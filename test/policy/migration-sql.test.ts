import type { Waiver } from "@app-data/rules";
import { migrationSqlPolicies } from "../../policy/src/migration-sql";
import { schemaRules } from "../../rules/src";
import { judgeResource, unknown } from "./judging";
import { waiverOf, waiversOf } from "./project-waivers";

const protect = (table: string) =>
  `alter table ${table} enable row level security, force row level security;
   create policy nobody on ${table} to authenticated using (false);`;
const protectedTable = `create table public.a (); ${protect("public.a")}`;

const ownTable = `create table public.bills (
    id uuid primary key,
    user_id uuid not null unique references public.users (id)
  );
  alter table public.bills enable row level security, force row level security;
  create policy bills_own on public.bills for select to authenticated
    using ((select auth.uid()) = user_id);
  grant select on public.bills to authenticated;`;

let databases = 0;

const judge = (
  props: Record<string, unknown>,
  type = "Migration",
  // Migrations of one database are judged on top of each other.
  parent = `database-${(databases += 1)}`,
  waivers = waiversOf(),
) =>
  judgeResource([...migrationSqlPolicies(waivers)], {
    parent,
    type: `pulumi-nodejs:dynamic/database:${type}`,
    name: "002_bills",
    props: { name: "bills", version: "002", ...props },
  });

describe("policies on the SQL of migrations", () => {
  it("says nothing of a migration that protects its table", async () => {
    expect(await judge({ forwardFile: "sql/002_bills.sql", forwardSql: protectedTable })).toEqual(
      [],
    );
  });

  it("says nothing of other resources", async () => {
    expect(await judge({ forwardSql: "create table public.a ();" }, "Other")).toEqual([]);
  });

  it("refuses a migration that forgets row level security, with file, line and remedy", async () => {
    const forwardSql = `${protectedTable}\ncreate table public.bills ();`;
    const said = await judge({ forwardFile: "sql/002_bills.sql", forwardSql });
    expect(said.filter((message) => message.includes("POL101"))).toEqual([
      "migration-row-level-security: POL101 sql/002_bills.sql:3: table public.bills has row level " +
        "security neither enabled nor forced; every table must have it enabled and forced. Write " +
        "`alter table public.bills enable row level security, force row level security;` in the same migration.",
    ]);
  });

  it("judges migration 1000 on top of 999", async () => {
    const database = "database-of-a-thousand";
    const first = { forwardFile: "sql/999_a.sql", forwardSql: "create table public.a ();" };
    expect(await judge(first, "Migration", database)).toContainEqual(
      expect.stringContaining("POL101 sql/999_a.sql:1: table public.a"),
    );
    const mended = { forwardFile: "sql/1000_b.sql", forwardSql: protect("public.a") };
    expect(await judge(mended, "Migration", database)).toEqual([]);
    const worse = { ...mended, forwardSql: "drop policy nobody on public.a;" };
    expect(await judge({ ...worse, forwardFile: "sql/1001_c.sql" }, "Migration", database)).toEqual(
      [expect.stringContaining("table public.a")],
    );
  });

  it("refuses SQL that it can not read, without quoting it", async () => {
    const forwardSql = "select 1;\nalter role app password 'hunter2";
    const said = await judge({ forwardFile: "sql/002_bills.sql", forwardSql });
    expect(said).toEqual([
      "migration-readable: POL001 sql/002_bills.sql:2:25: PostgreSQL's parser can not read the SQL " +
        "here. Correct the statement at this place.",
    ]);
  });

  it("refuses a migration without SQL", async () => {
    const remedy = "the text of the forward file must be in it. Give the resource the whole trio.";
    expect(await judge({ forwardFile: "sql/002_bills.sql" })).toEqual([
      `migration-readable: POL001 sql/002_bills.sql: forwardSql is missing; ${remedy}`,
    ]);
    expect(await judge({ forwardFile: "sql/002_bills.sql", forwardSql: 5 })).toEqual([
      `migration-readable: POL001 sql/002_bills.sql: forwardSql is not a string; ${remedy}`,
    ]);
  });

  it("names the migration where the file is not known", async () => {
    const forwardSql = `create table a (); ${protect("a")} alter table a no force row level security;`;
    const said = await judge({ forwardFile: unknown, forwardSql });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("POL101 migration 002_bills:2: table public.a ");
  });

  it("says that unknown SQL was not judged", async () => {
    expect(await judge({ forwardFile: "sql/002_bills.sql", forwardSql: unknown })).toEqual([
      "migration-provable: POL102 sql/002_bills.sql: the forward SQL is not known at preview, so " +
        "nothing in it was judged; it is judged before it is applied. Read the file when the program runs.",
    ]);
  });

  it("says what in known SQL was not judged", async () => {
    const forwardSql = "do $$ begin\n  execute format('create table %I ()', now());\nend $$;";
    expect(await judge({ forwardFile: "sql/002_bills.sql", forwardSql })).toEqual([
      "migration-provable: POL102 sql/002_bills.sql:2: do block can not be judged at preview: " +
        "`execute format('create table %I ()', now())` runs SQL that is put together only then. The " +
        "gate before commit judges what it made; write the statements out to have them judged here.",
    ]);
  });

  it("judges a migration on top of those before it, and says of each what it brought", async () => {
    const first = { forwardFile: "sql/002_bills.sql", forwardSql: ownTable };
    const second = {
      forwardFile: "sql/003_open.sql",
      forwardSql: "\nalter policy bills_own on public.bills using (true);",
    };
    const third = { forwardFile: "sql/004_more.sql", forwardSql: "select 1;" };
    expect(await judge(first, "Migration", "one")).toEqual([]);
    const refusal = [
      "migration-policy-confinement: POL110 sql/003_open.sql:2: policy bills_own on public.bills lets " +
        "authenticated reach rows of other users: in `using (true)` it is true for every row; every " +
        "way in which it is true must make the signed-in user the row's owner. Write `using " +
        "((select auth.uid()) = user_id)`, with further conditions joined by `and`.",
    ];
    expect(await judge(second, "Migration", "one")).toEqual(refusal);
    expect(await judge(third, "Migration", "one")).toEqual([]);
    expect(await judge(second, "Migration", "one")).toEqual(refusal);
  });

  it("goes on after one that can not be read", async () => {
    const first = { forwardFile: "sql/002_bills.sql", forwardSql: ownTable };
    expect(await judge(first, "Migration", "two")).toEqual([]);
    const broken = { forwardFile: "sql/003_x.sql", forwardSql: "drop tabel public.bills;" };
    expect(await judge(broken, "Migration", "two")).toHaveLength(1);
    const mended = { ...broken, forwardSql: "grant delete on public.bills to authenticated;" };
    const said = await judge(mended, "Migration", "two");
    expect(said.map((message) => message.split(" ", 3).join(" "))).toEqual([
      "migration-policy-coverage: POL113 sql/003_x.sql:1:",
    ]);
  });

  it("lets pass what is waived, of one rule and one object, until its last day", async () => {
    const openTo = (role: string) =>
      ownTable.replace("for select to authenticated", `for select to ${role}`);
    const props = { forwardFile: "sql/002_bills.sql", forwardSql: openTo("anon") };
    const waiver = waiverOf("policy-roles", "policy bills_own on public.bills");
    const said = async (entries: Waiver[], today = "2026-11-22") =>
      (await judge(props, "Migration", undefined, { ...waiversOf(entries), today })).filter(
        (each) => each.startsWith("migration-policy-roles"),
      );
    expect(await said([])).toHaveLength(1);
    expect(await said([waiver])).toEqual([]);
    expect(await said([waiver], "2027-02-01")).toHaveLength(1);
    expect(await said([{ ...waiver, object: "policy other on public.bills" }])).toHaveLength(1);
    expect(await said([{ ...waiver, reason: "later" }])).toHaveLength(1);
  });

  it("lets no waiver excuse a table without row level security", async () => {
    const waivers = waiversOf([waiverOf("row-level-security", "public.a")]);
    const props = { forwardFile: "sql/002_a.sql", forwardSql: "create table public.a ();" };
    expect(await judge(props, "Migration", undefined, waivers)).toContainEqual(
      expect.stringContaining("migration-row-level-security: POL101 sql/002_a.sql:1:"),
    );
  });

  it("has a policy for each rule, of the rule's level", () => {
    expect(
      migrationSqlPolicies(waiversOf()).map(({ name, enforcementLevel }) => [
        name,
        enforcementLevel,
      ]),
    ).toEqual([
      ["migration-readable", "mandatory"],
      ...schemaRules.map(({ name, level }) => [`migration-${name}`, level]),
      ["migration-provable", "advisory"],
    ]);
  });
});
