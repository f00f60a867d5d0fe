import { type Fact, splitKey } from "../../catalog";
import { type Drift, drift, text } from "./drift";
import { compareComment } from "./rights";
import { compareProperties } from "./tables";

/** What differs in an index. One that nobody's migration made changes nothing but speed. */
export function compareIndex(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const { name } = splitKey(key);
  const label = `index ${name}`;
  if (!expected) {
    const what = `${label} was added by no migration: ${text(actual ?? {}, "definition")}`;
    return [
      drift(key, "added", "neutral", what, { person: "Drop it, or write it as a new migration." }),
    ];
  }
  const definition = text(expected, "definition");
  const backs = text(expected, "constraint");
  const fix =
    backs === ""
      ? { statements: [`drop index if exists ${name}`, definition] }
      : { person: `It backs constraint ${backs}: reindex index concurrently ${name};` };
  if (!actual) return [drift(key, "gone", "neutral", `${label} is gone`, fix)];
  if (definition !== text(actual, "definition")) {
    const what = `${label} is another: ${text(actual, "definition")} instead of ${definition}`;
    return [drift(key, "changed", "neutral", what, fix)];
  }
  const subject = { key, label, clause: label };
  const comment = compareComment(subject, expected, actual);
  if (actual["valid"] === true || expected["valid"] !== true) return comment;
  const what = `${label} is INVALID: no query uses it, and a unique one keeps no promise`;
  return [drift(key, "changed", "neutral", what, fix), ...comment];
}

/** What differs in a trigger. What it checks or writes is unknown, so any change may widen. */
export function compareTrigger(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const { name } = splitKey(key);
  const table = text(expected ?? actual ?? {}, "table");
  const trigger = name.slice(table.length + 1);
  const label = `trigger ${trigger} on ${table}`;
  if (!expected) {
    const what = `${label} was added by no migration, and sees every row that is written`;
    return [
      drift(key, "added", "widened", what, { person: "Drop it, or write it as a new migration." }),
    ];
  }
  const statements = [
    `drop trigger if exists ${trigger} on ${table}`,
    text(expected, "definition"),
    ...(text(expected, "enabled") === "enabled" ? [] : [enable(table, trigger, expected)]),
  ];
  if (!actual) return [drift(key, "gone", "widened", `${label} is gone`, { statements })];
  if (text(expected, "definition") !== text(actual, "definition")) {
    const what = `${label} is another: ${text(actual, "definition")}`;
    return [drift(key, "changed", "widened", what, { statements })];
  }
  const subject = { key, label, clause: label };
  const comment = compareComment(subject, expected, actual);
  if (text(expected, "enabled") === text(actual, "enabled")) return comment;
  const what = `${label} is ${text(actual, "enabled")} instead of ${text(expected, "enabled")}`;
  const fix = { statements: [enable(table, trigger, expected)] };
  return [drift(key, "changed", "widened", what, fix), ...comment];
}

/** What differs in a constraint: it guards whether data is correct, not who sees it. */
export function compareConstraint(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const { name } = splitKey(key);
  const table = text(expected ?? actual ?? {}, "table");
  const constraint = name.slice(table.length + 1);
  const label = `constraint ${constraint} on ${table}`;
  if (!expected) {
    const what = `${label} was added by no migration: ${text(actual ?? {}, "definition")}`;
    return [
      drift(key, "added", "neutral", what, { person: "Drop it, or write it as a new migration." }),
    ];
  }
  const definition = text(expected, "definition");
  const add = `alter table ${table} add constraint ${constraint} ${definition}`;
  const person = `Rows that break it may exist by now. When none does: ${add};`;
  if (!actual) return [drift(key, "gone", "neutral", `${label} is gone`, { person })];
  const subject = { key, label, clause: label };
  const names = { definition: "the definition", validated: "the validated state" };
  return [
    ...compareProperties(subject, expected, actual, names, { person }),
    ...compareComment(subject, expected, actual),
  ];
}

/** What differs in a rewrite rule, which acts before row level security does. */
export function compareRule(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const { name } = splitKey(key);
  const label = `rule ${name}`;
  const person = "Look at it, then undo it by hand or write it as a new migration.";
  if (!expected) {
    const what = `${label} was added by no migration: ${text(actual ?? {}, "definition")}`;
    return [drift(key, "added", "widened", what, { person })];
  }
  if (!actual) return [drift(key, "gone", "widened", `${label} is gone`, { person })];
  const what = `${label} is another: ${text(actual, "definition")} (${text(actual, "enabled")})`;
  return [drift(key, "changed", "widened", what, { person })];
}

function enable(table: string, trigger: string, { enabled }: Fact): string {
  const how =
    { disabled: "disable", "on replicas only": "enable replica", always: "enable always" }[
      String(enabled)
    ] ?? "enable";
  return `alter table ${table} ${how} trigger ${trigger}`;
}
