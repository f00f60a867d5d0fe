import { defaultContract } from "@app-data/rules";
import { type Fact, type Json, equalJson } from "../../catalog";
import { type Drift, type DriftClass, drift, fields, quoteRole, text } from "./drift";
import { show } from "./tables";

// What a role may do by itself: how the catalog, a sentence and `alter role` name it.
const ATTRIBUTES: readonly [field: string, sentence: string, keyword: string][] = [
  ["superuser", "is a superuser", "superuser"],
  ["bypassRowSecurity", "has BYPASSRLS: row level security does not bind it", "bypassrls"],
  ["replication", "has REPLICATION: it can copy every row", "replication"],
  ["createRole", "has CREATEROLE", "createrole"],
  ["createDatabase", "has CREATEDB", "createdb"],
  ["login", "may log in", "login"],
  ["inherit", "has INHERIT", "inherit"],
];

// Without these a role's rights come to nothing, or to what its grants say.
const DANGEROUS = ["superuser", "bypassRowSecurity", "replication"];

// Which of its logins takes on a role of the back office is the stack's to say (`identity.tokens`).
const STACK_LOGINS = [defaultContract.loginRole, "service"];

/**
 * What differs in a role. One that no migration and no policy knew is told of only when it is above row
 * level security, or became one that matters.
 * @param known whether the expected catalog knows a role.
 */
export function compareRole(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
  known: (role: string) => boolean,
): Drift[] {
  if (!actual) {
    const role = text(expected ?? {}, "name");
    const what = `role ${role} is gone`;
    const person = "Roles belong to the stack's resources: `pulumi up --refresh` creates it again.";
    return [drift(key, "gone", "neutral", what, { person })];
  }
  const role = text(actual, "name");
  const found = [
    ...compareAttributes(key, role, expected ?? {}, actual, expected !== undefined),
    ...compareMemberships(key, role, expected?.["memberOf"], actual["memberOf"], known),
  ];
  if (expected && !equalJson(expected["settings"] ?? null, actual["settings"] ?? null)) {
    const [before, after] = [expected["settings"] ?? null, actual["settings"] ?? null];
    const what = `settings of role ${role} changed from ${show(before)} to ${show(after)}`;
    const person = `Compare and set them again: alter role ${quoteRole(role)} set …, or reset ….`;
    found.push(drift(key, "changed", "neutral", what, { person }));
  }
  return found;
}

function compareAttributes(
  key: string,
  role: string,
  expected: Fact,
  actual: Fact,
  isKnown: boolean,
): Drift[] {
  return ATTRIBUTES.flatMap(([field, sentence, keyword]) => {
    const [before, after] = [expected[field] === true, actual[field] === true];
    if (before === after || (!isKnown && !DANGEROUS.includes(field))) return [];
    const undo = `alter role ${quoteRole(role)} ${after ? "no" : ""}${keyword}`;
    const what = after ? `role ${role} ${sentence}` : `role ${role} lost ${keyword.toUpperCase()}`;
    return [drift(key, "changed", after ? "widened" : "tightened", what, byPerson(undo))];
  });
}

function compareMemberships(
  key: string,
  role: string,
  expected: Json | undefined,
  actual: Json | undefined,
  known: (role: string) => boolean,
): Drift[] {
  const [before, after] = [membershipsOf(expected), membershipsOf(actual)];
  const found: Drift[] = [];
  for (const [group, options] of after) {
    const had = before.get(group);
    if (equalJson(had ?? null, options)) continue;
    if (!had && isForStackToSay(role, group, options)) continue;
    if (!had && !known(group) && !group.startsWith("pg_")) continue;
    const how = describe(options);
    const what = had
      ? `role ${role} is a member of ${group} otherwise: ${how} instead of ${describe(had)}`
      : `role ${role} became a member of ${group} (${how})`;
    const undo = `revoke ${quoteRole(group)} from ${quoteRole(role)}`;
    const again = had
      ? `; grant ${quoteRole(group)} to ${quoteRole(role)} with ${describe(had)}`
      : "";
    const classification = had ? classOf(had, options) : "widened";
    found.push(drift(key, "changed", classification, what, byPerson(`${undo}${again}`)));
  }
  for (const [group, options] of before) {
    if (after.has(group) || isForStackToSay(role, group, options)) continue;
    const what = `role ${role} is no longer a member of ${group}`;
    const undo = `grant ${quoteRole(group)} to ${quoteRole(role)} with ${describe(options)}`;
    found.push(drift(key, "changed", "tightened", what, byPerson(undo)));
  }
  return found;
}

/** As the stack grants it: to be taken on by `set role`, and not to be passed on. */
function isForStackToSay(role: string, group: string, { admin, inherit }: Fact): boolean {
  const isOffered = STACK_LOGINS.includes(role) && defaultContract.backOfficeRoles.includes(group);
  return isOffered && admin === false && inherit === false;
}

function byPerson(sql: string): { person: string } {
  return {
    person:
      "Roles belong to the stack's resources: `pulumi up --refresh` restores what they manage; " +
      `or, as the master user: ${sql};`,
  };
}

function classOf(before: Fact, after: Fact): DriftClass {
  const gained = ["admin", "inherit", "set"].some((option) => after[option] && !before[option]);
  return gained ? "widened" : "tightened";
}

function describe(options: Fact): string {
  return ["admin", "inherit", "set"]
    .map((option) => `${option} ${String(options[option])}`)
    .join(", ");
}

function membershipsOf(memberOf: Json | undefined): Map<string, Fact> {
  const list = Array.isArray(memberOf) ? memberOf : [];
  return new Map(list.map((membership) => [text(fields(membership), "role"), fields(membership)]));
}
