import type { Node } from "libpg-query";
import { type JudgedSchema, isKey } from "../model/judged-schema";
import { perTable } from "../model/per-table";
import type { Column, Table } from "../model/schema";
import {
  constantText,
  functionCalls,
  identifiers,
  nodesIn,
  parseExpression,
  readsTables,
} from "../sql/expressions";
import {
  asksNothing,
  chosenByUser,
  comparedColumns,
  constantTruth,
  isIdentity,
  isOfRequest,
  spell,
} from "./identity";
import { inlined } from "./inlining";
import { type Query, equalTo, selectionIn, subQuery } from "./sub-queries";
import {
  columnOf,
  equalSides,
  fieldsOf,
  selectedValue,
  valueWithoutRows,
  withoutCasts,
} from "./syntax";
import { type Surroundings, tiesRow } from "./tied-rows";

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
export function classify(
  expression: string,
  { table, judged }: Pick<Place, "table" | "judged">,
): Outcome {
  const known = outcomes(table, judged);
  const outcome = known.get(expression) ?? classifyText(expression, { table, judged });
  known.set(expression, outcome);
  return outcome;
}

// The policies of a table say mostly the same.
const outcomes = perTable<JudgedSchema, Map<string, Outcome>>(() => new Map());

function classifyText(expression: string, place: Place): Outcome {
  const tree = parseExpression(expression);
  return tree ? classifyNode(tree, place) : unknown("it cannot be parsed");
}

function classifyNode(node: Node, place: Place): Outcome {
  const truth = constantTruth(node);
  if (truth !== undefined) return truth === true ? open("it is always true") : own;
  const { boolop, args = [] } = fieldsOf(node, "BoolExpr") ?? {};
  if (boolop === "AND_EXPR") return allOf(args.map((arg) => classifyNode(arg, place)));
  if (boolop === "OR_EXPR") return anyOf(args.map((arg) => classifyNode(arg, place)));
  if (boolop === "NOT_EXPR") {
    const opposite = args[0] && negated(args[0]);
    return opposite ? classifyNode(opposite, place) : unread(node, place);
  }
  const { arg: tested, booltesttype } = fieldsOf(node, "BooleanTest") ?? {};
  if (tested && booltesttype === "IS_TRUE") return classifyNode(tested, place);
  const { arg, nulltesttype } = fieldsOf(node, "NullTest") ?? {};
  if (arg) return nullTest(arg, nulltesttype === "IS_NULL", place) ?? unread(node, place);
  const { lexpr, rexpr } = fieldsOf(node, "A_Expr") ?? {};
  if (lexpr && rexpr) return comparison(node, lexpr, rexpr, place) ?? unread(node, place);
  const query = subQuery(node, place.judged);
  if ((query && ties(query, place)) || isReadFromOwn(node, place)) return own;
  const selected = selectedValue(node);
  if (selected) return classifyNode(selected, place);
  return calledExpression(node, place) ?? unread(node, place);
}

/** A condition that nothing else reads. */
function unread(node: Node, { table, judged }: Place): Outcome {
  const readsRow = nodesIn(node, "ColumnRef").length > 0;
  const chosen = readsRow ? undefined : chosenByUser(node, judged.contract);
  if (chosen !== undefined) return open(chosen);
  if (asksNothing(node)) {
    if (readsRow) return open("it tests only the row itself, so other users' rows pass it, too");
    if (functionCalls(node).length === 0)
      return open("it tests only constants, so it is the same for every row");
  }
  return unknown(
    readsTables(node)
      ? `its sub-query cannot be followed from a row of ${table.name} to the user`
      : "the rules cannot read it",
  );
}

/** What a function gives that is one expression, in the place of its call. */
function calledExpression(node: Node, place: Place): Outcome | undefined {
  const { within = new Set<object>() } = place;
  // Functions that call functions are followed a few steps: each may be called twice.
  const called = within.size < 3 ? inlined(node, place.judged) : undefined;
  const value = valueWithoutRows(called?.select);
  if (!called || !value || within.has(called.item)) return undefined;
  const asOwner = place.asOwner === true || called.item.securityDefiner;
  const inside = { ...place, asOwner, within: new Set([...within, called.item]) };
  const outcome = classifyNode(value, inside);
  return outcome.outcome === "unknown" ? undefined : outcome;
}

/** Whether a value is read from rows that tie the judged row to the user, and null where there are none. */
function isReadFromOwn(node: Node, place: Place): boolean {
  const selection = selectionIn(node, place.judged);
  return selection?.select.fromClause !== undefined && ties({ ...selection, equal: [] }, place);
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
    ({ using }) => using !== null && classifyText(using, place).outcome === "own",
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

/** A condition that is true where this one is false; undefined where none is known. */
function negated(node: Node): Node | undefined {
  const { boolop, args = [] } = fieldsOf(node, "BoolExpr") ?? {};
  if (boolop === "NOT_EXPR") return args[0];
  if (boolop) {
    const parts = args.map((arg): Node => ({ BoolExpr: { boolop: "NOT_EXPR", args: [arg] } }));
    return { BoolExpr: { boolop: boolop === "AND_EXPR" ? "OR_EXPR" : "AND_EXPR", args: parts } };
  }
  const test = fieldsOf(node, "NullTest");
  if (test) {
    const nulltesttype = test.nulltesttype === "IS_NULL" ? "IS_NOT_NULL" : "IS_NULL";
    return { NullTest: { ...test, nulltesttype } };
  }
  const [lexpr, rexpr] = equalSides(node, "<>") ?? [];
  const name = [{ String: { sval: "=" } }];
  return lexpr && rexpr && { A_Expr: { kind: "AEXPR_OP", name, lexpr, rexpr } };
}

function nullTest(arg: Node, isNull: boolean, place: Place): Outcome | undefined {
  const { table, judged } = place;
  if (!isNull && isReadFromOwn(arg, place)) return own;
  if (isIdentity(arg, judged.contract)) {
    return isNull
      ? unknown("it is for requests without a user")
      : open("it is true for every signed-in user");
  }
  const column = ownColumn(arg, table);
  if (!column) return undefined;
  if (!isNull) return open(`it is true for all rows with a ${column.name}`);
  // Inheritance children may hold null where their parent does not.
  const isUser = column.type === "uuid" && judged.holdsUser(table, column.name);
  return column.notNull || isUser || judged.namesUser(table, column.name)
    ? unknown(`it shows rows without a ${column.name}`)
    : open(`it is true for all rows without a ${column.name}`);
}

function comparison(node: Node, left: Node, right: Node, place: Place): Outcome | undefined {
  const { kind, name = [] } = fieldsOf(node, "A_Expr") ?? {};
  if (identifiers(name).join(".") === "=") {
    if (kind === "AEXPR_OP_ANY") return elementOf(left, right, place);
    const equal = kind === "AEXPR_OP" ? equality(left, right, place) : undefined;
    if (equal) return equal;
  }
  if (isRoleOfNoUser(left, right, place))
    return unknown("it tests for a role that no end user has");
  const chosen = chosenByUser(node, place.judged.contract);
  return chosen === undefined ? undefined : open(chosen);
}

/** What `value = any (list)` lets through. */
function elementOf(value: Node, list: Node, place: Place): Outcome | undefined {
  if ([value, list].some((side) => isReadFromOwn(side, place))) return own;
  const link = fieldsOf(list, "SubLink");
  if (link?.subLinkType === "ARRAY_SUBLINK") {
    return classifyNode(
      { SubLink: { ...link, subLinkType: "ANY_SUBLINK", testexpr: value } },
      place,
    );
  }
  const elements = fieldsOf(list, "A_ArrayExpr")?.elements ?? [];
  const equal = elements.flatMap((element) => equality(value, element, place) ?? []);
  if (equal.length === elements.length && equal.length > 0) return anyOf(equal);
  // A list of users in the row itself.
  const isList = ownColumn(list, place.table)?.type.endsWith("[]") === true;
  return isList && isIdentity(value, place.judged.contract) ? own : undefined;
}

/** What `one = other` lets through; undefined where nothing is known of it. */
function equality(one: Node, other: Node, place: Place): Outcome | undefined {
  return equals(one, other, place) ?? equals(other, one, place);
}

function equals(left: Node, right: Node, place: Place): Outcome | undefined {
  const { table, judged } = place;
  const { contract } = judged;
  const selection = selectionIn(left, judged);
  if (selection?.select.fromClause && ties(equalTo(right, selection), place)) return own;
  const column = ownColumn(left, table);
  if (column && spell(left) === spell(right)) return open("it compares a column with itself");
  if (isIdentity(right, contract)) {
    if (isIdentity(left, contract)) return open("it is true for every signed-in user");
    if (column) return userIn(column, table, judged);
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
  return !isUser && isKey(table, column.name) ? users : users.filter(goesWith);
}

/** Whether it compares the database role with one that no end user has. */
function isRoleOfNoUser(left: Node, right: Node, { judged }: Place): boolean {
  return [
    [left, right],
    [right, left],
  ].some(([asked, constant]) => {
    const role = constantText(constant);
    const isRole = asked !== undefined && "SQLValueFunction" in withoutCasts(asked);
    return isRole && role !== undefined && !judged.endUsers.has(role);
  });
}

/** The column of the judged table that a value is, below faithful casts. */
function ownColumn(node: Node, table: Table) {
  const column = columnOf(withoutCasts(node));
  return column?.from === undefined || column.from === table.name
    ? (table.columns ?? []).find(({ name }) => name === column?.column)
    : undefined;
}
