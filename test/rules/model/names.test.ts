import { functionObject, partObject, quoteIdentifier, tableObject } from "../../../rules/src";
import { createDatabase } from "../../support/database";

describe("names", () => {
  it("are quoted as PostgreSQL quotes them, its keywords included", async () => {
    const database = await createDatabase();
    const client = await database.connect("postgres");
    const { rows } = await client.query<{ name: string; quoted: string }>(
      `select name, quote_ident(name) as quoted from (
         select word as name from pg_get_keywords()
         union all select unnest(array['plain', 'with space', 'Upper', 'say "hi"', 'a$b', '1st', 'é', ''])
       ) n`,
    );
    await database.drop();
    expect(rows.length).toBeGreaterThan(400);
    expect(rows.map(({ name }) => [name, quoteIdentifier(name)])).toEqual(
      rows.map(({ name, quoted }) => [name, quoted]),
    );
  });

  it("name an object in one way", () => {
    const table = { schema: "public", name: "Order lines" };
    expect(tableObject(table).object).toBe('public."Order lines"');
    expect(partObject("policy", "All rows", table).object).toBe(
      'policy "All rows" on public."Order lines"',
    );
    expect(functionObject({ schema: "app", name: "user", arguments: "a integer" }).object).toBe(
      'function app."user"(a integer)',
    );
  });
});
