import { readFileSync } from "node:fs";
import path from "node:path";
import { Client } from "pg";
import { type Trial, tryMigrations } from "../../trial/src";
import { createDatabase } from "../support/database";
import { leakCases } from "./leak-cases";
import { superuser } from "./trial-server";

const PROJECT = path.resolve(__dirname, "../..");
const sqlOf = (file: string) => ({ file, sql: readFileSync(path.join(PROJECT, file), "utf8") });
const base = [sqlOf("sql/000_existing_schema.sql")];
const own = sqlOf("sql/001_add_missing_tables.sql");

/** Tries a migration that stands on 000. */
function tryOne(sql: string): Promise<Trial> {
  return tryMigrations(superuser(), [...base, { file: "001.sql", sql }]);
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
          file: "001.sql",
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
        file: "001.sql",
        line: 2,
        message: `table public.things was not judged: ${reason}`,
      }),
    ]);
  });

  it("is named: migrations that PostgreSQL refuses", async () => {
    const { findings } = await tryOne("select 1;\ncreate role admin superuser;");
    expect(findings).toEqual([
      expect.objectContaining({
        code: "POL159",
        object: "001.sql",
        file: "001.sql",
        message:
          "PostgreSQL refused the migration, so that nothing after it was judged: permission denied to create role",
      }),
    ]);
  });
});

describe("a folder without users", () => {
  const notes = {
    file: "notes.sql",
    sql: `create table public.notes (user_id uuid references public.users (id));
      alter table public.notes enable row level security, force row level security;
      create policy r on public.notes for select to authenticated using (auth.uid() = user_id);
      grant select on public.notes to authenticated;`,
  };

  it("stands on the base, where PostgreSQL misses something without it", async () => {
    expect((await tryMigrations(superuser(), [notes], { base })).findings).toEqual([]);
  });

  it("is refused without a base", async () => {
    const { findings } = await tryMigrations(superuser(), [notes]);
    expect(findings.map(({ code, message }) => ({ code, message }))).toEqual([
      {
        code: "POL159",
        message:
          'PostgreSQL refused the migration, so that nothing after it was judged: relation "public.users" does not exist',
      },
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
