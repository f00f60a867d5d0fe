import { applyMigration } from "../../migrator/src";
import { withConnection } from "../../migrator/src/database/connection";
import { findDrift } from "../../migrator/src/judge/drift";
import { readStoredSql } from "../../migrator/src/log/log";
import { type MigratorFixture, createFixture, protectedTable } from "./migration-fixture";

const NOTES = protectedTable("000", "notes");
NOTES.verify = { ...NOTES.verify, sql: "select from public.notes;\n" };
let fixture: MigratorFixture;
beforeEach(async () => {
  fixture = await createFixture();
});
afterEach(() => fixture.database.drop());

async function storedSql() {
  const owner = await fixture.database.connect("migrator");
  const { rows } = await owner.query(
    "select event, forward_sql, rollback_sql, verify_sql from migrations.log order by id",
  );
  return rows;
}

describe("the log", () => {
  it("keeps the SQL of all three files", async () => {
    await applyMigration(fixture.settings, NOTES);
    expect(await storedSql()).toEqual([
      {
        event: "apply",
        forward_sql: NOTES.forward.sql,
        rollback_sql: NOTES.rollback.sql,
        verify_sql: NOTES.verify.sql,
      },
    ]);
  });

  it("of an earlier version gains the column of verify SQL, which is no drift", async () => {
    await applyMigration(fixture.settings, NOTES);
    await makeLogOld();
    expect(await findDrift(fixture.settings)).toEqual([]);
    await applyMigration(fixture.settings, protectedTable("001", "pages"));
    expect(await findDrift(fixture.settings)).toEqual([]);
    expect(await storedSql()).toMatchObject([
      { event: "apply", verify_sql: null },
      { event: "repair", forward_sql: null },
      { event: "apply", verify_sql: "select;" },
    ]);
  });

  it("of an earlier version is read as it is", async () => {
    await applyMigration(fixture.settings, NOTES);
    await makeLogOld();
    const stored = await withConnection(fixture.settings, (client) => readStoredSql(client, "000"));
    expect(stored).toEqual({
      forward: NOTES.forward.sql,
      rollback: NOTES.rollback.sql,
      verify: null,
    });
  });
});

/** Makes the log what it was before it kept verify SQL. */
async function makeLogOld(): Promise<void> {
  const superuser = await fixture.database.connect("postgres");
  await superuser.query(`
    update migrations.log set catalog_changes = jsonb_set(catalog_changes,
      '{table migrations.log,columns}',
      (select jsonb_agg(each) from jsonb_array_elements(catalog_changes #> '{table migrations.log,columns}') each
        where each ->> 'name' <> 'verify_sql'));
    alter table migrations.log drop column verify_sql`);
}
