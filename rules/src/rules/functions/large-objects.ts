import type { JudgedSchema } from "../../model/judged-schema";
import {
  type NamedObject,
  functionObject,
  isSame,
  partObject,
  quoteName,
  tableObject,
  viewObject,
} from "../../model/names";
import type { DatabaseFunction } from "../../model/schema";
import { largeObjectIn } from "../../sql/large-objects";
import { type Findings, defineRule } from "../rule";

/** A large object has an owner and rights, but no policies, and all signed-in users are one role. */
export const largeObjectsRule = defineRule({
  name: "large-objects",
  code: "POL134",
  description: "Nothing that end users reach makes, reads or writes large objects.",
  severity: "high",
  level: "mandatory",
  remediation:
    "Keep the bytes in a `bytea` column of the row, or in S3 with their key in the row; what only the back " +
    "office runs may use large objects.",
  find: (judged) => [
    reachedFunctions(judged).map((item) => find(functionObject(item), item.source)),
    judged.policies
      .filter(({ policy }) => judged.bindsEndUsers(policy))
      .map(({ table, policy: { name, using, check } }) =>
        find(partObject("policy", name, table), `${using ?? ""} ${check ?? ""}`),
      ),
    judged.tables
      .filter((table) => judged.isGranted(table, "insert"))
      .map((table) =>
        (table.columns ?? []).map(({ name, largeObject }) =>
          found(tableObject(table), `the default of ${quoteName(table)}.${name}`, largeObject),
        ),
      ),
    judged.views
      .filter((view) => judged.isGranted(view, "select"))
      .map((view) => found(viewObject(view), `${view.kind} ${quoteName(view)}`, view.largeObject)),
  ],
});

function find(named: NamedObject, sql: string | null | undefined): Findings {
  return found(named, named.object, largeObjectIn(sql ?? ""));
}

function found(named: NamedObject, what: string, name: string | undefined): Findings {
  if (name === undefined) return [];
  return {
    ...named,
    message:
      `${what} uses large objects (${name}) and end users reach it: no policy confines a large object, ` +
      "and those of all signed-in users belong to one role; what a user stores must be in rows of theirs",
  };
}

/** The functions that end users run: by themselves, by writing a table, or with the rights of another's owner. */
function reachedFunctions(judged: JudgedSchema): DatabaseFunction[] {
  const { functions, tables, views, endUsers } = judged;
  const written = [...tables, ...views].filter((relation) => judged.mayWrite(relation));
  const reached = new Set(
    functions.filter((item) =>
      item.returns === "trigger"
        ? judged
            .triggersOf(item)
            .some(({ relation }) => written.some((one) => isSame(one, relation)))
        : item.executableBy.some((role) => endUsers.has(role)),
    ),
  );
  for (const { securityDefiner, source } of reached) {
    if (!securityDefiner) continue;
    for (const item of functions) if (source?.includes(item.name)) reached.add(item);
  }
  return [...reached];
}
