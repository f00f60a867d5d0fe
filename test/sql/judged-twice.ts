import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { readCatalog, schemaOf } from "../../migrator/src/catalog";
import { type Finding, judgeSchema, readSqlSchema } from "../../rules/src";
import { userA, userB } from "../policy/corpus-case";
import { createDatabase } from "../support/database";

const file = "000_existing_schema.sql";
const base = { file, sql: readFileSync(join(__dirname, "../../sql", file), "utf8") };

/** What a rule says of the SQL of a migration, and of the catalog that it makes. */
export interface JudgedTwice {
  read: Finding[];
  live: Finding[];
}

/** A database with the two users of the corpus, in which migrations are tried and undone. */
export async function judgingTwice(code: string) {
  const database = await createDatabase();
  const migrator = await database.connect("migrator");
  await migrator.query(base.sql);
  const client = await database.connect("postgres");
  const insert = "insert into public.users (id, email) values ($1, 'a'), ($2, 'b')";
  await client.query(insert, [userA, userB]);
  const ofRule = (findings: Finding[]) => findings.filter((finding) => finding.code === code);

  /** Runs a migration, judges it and undoes it. @param act is done before that, by the superuser. */
  async function judge(
    sql: string,
    act?: (client: ClientBase) => Promise<void>,
  ): Promise<JudgedTwice> {
    await client.query("begin");
    try {
      await client.query("set local role migrator");
      await client.query(sql);
      await client.query("reset role; set local search_path = public");
      const live = ofRule(judgeSchema(schemaOf(await readCatalog(client))));
      await act?.(client);
      const read = ofRule(judgeSchema(await readSqlSchema([base, { file: "002.sql", sql }])));
      return { read, live };
    } finally {
      await client.query("rollback");
    }
  }

  return { judge, drop: () => database.drop() };
}

/** Runs a statement as user B, in the transaction. */
export async function asUserB(client: ClientBase, statement: string): Promise<void> {
  await client.query("set local role authenticated");
  const claims = JSON.stringify({ sub: userB, role: "authenticated" });
  await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
  await client.query(statement);
  await client.query("reset role");
}
