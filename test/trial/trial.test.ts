import { readFileSync } from "node:fs";
import path from "node:path";
import { Client } from "pg";
import { defaultContract } from "../../rules/src";
import type { DatabaseTrialOptions, Trial } from "../../trial/src";
import { createDatabase } from "../support/database";
import { leakCases } from "./leak-cases";
import { superuser, tryMigrations } from "./trial-server";

const PROJECT = path.resolve(__dirname, "../..");
const sqlOf = (file: string) => ({ file, sql: readFileSync(path.join(PROJECT, file), "utf8") });
const base = [sqlOf("sql/000_existing_schema.sql")];
const own = sqlOf("sql/001_add_missing_tables.sql");

/** Tries a migration that stands on 000. */
function tryOne(sql: string, options: DatabaseTrialOptions = {}): Promise<Trial> {
  return tryMigrations(superuser(), [...base, { file: "001.sql", sql }], options);
}

describe("the trial", () => {
  it.each(leakCases)(
    "finds $way, and nothing in its safe twin",
    async ({ leaking, safe, code, object, message }) => {
      const found = (await tryOne(leaking)).findings.filter((finding) => finding.code === code);
      expect(found).toEqual([
        expect.objectContaining({
          code,
          object,
          message: expect.stringContaining(message) as string,
          level: "mandatory",
        }),
      ]);
      const { findings, attempts } = await tryOne(safe);
      expect(findings).toEqual([]);
      expect(attempts).toBeGreaterThan(0);
    },
  );

  it("finds nothing in the project's own migrations, and attacks all of their tables", async () => {
    const { findings, tables } = await tryMigrations(superuser(), [...base, own]);
    expect({ findings, tables }).toEqual({ findings: [], tables: 5 });
  });

  it("tells no right that a platform grants by default", async () => {
    const sql = leakCases.find(({ way }) => way === "truncate")?.leaking ?? "";
    const codes = ({ findings }: Trial) => findings.map(({ code }) => code);
    expect(codes(await tryOne(sql))).toEqual(["POL155"]);
    const contract = { ...defaultContract, platformGrants: true };
    expect(codes(await tryOne(sql, { contract }))).toEqual([]);
  });

  it("gives a script that shows the leak", async () => {
    const leak = leakCases.find(({ way }) => way === "a tautology in disguise");
    const sql = leak?.leaking ?? "";
    const [finding] = (await tryOne(sql)).findings;
    const database = await createDatabase();
    try {
      const migrator = await database.connect("migrator");
      for (const text of [...base.map((file) => file.sql), sql]) await migrator.query(text);
      const client = await database.connect("postgres");
      const script = finding?.reproduction ?? "";
      const results = (await client.query(script)) as unknown as {
        command: string;
        rows: unknown[];
      }[];
      const shown = results.filter(({ command }) => command === "SELECT").at(-1)?.rows ?? [];
      const owners = new Set(shown.map((row) => (row as { user_id: string }).user_id));
      expect(script).toContain("set local role authenticated;");
      expect([...owners].map((id) => id.slice(0, 1)).sort()).toEqual(["a", "b", "c", "d"]);
    } finally {
      await database.drop();
    }
  });

  it("leaves nothing behind on the server", async () => {
    const { host, port, user, password } = superuser();
    const client = new Client({ host, port, user, password, database: "postgres" });
    await client.connect();
    const { rows } = await client.query(
      "select datname from pg_database where datname like 'trial_%'",
    );
    await client.end();
    expect(rows).toEqual([]);
  });
});

describe("filling", () => {
  it("fills and judges types, keys and constraints of every kind", async () => {
    const { findings, tables } = await tryOne(
      readFileSync(path.join(__dirname, "hard-schema.sql"), "utf8"),
    );
    expect({ findings, tables }).toEqual({ findings: [], tables: 13 });
  });

  const leaky = (name: string, columns: string) => `
    create table ${name} (user_id uuid not null references public.users (id), ${columns});
    alter table ${name} enable row level security, force row level security;
    create policy r on ${name} for select to authenticated using (true);
    create policy m on ${name} for all to migrator using (true) with check (true);
    grant select on ${name} to authenticated;`;
  const found = ({ findings }: Trial) => findings.map(({ code, object }) => `${code} ${object}`);

  it("takes from a seed file the rows that nothing can be made up for, and rows that refer to them", async () => {
    const sql = `${leaky("public.things", "id int primary key, code text not null check (md5(code) like '%5d3'), unique (id, code)")}
      create table public.parts (id int primary key, thing int not null references public.things (id));
      alter table public.parts enable row level security, force row level security;
      create policy r on public.parts for select to authenticated using (thing > 0);
      grant select on public.parts to authenticated;`;
    const file = "policy/trial-rows/things.sql";
    const seed = `insert into public.things values
      (current_setting('trial.user_a')::uuid, 1, 'code 78'), (current_setting('trial.user_b')::uuid, 2, 'code 78')`;
    expect(found(await tryOne(sql))).toEqual(["POL150 public.things", "POL150 public.parts"]);
    expect(found(await tryOne(sql, { seeds: [{ file, sql: seed }] }))).toEqual([
      "POL151 public.things",
      "POL151 public.parts",
    ]);
  });

  it("judges a table that a migration has put tens of thousands of rows into", async () => {
    const columns = "id integer primary key, code text not null unique, note text";
    const rows = `insert into public.foods
      select gen_random_uuid(), i, lpad(i::text, 6, '0'), 'a note' from generate_series(1, 30000) i;`;
    const made = `${leaky("public.foods", columns).replace(" references public.users (id)", "")}
      create policy own on public.foods for select to authenticated using (user_id = (select auth.uid()));`;
    const { findings, tried } = await tryOne(made + rows);
    expect(findings.map(({ code, object }) => `${code} ${object}`)).toEqual([
      "POL151 public.foods",
    ]);
    expect(tried).toContainEqual(expect.objectContaining({ object: "public.foods", judged: true }));
  });

  it("judges a table with a restrictive policy on a setting", async () => {
    const restrictive = `create policy in_region on public.things as restrictive for all to authenticated
      using (region = current_setting('app.region', true));`;
    const sql = leaky("public.things", "region text not null") + restrictive;
    const contract = { ...defaultContract, trustedSettings: ["app.region"] };
    const own = sql.replace("using (true)", "using (user_id = (select auth.uid()))");
    expect(found(await tryOne(own, { contract }))).toEqual([]);
  });

  it("attacks roles, tables and functions whose names have to be quoted", async () => {
    const sql = `
      ${leaky('public."Notes ($1)"', '"the body(" text').replace("using (true);", "using (user_id = (select auth.uid()));")}
      grant usage on schema public to "Report-Reader";
      grant select on public."Notes ($1)" to "Report-Reader";
      create policy w on public."Notes ($1)" for select to "Report-Reader" using (true);
      create function public."count $notes("("who $(" uuid) returns bigint language sql security definer set search_path = ''
      as $$ select count(*) from public."Notes ($1)" n where n.user_id = $1 $$;
      grant execute on function public."count $notes("(uuid) to "Report-Reader";`;
    const { host, port, user, password } = superuser();
    const client = new Client({ host, port, user, password, database: "postgres" });
    await client.connect();
    await client.query('create role "Report-Reader"; grant "Report-Reader" to app');
    const { findings, unexpected } = await tryOne(sql).finally(async () => {
      await client.query('drop role "Report-Reader"');
      await client.end();
    });
    expect(findings.map(({ code, object }) => `${code} ${object}`)).toEqual([
      'POL151 public."Notes ($1)"',
      'POL156 function public."count $notes("("who $(" uuid)',
    ]);
    expect(findings[0]?.message).toContain("Report-Reader as user A read 18 rows");
    expect(unexpected).toEqual([]);
  });
});

describe("what cannot be judged", () => {
  const table = (columns: string, policies: string) => `
    create table public.things (user_id uuid not null references public.users (id), ${columns});
    alter table public.things enable row level security, force row level security;
    ${policies}`;
  const read =
    "create policy r on public.things for select to authenticated using ((select auth.uid()) = user_id);" +
    "grant select on public.things to authenticated;";

  it.each([
    {
      what: "a table that no row satisfies",
      sql: table("code text not null check (md5(code) = 'x')", read),
      reason:
        'no row of user A and user B could be inserted: new row for relation "things" violates check constraint "things_code_check"',
    },
    {
      what: "a table whose policy lets nobody see a row of their own",
      sql: table(
        "code text",
        "create policy r on public.things for select to authenticated using (user_id = (select auth.uid()) and pg_backend_pid() < 0);" +
          "grant select on public.things to authenticated;",
      ),
      reason: "no user sees a row of their own, so that seeing none of others shows nothing",
    },
    {
      what: "a table whose policy fails",
      sql: table(
        "code text",
        "create policy r on public.things for select to authenticated using (exists (select from public.things t where t.user_id = auth.uid()));" +
          "grant select on public.things to authenticated;",
      ),
      reason:
        'authenticated as user A, "select * from public.things" fails: infinite recursion detected in policy for relation "things"',
    },
    {
      what: "an insert that only a constraint stops",
      sql: table(
        "code text check (current_user <> 'authenticated')",
        `${read} create policy i on public.things for insert to authenticated with check (true); grant insert on public.things to authenticated;`,
      ),
      reason:
        "authenticated as user A, \"insert into public.things (user_id, code) values ('b0000000-0000-4000-8000-000000000002'::uuid, 'GAA'::text)\" is let through by the policies, and only constraint things_check stopped it",
    },
  ])("is named: $what", async ({ sql, reason }) => {
    const { findings } = await tryOne(sql);
    expect(findings).toEqual([
      expect.objectContaining({
        code: "POL150",
        level: "mandatory",
        object: "public.things",
        message: `table public.things was not judged: ${reason}`,
      }),
    ]);
  });
});

describe("a table without an owner", () => {
  it("is advice where users only read it", async () => {
    const { findings } = await tryOne(`
      create table public.countries (code char(2) primary key, name text not null);
      alter table public.countries enable row level security, force row level security;
      create policy r on public.countries for select to authenticated using (true);
      grant select on public.countries to authenticated;`);
    expect(findings.map(({ code, level, message }) => ({ code, level, message }))).toEqual([
      {
        code: "POL158",
        level: "advisory",
        message:
          "table public.countries: authenticated as user A read 24 rows of a table whose rows belong to no user; " +
          "so could authenticated as user B, authenticated as a user in no world, authenticated without claims and 4 more",
      },
    ]);
  });
});
