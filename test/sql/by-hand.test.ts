import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createDatabase, type TestDatabase } from "../support/database";
import { type Migration, sqlFile, type Step } from "./sql-files";

describe("psql -v ON_ERROR_STOP=1 -f", () => {
  let database: TestDatabase;

  beforeAll(() => {
    const { error } = spawnSync("psql", ["--version"]);
    if (error) {
      throw new Error(
        "psql was not found on PATH. Running migrations by hand is a stated way of use; install " +
          "the PostgreSQL client (Debian: apt-get install postgresql-client) and run the tests again.",
        { cause: error },
      );
    }
  });
  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  const psql = (migration: Migration, step: Step, flags: string[] = [], options = "") =>
    runPsql([...flags, "-f", sqlFile(migration, step)], { options });
  const psqlInput = (input: string) => runPsql([], { input });

  function runPsql(flags: string[], { input = "", options = "" }) {
    const { status, stderr } = spawnSync("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", ...flags], {
      encoding: "utf8",
      input,
      env: {
        PATH: process.env["PATH"],
        PGHOST: database.host,
        PGPORT: String(database.port),
        PGUSER: "migrator",
        PGPASSWORD: database.password("migrator"),
        PGDATABASE: database.name,
        PGOPTIONS: `-c client_min_messages=warning ${options}`,
      },
    });
    return { status, stderr };
  }

  const done = { status: 0, stderr: "" };

  it.each([[["--single-transaction"]], [[]]])(
    "applies, verifies, repeats and rolls back with the flags %p",
    (flags) => {
      const both = ["000_existing_schema", "001_add_missing_tables"] as const;
      for (const migration of both) {
        for (const step of ["forward", "verify", "forward", "verify"] as const) {
          expect([step, psql(migration, step, flags)]).toEqual([step, done]);
        }
      }
      for (const migration of [...both].reverse()) {
        expect(psql(migration, "rollback", flags)).toEqual(done);
        expect(psql(migration, "rollback", flags)).toEqual(done);
        expect(psql(migration, "verify", flags).status).toBe(3);
      }
      for (const migration of both) {
        for (const step of ["forward", "verify"] as const) {
          expect([step, psql(migration, step, flags)]).toEqual([step, done]);
        }
      }
    },
    20_000,
  );

  it("needs the database closed to PUBLIC, as docs/migrations/README.md has it", async () => {
    const superuser = await database.connect("postgres");
    await superuser.query(`grant connect, temporary on database ${database.name} to public`);
    expect(psql("000_existing_schema", "forward")).toEqual(done);
    expect(psql("000_existing_schema", "verify").stderr).toContain(
      `- rights on database ${database.name} of PUBLIC is not part of this: TEMPORARY`,
    );
    const page = readFileSync(path.join(__dirname, "../../docs/migrations/README.md"), "utf8");
    const [, close = ""] = /<<'SQL'\n([^]*?)\nSQL\n/.exec(page) ?? [];
    expect(psqlInput(close)).toEqual(done);
    expect(psql("000_existing_schema", "verify")).toEqual(done);
  });

  it("refuses to lose rows unless PGOPTIONS accepts it", async () => {
    expect(psql("000_existing_schema", "forward")).toEqual(done);
    expect(psql("001_add_missing_tables", "forward")).toEqual(done);
    const superuser = await database.connect("postgres");
    await superuser.query(`
      insert into public.users (email) values ('a@x');
      insert into public.export_history (user_id, export_type, format)
        select id, 'full', 'csv' from public.users`);

    const refused = psql("001_add_missing_tables", "rollback");
    expect(refused.status).toBe(3);
    expect(refused.stderr).toContain(
      "ERROR:  SQL005 rolling back 001_add_missing_tables would lose rows (public.export_history: 1).",
    );
    expect(psql("001_add_missing_tables", "verify")).toEqual(done);
    expect(
      psql("001_add_missing_tables", "rollback", [], "-c app_data.allow_data_loss=on"),
    ).toEqual(done);
  });
});
