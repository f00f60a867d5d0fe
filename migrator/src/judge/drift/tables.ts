import { type Fact, type Json, equalJson, splitKey } from "../../catalog";
import { type Drift, type Subject, drift, fields, quoteIdentifier, quoteText, text } from "./drift";
import { compareComment, compareGrants, compareOwner } from "./rights";

const NEW_MIGRATION = "Undo it by hand, or write it as a new migration.";

// How sentences name what is compared as a whole.
const PROPERTIES = {
  kind: "kind",
  unlogged: "the unlogged state",
  inherits: "the parents",
  partitionKey: "the partition key",
  partitionBound: "the partition bound",
  replicaIdentity: "the replica identity",
  options: "the storage parameters",
};

/** What differs in a table, its columns included. */
export function compareTable(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const { name } = splitKey(key);
  const subject = { key, label: name, clause: `table ${name}` };
  if (!expected) return [addedTable(subject, actual ?? {})];
  if (!actual) {
    const person =
      "Its rows are gone with it: restore them from a snapshot, then run the migrations again.";
    return [drift(key, "gone", "neutral", `table ${name} is gone`, { person })];
  }
  return [
    ...compareOwner(subject, expected, actual),
    ...compareRowSecurity(subject, expected, actual),
    ...compareColumns(subject, expected["columns"], actual["columns"]),
    ...compareProperties(subject, expected, actual, PROPERTIES, { person: NEW_MIGRATION }),
    ...compareGrants(subject, expected, actual),
    ...compareComment(subject, expected, actual),
  ];
}

/** Which of the named fields differ, each a drift of its own. */
export function compareProperties(
  { key, label }: Subject,
  expected: Fact,
  actual: Fact,
  names: Record<string, string>,
  fix: { person: string } | { statements: string[] } | "migration",
): Drift[] {
  return Object.entries(names).flatMap(([field, name]) => {
    const [before, after] = [expected[field] ?? null, actual[field] ?? null];
    if (equalJson(before, after)) return [];
    const what = `${name} of ${label} changed from ${show(before)} to ${show(after)}`;
    return [drift(key, "changed", "neutral", what, fix)];
  });
}

/** A value as a sentence shows it. */
export function show(value: Json): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(show).join(", ");
  if (value === null) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function addedTable({ key, label }: Subject, actual: Fact): Drift {
  const open = actual["rowSecurity"] !== true || actual["forced"] !== true;
  const what = `table ${label} was added by no migration${open ? ", without row level security" : ""}`;
  const person = "Drop it, or write it as a new migration.";
  return drift(key, "added", open ? "widened" : "neutral", what, { person });
}

function compareRowSecurity({ key, label }: Subject, expected: Fact, actual: Fact): Drift[] {
  const found: Drift[] = [];
  if (expected["rowSecurity"] !== actual["rowSecurity"]) {
    const statements = [`alter table ${label} enable row level security`];
    const off = actual["rowSecurity"] !== true;
    const what = `row level security of ${label} is switched ${off ? "off" : "on"}`;
    const fix = off ? { statements } : { person: NEW_MIGRATION };
    found.push(drift(key, "changed", off ? "widened" : "tightened", what, fix));
  }
  if (expected["forced"] !== actual["forced"]) {
    const statements = [`alter table ${label} force row level security`];
    const off = actual["forced"] !== true;
    const what = off
      ? `row level security of ${label} no longer binds its owner: FORCE is off`
      : `row level security of ${label} binds its owner, too: FORCE is on`;
    const fix = off ? { statements } : { person: NEW_MIGRATION };
    found.push(drift(key, "changed", off ? "widened" : "tightened", what, fix));
  }
  return found;
}

function compareColumns(
  { key, label }: Subject,
  expected: Json | undefined,
  actual: Json | undefined,
): Drift[] {
  const [before, after] = [columnsOf(expected), columnsOf(actual)];
  const found: Drift[] = [];
  const add = (what: string, fix: { person: string } | { statements: string[] }) =>
    found.push(drift(key, "changed", "neutral", what, fix));
  for (const [name, column] of before) {
    const now = after.get(name);
    const person =
      "Its values are gone with it: restore them from a snapshot, or write a migration.";
    if (!now) add(`column ${name} of ${label} is gone`, { person });
    else {
      for (const what of columnDifferences(column, now)) {
        add(`column ${name} of ${label} ${what}`, { person: NEW_MIGRATION });
      }
      if (column["comment"] !== now["comment"]) {
        const wanted = quoteText(text(column, "comment") || null);
        const statements = [`comment on column ${label}.${quoteIdentifier(name)} is ${wanted}`];
        add(`the comment on column ${name} of ${label} was changed`, { statements });
      }
    }
  }
  for (const [name, column] of after) {
    if (before.has(name)) continue;
    add(`column ${name} (${text(column, "type")}) was added to ${label} by no migration`, {
      person: NEW_MIGRATION,
    });
  }
  const sameNames =
    before.size === after.size && [...before.keys()].every((name) => after.has(name));
  if (sameNames && !equalJson([...before.keys()], [...after.keys()])) {
    add(`the order of the columns of ${label} changed`, { person: NEW_MIGRATION });
  }
  return found;
}

function columnDifferences(before: Fact, after: Fact): string[] {
  const differs = (field: string) => !equalJson(before[field] ?? null, after[field] ?? null);
  return [
    ...(differs("type")
      ? [`is of type ${text(after, "type")} instead of ${text(before, "type")}`]
      : []),
    ...(differs("notNull") ? [`${after["notNull"] === true ? "refuses" : "accepts"} nulls`] : []),
    ...["default", "generated", "virtual", "identity", "collation"]
      .filter(differs)
      .map(
        (field) =>
          `has another ${field}: ${show(after[field] ?? null)} instead of ${show(before[field] ?? null)}`,
      ),
  ];
}

function columnsOf(columns: Json | undefined): Map<string, Fact> {
  const list = Array.isArray(columns) ? columns : [];
  return new Map(list.map((column) => [text(fields(column), "name"), fields(column)]));
}
