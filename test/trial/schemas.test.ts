import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type TrialDatabase, createTrialDatabase } from "./rolled-back";

/** Schemas that a simple attacker would misjudge: `-- why`, and for those that leak `-- finds: CODE OBJECT`. */
const schemas = join(__dirname, "schemas");
const read = (kind: "leaking" | "safe") =>
  readdirSync(join(schemas, kind)).map((file) => {
    const sql = readFileSync(join(schemas, kind, file), "utf8");
    const field = (name: string) => new RegExp(`^-- ${name}: (.*)$`, "m").exec(sql)?.[1] ?? "";
    return { file, sql, why: field("why"), finds: field("finds") };
  });

describe("the trial", () => {
  let database: TrialDatabase;

  beforeAll(async () => {
    database = await createTrialDatabase(["000_existing_schema.sql"]);
  });

  afterAll(() => database.drop());

  it.each(read("leaking"))("finds that $why ($file)", async ({ file, sql, finds }) => {
    const found = await database.tryOne({ file, sql });
    expect(found.map(({ code, object }) => `${code} ${object}`)).toContain(finds);
  });

  it.each(read("safe"))("is silent where $why ($file)", async ({ file, sql }) => {
    expect(await database.tryOne({ file, sql })).toEqual([]);
  });
});
