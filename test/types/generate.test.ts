import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Client } from "pg";
import { type Trio, applyMigration, readTrios } from "../../migrator/src";
import { databaseTypes } from "../../src/types";
import {
  type MigratorFixture,
  createFixture,
  currentTrios,
  projectTrios,
} from "../migrator/migration-fixture";
import {
  GeneratorProcess,
  makeProjectTypes,
  migrationFolder,
  projectFolder,
  runGenerator,
  temporaryFolder,
} from "./generator";

const REMEDY = "Run `npm run up`, then `npm run generate:types`, and commit the file.";

let generator: GeneratorProcess;
let fixture: MigratorFixture;
let url: string;

beforeAll(() => {
  generator = new GeneratorProcess();
});
afterAll(() => generator.end());

beforeEach(async () => {
  fixture = await createFixture();
  url = fixture.database.url("migrator");
});
afterEach(() => fixture.database.drop());

async function apply(trios: readonly Trio[]): Promise<void> {
  for (const trio of trios) await applyMigration(fixture.settings, trio);
}

describe("the generated types", () => {
  it("are written, and are then what the database gives, byte for byte", async () => {
    await apply(projectTrios());
    const output = path.join(temporaryFolder(), "types.ts");
    const call = ["--directory", projectFolder(), "--output", output];
    expect(runGenerator(call, url)).toEqual({
      code: 0,
      stdout: `${output} is written anew.\n`,
      stderr: "",
    });
    expect(await generator.run(["--check", ...call], url)).toEqual({
      code: 0,
      stdout: `${output} is what the database gives.\n`,
      stderr: "",
    });
  });

  it("that are committed are what a database gives, unless their stamp says that they are stale", async () => {
    await apply(currentTrios());
    const { code } = await generator.run(["--check-stamp"]);
    const stderr = code === 0 ? "" : expect.stringMatching(/^error: MIG050 /);
    expect(await generator.run(["--check"], url)).toMatchObject({ code, stderr });
  });

  it("are stale when the database has another column or grant, and stay as they are", async () => {
    await apply(projectTrios());
    const { directory, file, text } = makeProjectTypes(url);
    const check = ["--check", "--directory", directory, "--output", file];
    const migrator = await fixture.database.connect("migrator");
    await migrator.query("alter table public.users add column nickname text");
    const { code, stdout, stderr } = await generator.run(check, url);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const line = Number(/:(\d+) differs/.exec(stderr)?.[1]);
    expect(text.split("\n")[line - 1]).toBe("          updated_at: string;");
    expect(stderr).toBe(
      `error: MIG050 ${file}:${line} differs from the database: the file has ` +
        `"updated_at: string;", the database gives "nickname: string | null;". ${REMEDY}\n`,
    );
    await migrator.query("alter table public.users drop column nickname");
    await migrator.query("grant update (total_images) on public.user_progress to authenticated");
    expect((await generator.run(check, url)).stderr).toContain(
      'differs from the database: the file has "Update: "preferences";", ' +
        'the database gives "Update: "total_images" | "preferences";". ',
    );
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("are not made from a database without the migrations", async () => {
    expect(await generator.run(["--check", "--directory", projectFolder()], url)).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "error: MIG051 The database does not hold the migrations of the files: " +
        "000_existing_schema is not applied; 001_add_missing_tables is not applied. " +
        "Types are made from a database that does: run `npm run up` first.\n",
    });
  });

  it("are not made from a database with other migrations", async () => {
    const [trio] = readTrios(migrationFolder("create schema other;"));
    if (!trio) throw new Error("The folder must hold a migration.");
    await applyMigration(fixture.settings, trio);
    const edited = migrationFolder("create schema another;");
    expect((await generator.run(["--check", "--directory", edited], url)).stderr).toContain(
      "MIG051 The database does not hold the migrations of the files: " +
        "000_kinds was applied with other SQL. ",
    );
    const { stderr } = await generator.run(["--check", "--directory", projectFolder()], url);
    expect(stderr).toContain(
      "001_add_missing_tables is not applied; 000_kinds is applied, and there is no file of it. ",
    );
  });

  it("are brought up to date when their stamp does not fit, and only then", async () => {
    await apply(projectTrios());
    const { directory, file, text } = makeProjectTypes(url);
    writeFileSync(file, text.replace(/^\/\/ migration 001.*\n/m, ""));
    const update = ["--if-stale", "--directory", directory, "--output", file];
    expect((await generator.run(update, url)).stdout).toBe(`${file} is written anew.\n`);
    expect(readFileSync(file, "utf8")).toBe(text);
    // In step, it asks no database: none is named.
    expect(await generator.run(update)).toEqual({
      code: 0,
      stdout: `${file} is in step with ${directory}.\n`,
      stderr: "",
    });
  });

  it("need a database to be made from, and show no password", async () => {
    const missing = runGenerator(["--check"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(
      /^error: MIG030 The environment variable MIGRATOR_URL is not set\./,
    );
    const canary = "canary-6f1c";
    const refused = await generator.run(
      ["--check"],
      `postgresql://migrator:${canary}@127.0.0.1:1/none`,
    );
    expect(refused.stderr).toMatch(/^error: MIG003 .*ECONNREFUSED/);
    const wrong = await generator.run(["--check"], url.replace(/:[^:@]+@/, `:${canary}@`));
    expect(wrong.stderr).toMatch(/^error: MIG003 .*password authentication failed/);
    expect(refused.stderr + refused.stdout + wrong.stderr + wrong.stdout).not.toContain(canary);
  });

  it("are not made on a wrong call", async () => {
    expect(await generator.run(["--check", "--if-stale"])).toMatchObject({ code: 2, stdout: "" });
    expect(runGenerator(["--force"])).toMatchObject({ code: 2, stdout: "" });
    expect(await generator.run(["--help"])).toMatchObject({ code: 0, stderr: "" });
  });
});

const protect = (table: string) =>
  `alter table ${table} enable row level security; alter table ${table} force row level security;`;

/** Applies one migration and makes the types of it. */
async function typesOf(forward: string) {
  const directory = migrationFolder(forward);
  for (const trio of readTrios(directory)) await applyMigration(fixture.settings, trio);
  const output = path.join(directory, "types.ts");
  const outcome = await generator.run(["--directory", directory, "--output", output], url);
  return { ...outcome, output };
}

/** Connects as an application does; {@link fixture} closes the connection. */
async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, types: databaseTypes });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** The columns in a part of a table or view, as the file writes them. */
function columnsOf(file: string, table: string, part: "Row" | "Insert"): string[] {
  const lines = readFileSync(file, "utf8").split("\n");
  const from = lines.indexOf(`        ${part}: {`, lines.indexOf(`      ${table}: {`)) + 1;
  return lines
    .slice(from, lines.indexOf("        };", from))
    .map((line) => line.trim().slice(0, -1));
}

describe("the generator", () => {
  it("knows identity, defaults, generated columns, enums, domains, arrays and views", async () => {
    const { code, stderr, output } = await typesOf(`
      create schema if not exists public;
      create type public.mood as enum ('glad', 'sad');
      create domain public.counter as bigint check (value >= 0);
      create table public.kinds (
        always bigint generated always as identity primary key,
        by_default integer generated by default as identity,
        feeling public.mood not null,
        counted public.counter not null default 0,
        amounts numeric[] not null,
        sums bigint[],
        message bytea,
        doubled numeric generated always as (2 * 0.1) stored,
        size text not null check (size in ('', 'M', 'it''s "L"')),
        maybe text check (maybe in ('a', null)),
        open text check (open in ('a', 'b') or length(open) > 5),
        later text not null,
        at date not null,
        settings jsonb not null check (jsonb_typeof(settings) = 'object'),
        anything jsonb not null,
        list jsonb check (jsonb_typeof(list) = 'array'),
        nested jsonb not null check (jsonb_typeof(nested -> 'a') = 'object')
      );
      alter table public.kinds add constraint later check (later in ('x')) not valid;
      ${protect("public.kinds")}
      create view public.moods with (security_invoker = true) as
        select feeling, counted from public.kinds;`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(columnsOf(output, "kinds", "Row")).toEqual([
      "always: bigint",
      "amounts: string[]",
      "anything: NonNullable<Json>",
      "at: string",
      "by_default: number",
      "counted: bigint",
      "doubled: string | null",
      'feeling: Database["public"]["Enums"]["mood"]',
      "later: string",
      "list: Json | null",
      "maybe: string | null",
      "message: Buffer | null",
      "nested: NonNullable<Json>",
      "open: string | null",
      "settings: { [key: string]: Json | undefined }",
      'size: "" | "M" | \'it\\\'s "L"\'',
      "sums: bigint[] | null",
    ]);
    expect(columnsOf(output, "kinds", "Insert")).toEqual([
      "always?: never",
      "amounts: string[]",
      "anything: NonNullable<Json>",
      "at: string",
      "by_default?: number",
      "counted?: bigint",
      "doubled?: never",
      'feeling: Database["public"]["Enums"]["mood"]',
      "later: string",
      "list?: Json | null",
      "maybe?: string | null",
      "message?: Buffer | null",
      "nested: NonNullable<Json>",
      "open?: string | null",
      "settings: { [key: string]: Json | undefined }",
      'size: "" | "M" | \'it\\\'s "L"\'',
      "sums?: bigint[] | null",
    ]);
    expect(columnsOf(output, "moods", "Row")).toEqual([
      "counted: bigint | null",
      'feeling: Database["public"]["Enums"]["mood"] | null',
    ]);
    expect(readFileSync(output, "utf8")).toContain('mood: "glad" | "sad";');
  });

  it("writes for each role the columns that it may read and write", async () => {
    const { output } = await typesOf(`
      create table public.notes (id integer primary key, body text, secret text);
      ${protect("public.notes")}
      grant usage on schema public to authenticated;
      grant select (id, body), insert (id, body), update (body) on public.notes to authenticated;
      grant delete on public.notes to authenticated;
      create policy none on public.notes to authenticated using (false);
      create table public.hidden (id integer primary key);
      ${protect("public.hidden")}`);
    const source = readFileSync(output, "utf8").replace(/\s+/g, " ");
    expect(source.slice(source.indexOf("export type Grants"))).toBe(
      'export type Grants = { authenticated: { public: { notes: { Select: "id" | "body"; ' +
        'Insert: "id" | "body"; Update: "body"; Delete: true }; }; }; }; ',
    );
  });

  it("gives every other type a type of last resort, with a note", async () => {
    const { code, stderr, stdout, output } = await typesOf(`
      create type public.mood as enum ('glad', 'sad');
      create type public.pair as (a integer, b integer);
      create domain public.slug as text check (value ~ '^[a-z]+$');
      create domain public.total as bigint;
      create domain public.positive_total as public.total check (value > 0);
      create type public.span as range (subtype = float8);
      create table public.fine (id integer primary key);
      ${protect("public.fine")}
      create table public.odd (
        id integer primary key, address inet, addresses inet[], moods public.mood[] not null,
        pair public.pair, search tsvector, booked tstzrange, place point, places point[],
        spans public.span[], slugs public.slug[], "row" public.fine, total public.positive_total,
        number oid, "Quo""ted" bit(3), fine text
      );
      ${protect("public.odd")}
      create function public.moods() returns public.mood[] language sql stable
        set search_path = '' return array['glad'::public.mood];
      revoke all on function public.moods() from public;`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const text = (type: string) => `string /* ${type}, as PostgreSQL writes it */`;
    const read = (type: string, as = "unknown") => `${as} /* ${type}, as pg reads it */`;
    expect(columnsOf(output, "odd", "Row")).toEqual([
      `address: ${text("inet")} | null`,
      `addresses: ${read("inet[]", "unknown[]")} | null`,
      `booked: ${text("tstzrange")} | null`,
      "fine: string | null",
      "id: number",
      `moods: ${text("public.mood[]")}`,
      `number: ${read("oid")} | null`,
      `pair: ${text("public.pair")} | null`,
      `place: ${read("point")} | null`,
      `places: ${read("point[]", "unknown[]")} | null`,
      `'Quo"ted': ${text("bit")} | null`,
      `row: ${text("public.fine")} | null`,
      `search: ${text("tsvector")} | null`,
      `slugs: ${text("public.slug[]")} | null`,
      `spans: ${text("public.span[]")} | null`,
      "total: bigint | null",
    ]);
    expect(readFileSync(output, "utf8")).toContain(
      "Returns: string; /* public.mood[], as PostgreSQL writes it */",
    );
    expect(stdout).toContain(`  public.odd.address: ${text("inet")}\n`);
  });

  it("gives a type of last resort that is what a query gives", async () => {
    const types = "inet,tsvector,tstzrange,public.mood[],public.pair,point,inet[],oid,bit(3),money";
    const values = ["::1", "'a'", "empty", "{sad}", "(1,2)", "(1,2)", "{::1}", "7", "101", "1.5"];
    const columns = types.split(",").map((type, index) => ({ type, value: values[index] }));
    const { output } = await typesOf(`
      create type public.mood as enum ('glad', 'sad');
      create type public.pair as (a integer, b integer);
      create table public.odd (
        id integer primary key, ${columns.map(({ type }, at) => `c${at} ${type}`).join(", ")}
      );
      ${protect("public.odd")}`);
    const application = await connect(url);
    for (const [at, { type, value }] of columns.entries()) {
      const { rows } = await application.query<{ value: unknown }>(
        `select $1::text::${type} as value`,
        [value],
      );
      const line = columnsOf(output, "odd", "Row").find((each) => each.startsWith(`c${at}:`));
      const promisesText = line?.includes(": string ");
      expect({ type, isText: typeof rows[0]?.value === "string" }).toEqual({
        type,
        isText: promisesText,
      });
    }
  });
});
