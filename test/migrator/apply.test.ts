import { type Client } from "pg";
import {
  amendMigration,
  applyMigration,
  attest,
  readHistory,
  rollbackMigration,
} from "../../migrator/src";
import {
  type MigratorFixture,
  createFixture,
  projectTrios,
  protectedTable,
  trio,
} from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

/** Every object that a migration could have left behind, by name. */
async function relations(): Promise<string[]> {
  const { rows } = await superuser.query<{ name: string }>(
    `select format('%s.%s', n.nspname, c.relname) as name from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind = 'r' order by 1`,
  );
  return rows.map(({ name }) => name);
}

describe("applyMigration", () => {
  it("applies the project's migrations and records each with its digests", async () => {
    const trios = projectTrios();
    for (const each of trios) await applyMigration(fixture.settings, each);

    const history = await readHistory(fixture.settings);
    expect(history.map(({ name, event }) => [name, event])).toEqual([
      ["000_existing_schema", "apply"],
      ["001_add_missing_tables", "apply"],
    ]);
    const { rows } = await superuser.query(
      "select forward_sql, rollback_sql from migrations.log where event = 'apply' order by id",
    );
    expect(rows).toEqual(
      trios.map(({ forward, rollback }) => ({
        forward_sql: forward.sql,
        rollback_sql: rollback.sql,
      })),
    );
    expect(await relations()).toEqual([
      "migrations.journal",
      "migrations.log",
      "public.export_history",
      "public.sessions",
      "public.user_api_keys",
      "public.user_progress",
      "public.users",
    ]);
  });

  it("runs as a role that is neither superuser nor exempt from row level security", async () => {
    await applyMigration(fixture.settings, protectedTable("000", "notes"));
    const { rows } = await superuser.query(
      "select rolname, rolsuper, rolbypassrls from pg_roles where rolname = (select database_user from migrations.log)",
    );
    expect(rows).toEqual([{ rolname: "migrator", rolsuper: false, rolbypassrls: false }]);
  });

  it("sees a trigger that is called as PostgreSQL calls those of foreign keys", async () => {
    await applyMigration(fixture.settings, protectedTable("000", "notes"));
    const forward = `create function public.touch() returns trigger language plpgsql set search_path = ''
  as $$ begin return new; end $$;
revoke all on function public.touch() from public;
`;
    await applyMigration(fixture.settings, trio("001", forward));
    const trigger = `create trigger "RI_ConstraintTrigger_x" before insert on public.notes
  for each row execute function public.touch();
`;
    await applyMigration(fixture.settings, trio("002", trigger));
    const { rows } = await superuser.query(
      "select catalog_changes as changes from migrations.log where event = 'apply' and version = '002'",
    );
    expect(rows).toEqual([
      {
        changes: {
          'trigger public.notes."RI_ConstraintTrigger_x"': expect.objectContaining({
            table: "public.notes",
          }),
        },
      },
    ]);
  });

  it("records how long all steps of a file took", async () => {
    await applyMigration(fixture.settings, protectedTable("000", "notes"));
    const forward = `do $$ begin perform pg_catalog.pg_sleep(1); end $$;
create index concurrently notes_note on public.notes (note);
`;
    const { durationMs } = await applyMigration(fixture.settings, trio("001", forward));
    expect(durationMs).toBeGreaterThanOrEqual(1_000);
  });

  it("clears up what a reindex left on its own table alone", async () => {
    const [one, other] = [protectedTable("000", "one"), protectedTable("001", "other")];
    for (const each of [one, other]) await applyMigration(fixture.settings, each);
    for (const table of ["one", "other"]) {
      await superuser.query(`create index ${table}_note_ccnew on public.${table} (note)`);
      await superuser.query(`alter index public.${table}_note_ccnew owner to migrator`);
    }
    await superuser.query(
      "update pg_index set indisvalid = false where indexrelid::regclass::text like '%_ccnew'",
    );
    await applyMigration(
      fixture.settings,
      trio("002", "reindex (concurrently) table public.one;\n"),
    );
    const { rows } = await superuser.query(
      "select indexrelid::regclass::text as name from pg_index where not indisvalid",
    );
    expect(rows).toEqual([{ name: "other_note_ccnew" }]);
  });

  it("leaves an applied migration as it is", async () => {
    const notes = protectedTable("000", "notes");
    const first = await applyMigration(fixture.settings, notes);
    const second = await applyMigration(fixture.settings, notes);
    expect(second).toEqual(
      expect.objectContaining({ event: "apply", catalogDigest: first.catalogDigest }),
    );
    const { rows } = await superuser.query(
      "select count(*)::integer as entries from migrations.log",
    );
    expect(rows).toEqual([{ entries: 1 }]);
  });

  it("safety 6, acceptance 8: accepts an applied file whose comments and layout changed", async () => {
    const notes = protectedTable("000", "notes");
    await applyMigration(fixture.settings, notes);
    const sql = `-- Notes of users.\n${notes.forward.sql.replaceAll(" (", "\n  (")}`;
    const entry = await applyMigration(fixture.settings, {
      ...notes,
      forward: { ...notes.forward, sql },
    });
    expect(entry.event).toBe("apply");
  });

  it("safety 5, acceptance 8: refuses an applied file whose SQL changed, names both digests and shows the difference", async () => {
    const notes = protectedTable("000", "notes");
    const { digests } = await applyMigration(fixture.settings, notes);
    const sql = notes.forward.sql.replace("note text", "note text default 'x'");
    const edited = applyMigration(fixture.settings, {
      ...notes,
      forward: { ...notes.forward, sql },
    });
    await expect(edited).rejects.toThrow(
      new RegExp(
        `^MIG008 000_test was edited after it was applied \\(applied SHA-256 ${digests.forward.text}, ` +
          "file [0-9a-f]{64}\\)\\.\n[^]*" +
          "--- sql/000_test\\.sql \\(as applied\\)\n\\+\\+\\+ sql/000_test\\.sql \\(now\\)\n[^]*" +
          "\n-create table public\\.notes \\(id integer primary key, note text\\);\n" +
          "\\+create table public\\.notes \\(id integer primary key, note text default 'x'\\);\n[^]*" +
          "\nRestore the file, and write the change as a new migration",
      ),
    );
  });

  it("safety 8: commits nothing when a table lacks row level security", async () => {
    const open = trio("000", "create table public.notes (id integer);\n");
    await expect(applyMigration(fixture.settings, open)).rejects.toThrow(
      /^MIG006 000_test was not committed: it would leave rows unprotected\. POL101 table public\.notes has row level security neither enabled nor forced/,
    );
    expect(await relations()).toEqual([]);

    const closed = protectedTable("000", "notes");
    await applyMigration(fixture.settings, closed);
    expect(await relations()).toEqual(["migrations.journal", "migrations.log", "public.notes"]);
  });

  it.each([
    ["one transaction", ""],
    ["several steps", "create index concurrently queue_id on public.queue (id);\n"],
  ])("judges what a deferred trigger does at the end of %s", async (_form, more) => {
    await applyMigration(fixture.settings, protectedTable("000", "notes"));
    const queue = `create table public.queue (id integer);
alter table public.queue enable row level security;
alter table public.queue force row level security;
create policy queue_migrator on public.queue to migrator using (true) with check (true);
create function public.expose() returns trigger language plpgsql set search_path = ''
as $$ begin execute 'alter table public.notes disable row level security'; return null; end $$;
revoke all on function public.expose() from public;
create constraint trigger queue_expose after insert on public.queue
  deferrable initially deferred for each row execute function public.expose();
`;
    await applyMigration(fixture.settings, trio("001", queue));
    const late = trio("002", `insert into public.queue values (1);\n${more}`);
    await expect(applyMigration(fixture.settings, late)).rejects.toThrow(
      /^MIG006 002_test was not committed: .*public\.notes/,
    );
    const { rows } = await superuser.query(
      "select relrowsecurity as protected from pg_class where oid = 'public.notes'::regclass",
    );
    expect(rows).toEqual([{ protected: true }]);
  });

  it("leaves its own log alone, whose triggers would run after what it judges", async () => {
    await applyMigration(fixture.settings, protectedTable("000", "notes"));
    const expose = `create function public.expose() returns trigger language plpgsql set search_path = ''
as $$ begin execute 'alter table public.notes disable row level security'; return null; end $$;
revoke all on function public.expose() from public;
create trigger log_expose after insert on migrations.log
  for each row execute function public.expose();
`;
    const more = "create index concurrently notes_id on public.notes (id);\n";
    for (const forward of [expose, `${expose}${more}`]) {
      await expect(applyMigration(fixture.settings, trio("001", forward))).rejects.toThrow(
        "MIG021 001_test was not committed: it changes trigger migrations.log.log_expose.",
      );
    }
    const { rows } = await superuser.query(
      "select relrowsecurity as protected from pg_class where oid = 'public.notes'::regclass",
    );
    expect(rows).toEqual([{ protected: true }]);
  });

  it("commits nothing when row level security is enabled but not forced", async () => {
    const sql = "create table a.b (id integer);\nalter table a.b enable row level security;\n";
    await expect(
      applyMigration(fixture.settings, trio("000", `create schema a;\n${sql}`)),
    ).rejects.toThrow(/POL101 table a\.b has row level security enabled but not forced/);
    expect(await relations()).toEqual([]);
  });

  it("shows file, line, column, SQLSTATE and statement of a failure, and changes nothing", async () => {
    const broken = trio(
      "000",
      "create schema a;\n\n-- Ünïcode before the place.\ncreate view a.v as\n  select 'é' as e, wrong\n  from pg_catalog.pg_class;\n",
    );
    const error: unknown = await applyMigration(fixture.settings, broken).catch((e: unknown) => e);
    expect(String(error)).toBe(
      [
        'MigratorError: MIG005 sql/000_test.sql:5:20: column "wrong" does not exist (SQLSTATE 42703).',
        "4 | create view a.v as",
        "5 |   select 'é' as e, wrong",
        "  |                    ^",
        "6 |   from pg_catalog.pg_class",
        "The transaction was rolled back: the database is as it was. Correct the file and run it again.",
      ].join("\n"),
    );
    const { rows } = await superuser.query(
      "select to_regnamespace('a') as a, to_regnamespace('migrations') as log",
    );
    expect(rows).toEqual([{ a: null, log: null }]);
  });

  it.each([
    ["create view a.v as select id from notes", 'relation "notes" does not exist', "a.notes"],
    ["create table a.b (m mood)", 'type "mood" does not exist', "a.mood"],
    ["select twice(1)", "function twice(integer) does not exist", "a.twice"],
  ])("says in which schema what is missing is: %s", async (statement, message, name) => {
    const made =
      "create schema a;\ncreate view a.notes as select 1 as id;\ncreate type a.mood as enum ('ok');\n" +
      "create function a.twice(n integer) returns integer language sql return 2 * n;\n" +
      "revoke all on function a.twice(integer) from public;\n";
    await applyMigration(fixture.settings, trio("000", made));
    await expect(applyMigration(fixture.settings, trio("001", `${statement};\n`))).rejects.toThrow(
      `${message}; every name needs its schema: write ${name} (SQLSTATE`,
    );
  });

  it("shows the line of a failure inside a block", async () => {
    const broken = trio(
      "000",
      "do $$\nbegin\n  perform 1;\n  raise exception 'no' using errcode = 'AB123';\nend\n$$;\n",
    );
    await expect(applyMigration(fixture.settings, broken)).rejects.toThrow(
      /^MIG005 sql\/000_test\.sql:4:3: no \(SQLSTATE AB123\)/,
    );
  });

  it("keeps what PostgreSQL says of rows out of the error", async () => {
    const sql =
      "create temporary table t (email text primary key);\ninsert into t values ('a@example.org'), ('a@example.org');\n";
    const error: unknown = await applyMigration(fixture.settings, trio("000", sql)).catch(
      (e: unknown) => e,
    );
    expect(String(error)).toContain("SQLSTATE 23505");
    expect(String(error)).not.toContain("Key (email)");
  });

  it("keeps values of rows out of the error and of the log", async () => {
    const values = `create table public.notes (id integer, note text);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy notes_migrator on public.notes to migrator using (true) with check (true);
insert into public.notes select 1, concat('alice', '@example.org');
`;
    await applyMigration(fixture.settings, trio("000", values));
    const cast = "alter table public.notes alter column note type integer using note::integer;\n";
    const error: unknown = await applyMigration(fixture.settings, trio("001", cast)).catch(
      (e: unknown) => e,
    );
    expect(String(error)).toContain('invalid input syntax for type integer: "…" (SQLSTATE 22P02)');
    const { rows } = await superuser.query(
      "select note from migrations.log where event = 'failure'",
    );
    expect(rows).toEqual([{ note: "MIG005 sql/001_test.sql:1:1: SQLSTATE 22P02" }]);

    const own = trio("001", "select 'abc'::integer;\n");
    await expect(applyMigration(fixture.settings, own)).rejects.toThrow(
      'sql/001_test.sql:1:8: invalid input syntax for type integer: "abc"',
    );
  });

  it.each(["begin;", "commit;", "rollback;", "savepoint a;"])(
    "refuses %s in a file",
    async (statement) => {
      const bad = trio("000", `select 1;\n  ${statement}\n`);
      await expect(applyMigration(fixture.settings, bad)).rejects.toThrow(
        `MIG002 sql/000_test.sql:2:3: "${statement.slice(0, -1)}" controls the transaction.`,
      );
    },
  );

  it("commits nothing when the verify file fails", async () => {
    const notes = protectedTable("000", "notes");
    const verify = { file: "sql/000_test_verify.sql", sql: "select 1 / 0;" };
    await expect(applyMigration(fixture.settings, { ...notes, verify })).rejects.toThrow(
      /^MIG005 sql\/000_test_verify\.sql:1:1: division by zero \(SQLSTATE 22012\)/,
    );
    expect(await relations()).toEqual([]);
  });

  it("tells what the verify file of several steps fails with", async () => {
    const notes = protectedTable("000", "notes");
    await applyMigration(fixture.settings, notes);
    const index = trio("001", "create index concurrently notes_id_idx on public.notes (id);\n", {
      verify: "select 1 / 0;",
    });
    await expect(applyMigration(fixture.settings, index)).rejects.toThrow(
      /^MIG005 sql\/001_test_verify\.sql:1:1: division by zero/,
    );
    const history = await readHistory(fixture.settings);
    expect(history.map(({ event, version }) => `${event} ${version}`)).toEqual([
      "apply 000",
      "begin apply 001",
    ]);
  });

  it("tells what a new verify file of an applied migration fails with", async () => {
    const notes = protectedTable("000", "notes");
    await applyMigration(fixture.settings, notes);
    const verify = { file: "sql/000_test_verify.sql", sql: "select 1 / 0;" };
    await expect(amendMigration(fixture.settings, { ...notes, verify })).rejects.toThrow(
      /^MIG005 sql\/000_test_verify\.sql:1:1: division by zero/,
    );
    const { rows } = await superuser.query("select event from migrations.log");
    expect(rows).toEqual([{ event: "apply" }]);
  });

  it("does not let the verify file write", async () => {
    const notes = protectedTable("000", "notes");
    const verify = { file: "sql/000_test_verify.sql", sql: "create table public.x ();" };
    await expect(applyMigration(fixture.settings, { ...notes, verify })).rejects.toThrow(
      /SQLSTATE 25006/,
    );
    expect(await relations()).toEqual([]);
  });

  it("refuses a migration that comes before an applied one", async () => {
    await applyMigration(fixture.settings, protectedTable("001", "notes"));
    await expect(applyMigration(fixture.settings, protectedTable("000", "other"))).rejects.toThrow(
      "MIG009 000_test can be neither applied nor rolled back while later migrations are applied (001_test).",
    );
  });

  it("takes PUBLIC's rights on the database and lets the named roles connect", async () => {
    await superuser.query(
      `grant connect, temporary on database ${fixture.database.name} to public`,
    );
    await superuser.query(`revoke connect on database ${fixture.database.name} from app`);
    await applyMigration(fixture.settings, protectedTable("000", "notes"), {
      connectRoles: ["app"],
    });
    const { rows } = await superuser.query(
      `select coalesce(r.rolname, 'public') as role, array_agg(a.privilege_type order by 1) as rights
         from pg_database d, aclexplode(d.datacl) a left join pg_roles r on r.oid = a.grantee
        where d.datname = $1 and a.grantee <> d.datdba group by 1`,
      [fixture.database.name],
    );
    expect(rows).toEqual([{ role: "app", rights: ["CONNECT"] }]);
  });

  it("keeps the log from being changed or read by others", async () => {
    await applyMigration(fixture.settings, protectedTable("000", "notes"));
    const migrator = await fixture.database.connect("migrator");
    expect((await migrator.query("update migrations.log set operator = 'me'")).rowCount).toBe(0);
    expect((await migrator.query("delete from migrations.log")).rowCount).toBe(0);
    expect((await migrator.query("select from migrations.log")).rowCount).toBe(1);
    const app = await fixture.database.connect("app");
    await expect(app.query("select from migrations.log")).rejects.toMatchObject({ code: "42501" });
  });
});

describe("rollbackMigration", () => {
  it("acceptance 7: brings the catalog back, and applying again gives the same catalog", async () => {
    const [base, tables] = projectTrios();
    await applyMigration(fixture.settings, base);
    const before = await attest(fixture.settings);
    const first = await applyMigration(fixture.settings, tables);
    await rollbackMigration(fixture.settings, tables);
    expect((await attest(fixture.settings)).digest).toBe(before.digest);
    expect(first.catalogDigest).not.toBe(before.digest);
    const second = await applyMigration(fixture.settings, tables);
    expect(second.catalogDigest).toBe(first.catalogDigest);
    expect((await readHistory(fixture.settings)).map(({ event }) => event)).toEqual([
      "apply",
      "apply",
    ]);
  });

  it("refuses while rows would be lost, and goes on when that is allowed", async () => {
    const [base, tables] = projectTrios();
    for (const each of [base, tables]) await applyMigration(fixture.settings, each);
    await superuser.query(
      "insert into public.users (id, email) values (gen_random_uuid(), 'a@example.org')",
    );
    await superuser.query(
      "insert into public.export_history (user_id, export_type, format) select id, 'full', 'csv' from public.users",
    );

    await expect(rollbackMigration(fixture.settings, tables)).rejects.toThrow(
      /^MIG005 001_add_missing_tables_rollback\.sql \(as applied\):.*export_history/,
    );
    expect(await relations()).toContain("public.export_history");

    await rollbackMigration(fixture.settings, tables, { allowDataLoss: true });
    expect(await relations()).toEqual([
      "migrations.journal",
      "migrations.log",
      "public.sessions",
      "public.users",
    ]);
  });

  it("refuses while a later migration is applied", async () => {
    const [notes, other] = [protectedTable("000", "notes"), protectedTable("001", "other")];
    for (const each of [notes, other]) await applyMigration(fixture.settings, each);
    await expect(rollbackMigration(fixture.settings, notes)).rejects.toThrow(
      /^MIG009 000_test .* \(001_test\)/,
    );
    await rollbackMigration(fixture.settings, other);
    await rollbackMigration(fixture.settings, notes);
    expect(await relations()).toEqual(["migrations.journal", "migrations.log"]);
  });

  it("leaves a migration that is not applied as it is", async () => {
    await rollbackMigration(fixture.settings, protectedTable("000", "notes"));
    expect(await relations()).toEqual([]);
  });
});
