import type { Node, SubLink } from "libpg-query";
import type { JudgedSchema } from "../model/judged-schema";
import type { Column, Table } from "../model/schema";
import {
  constantText,
  functionCalls,
  identifiers,
  nodesIn,
  parseExpression,
  readsTables,
} from "../sql/expressions";
import { inlined, inlinedQuery } from "./helpers";
import { comparedColumns } from "./compared-columns";
import { type Query, type Surroundings, isRowValue, subQuery, tiesRow } from "./queries";
import {
  asksNothing,
  chosenByUser,
  columnOf,
  constantTruth,
  equalSides,
  hasOnly,
  isIdentity,
  isOfRequest,
  onlyTarget,
  selectOf,
  selectedValue,
  spell,
  withoutCasts,
} from "./values";

/**
 * What a condition lets through. "own": every way in which it is true ties the row to the signed-in user.
 * "open": it is visibly true for rows of others. "unknown": neither was read; the trial decides.
 */
export type Outcome =
  { outcome: "own" } | { outcome: "open"; reason: string } | { outcome: "unknown"; reason: string };

/** Where a condition stands. */
export interface Place extends Pick<Surroundings, "table" | "judged"> {
  /** The functions and tables that are being looked into. */
  within?: ReadonlySet<object>;
  /** It stands in a function that runs with its owner's rights. */
  asOwner?: boolean;
}

const own: Outcome = { outcome: "own" };
const open = (reason: string): Outcome => ({ outcome: "open", reason });
const unknown = (reason: string): Outcome => ({ outcome: "unknown", reason });

/** Classifies a policy's expression as the server prints it. The parser has to be loaded. */
export function classify(expression: string, place: Place): Outcome {
  const tree = parseExpression(expression);
  return tree ? classifyNode(tree, place) : unknown("it cannot be parsed");
}

function classifyNode(node: Node, place: Place): Outcome {
  const truth = constantTruth(node);
  if (truth !== undefined) return truth === true ? open("it is always true") : own;
  if ("BoolExpr" in node && hasOnly(node.BoolExpr, "boolop", "args")) {
    const { boolop, args = [] } = node.BoolExpr;
    if (boolop === "NOT_EXPR") return negated(args[0], place);
    const outcomes = args.map((arg) => classifyNode(arg, place));
    return boolop === "AND_EXPR" ? allOf(outcomes) : anyOf(outcomes);
  }
  if ("BooleanTest" in node && hasOnly(node.BooleanTest, "arg", "booltesttype")) {
    const { arg, booltesttype } = node.BooleanTest;
    if (arg && booltesttype === "IS_TRUE") return classifyNode(arg, place);
  }
  if ("NullTest" in node && hasOnly(node.NullTest, "arg", "nulltesttype") && node.NullTest.arg) {
    return nullTest(node.NullTest.arg, node.NullTest.nulltesttype === "IS_NULL", place);
  }
  if ("A_Expr" in node && hasOnly(node.A_Expr, "kind", "name", "lexpr", "rexpr")) {
    return comparison(node, place);
  }
  const query = subQuery(node) ?? inlinedQuery(node, place.judged);
  if ((query && ties(query, place)) || isReadFromOwn(node, place)) return own;
  const selected = selectedValue(node);
  if (selected) return classifyNode(selected, place);
  return helper(node, place) ?? unread(node, place);
}

/** A condition that no other function reads. */
function unread(node: Node, { table, judged }: Place): Outcome {
  const chosen = chosenByUser(node, judged.contract);
  if (chosen !== undefined && nodesIn(node, "ColumnRef").length === 0) return open(chosen);
  if (asksNothing(node)) {
    if (nodesIn(node, "ColumnRef").length > 0)
      return open("it asks for nothing but the row itself, so that rows of others meet it, too");
    if (functionCalls(node).length === 0)
      return open("it asks for constants alone, and so is the same for every row");
  }
  return unknown(
    readsTables(node)
      ? `its sub-query is not read as a way from a row of ${table.name} to the user`
      : "what it asks is not read",
  );
}

/** A call of a function that gives one expression: that in the place of the call. */
function helper(node: Node, place: Place): Outcome | undefined {
  const { within = new Set<object>() } = place;
  // Functions that call functions are followed a few steps: each may be called twice.
  const found = within.size < 3 ? inlined(node, place.judged) : undefined;
  if (!found || within.has(found.item)) return undefined;
  const value = onlyTarget(found.select);
  if (!value || found.select.fromClause || found.select.whereClause) return undefined;
  const asOwner = place.asOwner === true || found.item.securityDefiner;
  const inside = { ...place, asOwner, within: new Set([...within, found.item]) };
  const outcome = classifyNode(value, inside);
  return outcome.outcome === "unknown" ? undefined : outcome;
}

/** Whether a value is read from rows that tie the judged row to the user, and null where there are none. */
function isReadFromOwn(node: Node, place: Place): boolean {
  const value = selectedValue(withoutCasts(node)) ?? withoutCasts(node);
  const isScalar = "SubLink" in value && value.SubLink.subLinkType === "EXPR_SUBLINK";
  const called = inlined(value, place.judged);
  const select = isScalar ? selectOf(value.SubLink.subselect) : called?.select;
  const target = select?.fromClause && onlyTarget(select);
  if (!select || !target || !isRowValue(target)) return false;
  return ties({ select, equal: [], asOwner: called?.item.securityDefiner ?? false }, place);
}

/** What a definer function reads, no policy limits. */
function ties(query: Query, place: Place): boolean {
  const asOwner = query.asOwner === true || place.asOwner === true;
  const shows = (table: Table) => !asOwner && showsOwnRows(table, place);
  return tiesRow(query, { table: place.table, judged: place.judged, shows });
}

const shown = new WeakMap<JudgedSchema, Map<Table, boolean>>();

/** Whether the policies of a table let end users read rows that are tied to them, and no others. */
function showsOwnRows(table: Table, { judged, within = new Set<object>() }: Place): boolean {
  const known = shown.get(judged) ?? new Map<Table, boolean>();
  shown.set(judged, known);
  const before = known.get(table);
  if (before !== undefined || within.has(table) || !table.rowSecurity) return before ?? false;
  const place = { table, judged, within: new Set([...within, table]) };
  const policies = judged.policiesFor(table, "select").filter(({ permissive }) => permissive);
  const isOwn = policies.every(
    ({ using }) => using !== null && classify(using, place).outcome === "own",
  );
  // What was not read because of a cycle may be read without it.
  if (isOwn || within.size === 0) known.set(table, isOwn);
  return isOwn;
}

/** Joined by AND: one that ties the row is enough. */
export function allOf(outcomes: readonly Outcome[]): Outcome {
  return (
    outcomes.find(({ outcome }) => outcome === "own") ??
    outcomes.find(({ outcome }) => outcome === "unknown") ??
    outcomes[0] ??
    unknown("it is empty")
  );
}

/** Joined by OR, or several policies: each has to tie the row. */
function anyOf(outcomes: readonly Outcome[]): Outcome {
  return (
    outcomes.find(({ outcome }) => outcome === "open") ??
    outcomes.find(({ outcome }) => outcome === "unknown") ??
    own
  );
}

function negated(node: Node | undefined, place: Place): Outcome {
  if (!node) return unknown("it is empty");
  const truth = constantTruth(node);
  if (truth !== undefined) return truth === false ? open("it is always true") : own;
  if ("BoolExpr" in node && hasOnly(node.BoolExpr, "boolop", "args")) {
    const { boolop, args = [] } = node.BoolExpr;
    if (boolop === "NOT_EXPR" && args[0]) return classifyNode(args[0], place);
    const outcomes = args.map((arg) => negated(arg, place));
    return boolop === "AND_EXPR" ? anyOf(outcomes) : allOf(outcomes);
  }
  if ("NullTest" in node && hasOnly(node.NullTest, "arg", "nulltesttype") && node.NullTest.arg) {
    return nullTest(node.NullTest.arg, node.NullTest.nulltesttype !== "IS_NULL", place);
  }
  const different = equalSides(node, "<>");
  if (different) {
    const [lexpr, rexpr] = different;
    const name = [{ String: { sval: "=" } }];
    return classifyNode({ A_Expr: { kind: "AEXPR_OP", name, lexpr, rexpr } }, place);
  }
  return unread({ BoolExpr: { boolop: "NOT_EXPR", args: [node] } }, place);
}

function nullTest(arg: Node, isNull: boolean, place: Place): Outcome {
  const { table, judged } = place;
  if (!isNull && isReadFromOwn(arg, place)) return own;
  if (isIdentity(arg, judged.contract)) {
    return isNull
      ? unknown("it is for requests without a user")
      : open("it is true for every signed-in user");
  }
  const column = ownColumn(arg, table);
  if (!column) return unread({ NullTest: { arg } }, place);
  if (!isNull) return open(`it is true for all rows with a ${column.name}`);
  // Inheritance children may hold null where their parent does not.
  const isUser = column.type === "uuid" && judged.holdsUser(table, column.name);
  return column.notNull || isUser || judged.namesUser(table, column.name)
    ? unknown(`it shows rows without a ${column.name}`)
    : open(`it is true for all rows without a ${column.name}`);
}

function comparison(node: Node, place: Place): Outcome {
  const { kind, name = [], lexpr, rexpr } = "A_Expr" in node ? node.A_Expr : {};
  if (!lexpr || !rexpr) return unread(node, place);
  if (identifiers(name).join(".") === "=" && (kind === "AEXPR_OP" || kind === "AEXPR_OP_ANY")) {
    if ([lexpr, rexpr].some((side) => isReadFromOwn(side, place))) return own;
    if (kind === "AEXPR_OP_ANY") return elementOf(lexpr, rexpr, node, place);
    const equal = equality(lexpr, rexpr, place) ?? equality(rexpr, lexpr, place);
    if (equal) return equal;
  }
  if (isRoleOfNoUser(lexpr, rexpr, place)) return unknown("it asks for a role of no end user");
  const chosen = chosenByUser(node, place.judged.contract);
  return chosen === undefined ? unread(node, place) : open(chosen);
}

/** What `value = any (list)` lets through. */
function elementOf(value: Node, list: Node, node: Node, place: Place): Outcome {
  const { table, judged } = place;
  if ("SubLink" in list && list.SubLink.subLinkType === "ARRAY_SUBLINK") {
    return classifyNode(isIn(value, list.SubLink), place);
  }
  if ("A_ArrayExpr" in list && hasOnly(list.A_ArrayExpr, "elements", "list_start", "list_end")) {
    const equal = (list.A_ArrayExpr.elements ?? []).map(
      (element) => equality(value, element, place) ?? equality(element, value, place),
    );
    const known = equal.filter((outcome) => outcome !== undefined);
    if (known.length === equal.length && known.length > 0) return anyOf(known);
  }
  // A list of users in the row itself.
  const isList = ownColumn(list, table)?.type.endsWith("[]") === true;
  return isList && isIdentity(value, judged.contract) ? own : unread(node, place);
}

/** `value in (select …)`. */
function isIn(testexpr: Node, { subselect }: SubLink): Node {
  return { SubLink: { subLinkType: "ANY_SUBLINK", testexpr, ...(subselect && { subselect }) } };
}

/** What `left = right` lets through; undefined where this way round nothing is known. */
function equality(left: Node, right: Node, place: Place): Outcome | undefined {
  const { table, judged } = place;
  const { contract } = judged;
  const column = ownColumn(left, table);
  if (column && spell(left) === spell(right)) return open("it compares a column with itself");
  if (isIdentity(right, contract)) {
    if (isIdentity(left, contract)) return open("it is true for every signed-in user");
    if (column) return userIn(column, table, judged);
  }
  // The value of a sub-query: the same as asking whether it finds the other side.
  if ("SubLink" in left && left.SubLink.subLinkType === "EXPR_SUBLINK") {
    const query = subQuery(isIn(right, left.SubLink));
    if (query?.select.fromClause && ties(query, place)) return own;
  }
  // Claims and functions that say what every signed-in user is.
  const role = constantText(right);
  return role !== undefined && contract.signedInRoles.includes(role) && isOfRequest(left, contract)
    ? open(`it is true for everybody who is ${role}`)
    : undefined;
}

/** What a column that equals the signed-in user says of the row. */
function userIn(column: Column, table: Table, judged: JudgedSchema): Outcome {
  const { name, copyOf = name } = column;
  const isUser = judged.namesUser(table, name) || judged.namesUser(table, copyOf);
  const hasKey = judged.references(table, name).size > 1;
  const users = isUser || !hasKey ? ownersOf(column, table, judged, isUser) : [];
  if (users.length > 0) {
    const whose = users.join(" or ");
    return open(`it asks for ${name}, and not for ${whose}, which says whose the row is`);
  }
  return isUser || judged.holdsUser(table, name)
    ? own
    : unknown(`${name} does not lead to users by its foreign keys`);
}

/** The columns that say whose a row is where this one, which may name a user, does not. */
function ownersOf(column: Column, table: Table, judged: JudgedSchema, isUser: boolean): string[] {
  // A row that goes with a user is theirs; one that only names them may be another's.
  const goesWith = (user: string) =>
    table.foreignKeys?.some(
      ({ columns, onDelete }) => columns[0] === user && onDelete === "cascade",
    );
  if (isUser && goesWith(column.copyOf ?? column.name)) return [];
  const users = judged
    .userColumns(table)
    .filter((user) => user !== column.name && user !== column.copyOf)
    .filter((user) => table.columns?.some(({ name, notNull }) => name === user && notNull));
  if (column.generated && !isUser) return users;
  const asked = comparedColumns(table, judged.contract);
  if (users.some((user) => asked.includes(user))) return [];
  const isKey = (table.keys ?? []).some(([first, second]) => first === column.name && !second);
  return isKey && !isUser ? users : users.filter(goesWith);
}

/** Whether it compares the database role with one that no end user has. */
function isRoleOfNoUser(left: Node, right: Node, { judged }: Place): boolean {
  const role = constantText(right) ?? constantText(left);
  const isRole =
    "SQLValueFunction" in withoutCasts(constantText(right) === undefined ? right : left);
  return isRole && role !== undefined && !judged.endUsers.has(role);
}

/** The column of the judged table that a value is, below faithful casts. */
function ownColumn(node: Node, table: Table) {
  const column = columnOf(withoutCasts(node));
  return column?.from === undefined || column.from === table.name
    ? (table.columns ?? []).find(({ name }) => name === column?.column)
    : undefined;
}
