import type { Contract } from "../../rules/src";
import { JudgedDatabase } from "./judged-database";

/** SQL after 000, what it shows, and who runs it where that is not `migrator`. */
export interface RuleCase {
  sql: string;
  contract?: Contract;
  runBy?: string;
}

/** SQL that a rule finds something in. */
export interface FoundCase extends RuleCase {
  /** The objects that findings name, in order. */
  objects: string[];
  /** A part of the first one's message. */
  says: string;
  /** Whether it is advice until the trial has tried it. @default false */
  unknown?: boolean;
}

/** Tests of one rule: what it finds, what it passes, and that its remedies work. */
export function testRule(
  rule: string,
  cannot: Record<string, FoundCase>,
  can: Record<string, RuleCase>,
): void {
  describe(rule, () => {
    let database: JudgedDatabase;

    beforeAll(async () => {
      database = await JudgedDatabase.create();
    });

    afterAll(() => database.drop());

    it.each(Object.entries(cannot))("cannot: %s", async (_, { sql, objects, says, ...how }) => {
      const found = await database.findings(rule, sql, how);
      expect(found.map(({ object }) => object)).toEqual(objects);
      expect(found[0]?.message).toContain(says);
      expect(found.map(({ unknown = false }) => unknown)).toEqual(
        objects.map(() => how.unknown ?? false),
      );
      // What a finding says to write makes it go.
      for (const { object, message, remediation } of found) {
        const remedy = /`((?:alter|revoke|drop|create|grant) [^`…]*;)`/.exec(remediation)?.[1];
        if (remedy === undefined) continue;
        const left = await database.findings(rule, `${sql}\nreset role;\n${remedy}`, how);
        expect(left.filter((one) => one.object === object && one.message === message)).toEqual([]);
      }
    });

    it.each(Object.entries(can))("can: %s", async (_, { sql, ...how }) => {
      expect(await database.findings(rule, sql, how)).toEqual([]);
    });
  });
}
