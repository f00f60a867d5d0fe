import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import { ROWS } from "./access-attempts";
import { BEHAVIOURS, REFUSED, keepWaiting, refusedBy, resultOf } from "./behaviours";
import { applyThrough } from "./sql-files";

describe("the schema of 000 to 007", () => {
  let database: TestDatabase;
  let superuser: Client;

  beforeAll(async () => {
    database = await createDatabase();
    superuser = await database.connect("postgres");
    await applyThrough(await database.connect("migrator"), "007_vault_and_erasure");
    await superuser.query(ROWS);
    await keepWaiting(database);
    await superuser.query("begin; savepoint start");
  });
  afterAll(() => database.drop());

  it.each(REFUSED)("refuses by %s: %s", async (constraint, _what, sql) => {
    expect(await refusedBy(superuser, sql)).toBe(constraint);
  });

  it.each(BEHAVIOURS.map((one) => [one.what, one] as const))("keeps: %s", async (_what, one) => {
    expect(await resultOf(superuser, one)).toBe(one.gives);
  });
});
