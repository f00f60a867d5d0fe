import { type Fact, splitKey } from "../../catalog";
import {
  type Drift,
  type Subject,
  drift,
  quoteIdentifier,
  quoteRole,
  quoteText,
  text,
} from "./drift";
import { compareComment, compareGrants, compareOwner } from "./rights";
import { compareProperties } from "./tables";

const BY_HAND = { person: "Look at it, then undo it by hand or write it as a new migration." };

// What is granted on new objects where no entry says otherwise.
const BUILT_IN: Record<string, Fact> = {
  functions: { public: ["execute"] },
  types: { public: ["usage"] },
};

// Of each other kind of object: whether one that nobody's migration made may widen access.
const OTHER_KINDS: Record<string, { addedWidens: boolean; hasOwner: boolean }> = {
  sequence: { addedWidens: false, hasOwner: true },
  type: { addedWidens: false, hasOwner: true },
  schema: { addedWidens: false, hasOwner: true },
  extension: { addedWidens: true, hasOwner: false },
  publication: { addedWidens: true, hasOwner: true },
  "event trigger": { addedWidens: true, hasOwner: true },
  "foreign server": { addedWidens: true, hasOwner: true },
  statistics: { addedWidens: false, hasOwner: true },
};

/** What differs in the database itself. */
export function compareDatabase(expected: Fact, actual: Fact): Drift[] {
  const subject = { key: "database", label: "the database", clause: "database %I" };
  const settings = compareProperties(subject, expected, actual, { settings: "settings" }, BY_HAND);
  return [
    ...compareOwner(subject, expected, actual),
    ...compareGrants(subject, expected, actual),
    ...settings,
  ].map((found) => ({ ...found, statements: found.statements.map(onThisDatabase) }));
}

/** What differs in what objects to come will grant. */
export function compareDefaultPrivileges(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const fact = expected ?? actual ?? {};
  const [schema, objects] = [text(fact, "schema"), text(fact, "objects")];
  const builtIn = schema === "" ? (BUILT_IN[objects] ?? {}) : {};
  const owner = text(fact, "owner");
  const place = schema === "" ? "" : ` in schema ${quoteIdentifier(schema)}`;
  const label =
    `the ${objects} that ${owner} will create` + (schema === "" ? "" : ` in schema ${schema}`);
  const prefix = `alter default privileges for role ${quoteRole(owner)}${place} `;
  return compareGrants(
    { key, label, clause: objects },
    expected ?? { grants: builtIn },
    actual ?? { grants: builtIn },
    prefix,
  );
}

/** What differs in an object of a kind that has no rules of its own. */
export function compareOther(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const { kind } = splitKey(key);
  const { addedWidens, hasOwner } = OTHER_KINDS[kind] ?? { addedWidens: true, hasOwner: false };
  if (!expected) {
    const what = `${key} was added by no migration`;
    return [drift(key, "added", addedWidens ? "widened" : "neutral", what, BY_HAND)];
  }
  if (!actual) return [drift(key, "gone", "neutral", `${key} is gone`, BY_HAND)];
  const subject: Subject = { key, label: key, clause: key };
  const compared = ["owner", "grants", "comment", "schema", "name", "table"];
  const rest = Object.keys({ ...expected, ...actual }).filter((field) => !compared.includes(field));
  const names = Object.fromEntries(rest.map((field) => [field, field]));
  const properties = compareProperties(subject, expected, actual, names, BY_HAND);
  return [
    ...(hasOwner ? compareOwner(subject, expected, actual) : []),
    ...properties.map(
      (found) => ({ ...found, classification: addedWidens ? "widened" : "neutral" }) as const,
    ),
    ...compareGrants(subject, expected, actual),
    ...compareComment(subject, expected, actual),
  ];
}

/** The name of the database is no part of the catalog, so SQL asks for it when it runs. */
function onThisDatabase(statement: string): string {
  const escaped = statement.replaceAll("%", "%%").replace("%%I", "%I");
  return `do $heal$ begin execute format(${quoteText(escaped)}, current_database()); end $heal$`;
}
