import { migrationSqlPolicies } from "../../policy/migration-sql";
import { judgeResource, unknown } from "./judging";

const protectedTable =
  "create table public.a (); alter table public.a enable row level security, force row level security;";

const judge = (props: Record<string, unknown>, type = "Migration") =>
  judgeResource([...migrationSqlPolicies], {
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
    expect(await judge({ forwardFile: "sql/002_bills.sql", forwardSql })).toEqual([
      "migration-row-level-security: POL101 sql/002_bills.sql:2: table public.bills has row level " +
        "security neither enabled nor forced; every table must have it enabled and forced. Write " +
        "`alter table public.bills enable row level security, force row level security;` in the same migration.",
    ]);
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
    const said = await judge({ forwardFile: unknown, forwardSql: "create table a ();" });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("POL101 migration 002_bills:1: table public.a ");
  });

  it("says that unknown SQL was not judged", async () => {
    expect(await judge({ forwardFile: "sql/002_bills.sql", forwardSql: unknown })).toEqual([
      "migration-provable: POL102 sql/002_bills.sql: the forward SQL is not known at preview, so " +
        "nothing in it was judged; it is judged before it is applied. Read the file when the program runs.",
    ]);
  });

  it("says what in known SQL was not judged", async () => {
    const forwardSql = "do $$ begin\n  execute format('create table %I ()', 'a');\nend $$;";
    expect(await judge({ forwardFile: "sql/002_bills.sql", forwardSql })).toEqual([
      "migration-provable: POL102 sql/002_bills.sql:2: do block can not be judged at preview: " +
        "`execute format('create table %I ()', 'a')` runs SQL that is put together only then. The " +
        "gate before commit judges what it made; write the statements out to have them judged here.",
    ]);
  });

  it("refuses by mandatory policies and only advises where it could not judge", () => {
    expect(
      migrationSqlPolicies.map(({ name, enforcementLevel }) => [name, enforcementLevel]),
    ).toEqual([
      ["migration-readable", "mandatory"],
      ["migration-row-level-security", "mandatory"],
      ["migration-provable", "advisory"],
    ]);
  });
});
