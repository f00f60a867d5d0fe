import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { readCatalog, schemaOf } from "../../migrator/src/catalog";
import { type Finding, type SqlFile, judgeSchema, readSqlSchema } from "../../rules/src";
import { type TestDatabase, createDatabase } from "../support/database";
import { type CorpusCase, readCase, userA, userB } from "../policy/corpus-case";

const corpus = join(__dirname, "../policy/corpus");
const casesOf = (kind: "unsafe" | "safe") =>
  readdirSync(join(corpus, kind)).map((file) => readCase(kind, join(corpus, kind, file)));

describe("the corpus", () => {
  const grounds = new Map<string, Promise<Ground>>();

  afterAll(async () => {
    for (const ground of grounds.values()) await (await ground).database.drop();
  });

  /** Where all cases with this base are run. */
  function groundOf(base: readonly string[]): Promise<Ground> {
    const key = base.join();
    const ground = grounds.get(key) ?? prepareGround(base);
    grounds.set(key, ground);
    return ground;
  }

  it("has its eighty unsafe and fifty safe migrations", () => {
    expect(casesOf("unsafe").length).toBeGreaterThanOrEqual(80);
    expect(casesOf("safe").length).toBeGreaterThanOrEqual(50);
  });

  /** Runs a case and undoes it. @returns what its query returned, and what the rules say. */
  async function run({ name, base, sql, rows, query, proof, role, claims, runBy }: CorpusCase) {
    const { client, files } = await groundOf(base);
    await client.query("begin");
    try {
      await client.query(`set local role ${runBy}`);
      await client.query(sql);
      await client.query("reset role; set local search_path = public");
      const live = mandatory(judgeSchema(schemaOf(await readCatalog(client))));
      if (rows) await client.query(rows);
      await client.query(`set local role ${role}`);
      await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
      let returned = await lastValue(client, query);
      if (proof) {
        await client.query("reset role");
        returned = await lastValue(client, proof);
      }
      const read = mandatory(judgeSchema(await readSqlSchema([...files, { file: name, sql }])));
      return { returned, read, live };
    } finally {
      await client.query("rollback");
    }
  }

  it.each(casesOf("unsafe").map((one) => [one.name, one] as const))(
    "leaks and is refused: %s",
    async (name, one) => {
      const { returned, read, live } = await run(one);
      expect({ name, returned }).toEqual({ name, returned: one.returns });
      expect(one.refusedBy).toMatch(/^(rules|trial|both)$/);
      const refused = one.refusedBy !== "trial";
      expect({ read: read.length > 0, live: live.length > 0 }).toEqual({
        read: refused,
        live: refused,
      });
      expect(read.every(({ file, line = 0 }) => file === name && line > 0)).toBe(true);
    },
  );

  it.each(casesOf("safe").map((one) => [one.name, one] as const))(
    "shows what it should and is not refused: %s",
    async (name, one) => {
      const { returned, read, live } = await run(one);
      expect({ name, returned, read, live }).toEqual({
        name,
        returned: one.returns,
        read: [],
        live: [],
      });
    },
  );
});

/** A database with two users, and the files that made it. */
interface Ground {
  database: TestDatabase;
  client: ClientBase;
  files: SqlFile[];
}

async function prepareGround(base: readonly string[]): Promise<Ground> {
  const database = await createDatabase();
  const client = await database.connect("postgres");
  // Compiling the query of the catalog takes longer than running it.
  await client.query("set jit = off");
  const migrator = await database.connect("migrator");
  const files = base.map((file) => ({
    file,
    sql: readFileSync(join(__dirname, "../../sql", file), "utf8"),
  }));
  for (const { sql } of files) await migrator.query(sql);
  const insert = "insert into public.users (id, email) values ($1, 'a'), ($2, 'b')";
  await client.query(insert, [userA, userB]);
  return { database, client, files };
}

function mandatory(findings: Finding[]): Finding[] {
  return findings.filter(({ level }) => level === "mandatory");
}

/** The first value of the last statement's first row. */
async function lastValue(client: ClientBase, sql: string): Promise<string | undefined> {
  const results = [await client.query<Record<string, unknown>>(sql)].flat();
  const row = results.at(-1)?.rows[0];
  return row && String(Object.values(row)[0]);
}
