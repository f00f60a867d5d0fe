import { readFileSync } from "node:fs";
import path from "node:path";
import { tryMigrations } from "../../trial/src";
import { leakCases } from "./leak-cases";
import { superuser } from "./trial-server";

const PROJECT = path.resolve(__dirname, "../..");
const base = [
  { file: "000.sql", sql: readFileSync(path.join(PROJECT, "sql/000_existing_schema.sql"), "utf8") },
];

describe("the trial", () => {
  it.each(leakCases)(
    "finds $way, and nothing in its safe twin",
    async ({ leaking, safe, code, object, message }) => {
      const trial = (sql: string) =>
        tryMigrations(superuser(), [...base, { file: "001.sql", sql }]);
      const found = await trial(leaking);
      expect(found.findings.filter((finding) => finding.code === code)).toEqual([
        expect.objectContaining({ code, object, message }),
      ]);
      expect((await trial(safe)).findings).toEqual([]);
    },
  );
});
