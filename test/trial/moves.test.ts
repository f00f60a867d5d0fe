import { readFileSync } from "node:fs";
import path from "node:path";
import { createDatabase } from "../support/database";
import { moveCases } from "./move-cases";
import { superuser, tryMigrations } from "./trial-server";

const base = readFileSync(path.resolve(__dirname, "../../sql/000_existing_schema.sql"), "utf8");

async function findingsOn(sql: string) {
  const files = [
    { file: "000.sql", sql: base },
    { file: "001.sql", sql },
  ];
  return (await tryMigrations(superuser(), files)).findings;
}

const caseOf = (way: string) => {
  const found = moveCases.find((one) => one.way === way);
  if (!found) throw new Error(`There is no case of ${way}.`);
  return found;
};

describe("an attacker who makes moves", () => {
  it.each(moveCases)("finds $way, and nothing in its twin", async (one) => {
    const { leaking, safe, object, rule = "trial-moves" } = one;
    expect(await findingsOn(leaking)).toContainEqual(
      expect.objectContaining({ rule, object, level: "mandatory" }),
    );
    const mandatory = (await findingsOn(safe)).filter(({ level }) => level === "mandatory");
    expect(mandatory).toEqual([]);
  });

  it("tells the steps in their order, and what nobody gave", async () => {
    const { leaking } = caseOf("a friendship that who asked agrees to");
    const [finding] = (await findingsOn(leaking)).filter(({ rule }) => rule === "trial-moves");
    expect(finding?.message).toMatch(
      /user A, makes "insert into .*" and then "update .* set status = 'agreed'.*" and then reads 6 rows of public\.posts of user B, which nobody gave them$/,
    );
  });

  it("tells what was given before", async () => {
    const { leaking } = caseOf("members who give themselves a higher place");
    const [finding] = (await findingsOn(leaking)).filter(({ rule }) => rule === "trial-moves");
    expect(finding?.message).toContain("user A, whom others entered into public.members");
  });

  it("tells as advice what a flag opens that users cannot set", async () => {
    const { safe } = caseOf("a flag in one's own profile");
    expect(await findingsOn(safe)).toEqual([
      expect.objectContaining({
        rule: "trial-moves",
        level: "advisory",
        object: "public.profiles",
        message: expect.stringContaining("reads 6 rows of public.tickets of user B") as string,
      }),
    ]);
  });

  it("gives a script that shows it", async () => {
    const { leaking } = caseOf("a level that users choose in their company");
    const [finding] = (await findingsOn(leaking)).filter(({ rule }) => rule === "trial-moves");
    const database = await createDatabase();
    try {
      const migrator = await database.connect("migrator");
      for (const text of [base, leaking]) await migrator.query(text);
      const client = await database.connect("postgres");
      const results = (await client.query(finding?.reproduction ?? "")) as unknown as {
        command: string;
        rows: { company_id?: string }[];
      }[];
      const shown = results.filter(({ command }) => command === "SELECT").at(-1)?.rows ?? [];
      const { rows } = await client.query("select from public.invoices");
      expect(shown.length).toBeGreaterThan(0);
      expect(rows).toEqual([]);
    } finally {
      await database.drop();
    }
  });
});
