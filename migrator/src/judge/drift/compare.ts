import { type Catalog, type Fact, equalJson, splitKey } from "../../catalog";
import { compareDatabase, compareDefaultPrivileges, compareOther } from "./database-objects";
import { type Drift, text } from "./drift";
import { comparePolicy } from "./policies";
import { compareRole } from "./roles";
import { compareRoutine } from "./routines";
import { compareConstraint, compareIndex, compareRule, compareTrigger } from "./table-parts";
import { compareTable } from "./tables";
import { compareView } from "./views";

const ORDER = { widened: 0, tightened: 1, neutral: 2 };

/**
 * Says what in a live catalog is not as the migrations made it, what may widen access first. What
 * belongs to a table that is not there, or that is there and should not be, is not told of by itself.
 * @param expected the catalog that the log's changes add up to.
 */
export function compareCatalogs(expected: Catalog, actual: Catalog): Drift[] {
  const roles = new Set(
    [...expected].filter(([key]) => key.startsWith("role ")).map(([, fact]) => text(fact, "name")),
  );
  const isKnownRole = (role: string) => roles.has(role);
  const found: Drift[] = [];
  for (const key of new Set([...expected.keys(), ...actual.keys()])) {
    const [before, after] = [expected.get(key), actual.get(key)];
    if (before && after && equalJson(before, after)) continue;
    if (isPartOfAnother(before, after, expected, actual)) continue;
    found.push(...compareObject(key, before, after, isKnownRole));
  }
  return found.sort(
    (a, b) =>
      ORDER[a.classification] - ORDER[b.classification] ||
      compareText(a.object, b.object) ||
      compareText(a.what, b.what),
  );
}

function compareObject(
  key: string,
  before: Fact | undefined,
  after: Fact | undefined,
  isKnownRole: (role: string) => boolean,
): Drift[] {
  switch (splitKey(key).kind) {
    case "table":
      return compareTable(key, before, after);
    case "policy":
      return comparePolicy(key, before, after);
    case "view":
    case "materialized view":
      return compareView(key, before, after);
    case "function":
      return compareRoutine(key, before, after);
    case "index":
      return compareIndex(key, before, after);
    case "trigger":
      return compareTrigger(key, before, after);
    case "constraint":
      return compareConstraint(key, before, after);
    case "rule":
      return compareRule(key, before, after);
    case "role":
      return compareRole(key, before, after, isKnownRole);
    case "database":
      return compareDatabase(before ?? {}, after ?? {});
    case "default privileges":
      return compareDefaultPrivileges(key, before, after);
    default:
      return compareOther(key, before, after);
  }
}

/** Whether the drift of a table, or of the constraint that an index backs, says it already. */
function isPartOfAnother(
  before: Fact | undefined,
  after: Fact | undefined,
  expected: Catalog,
  actual: Catalog,
): boolean {
  const fact = before ?? after ?? {};
  const table = text(fact, "table");
  if (table === "") return false;
  const owns = (catalog: Catalog) =>
    ["table", "view", "materialized view"].some((kind) => catalog.has(`${kind} ${table}`));
  if (!owns(expected) || !owns(actual)) return true;
  const backs = text(fact, "constraint");
  const key = `constraint ${table}.${backs}`;
  return backs !== "" && expected.has(key) !== actual.has(key);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
