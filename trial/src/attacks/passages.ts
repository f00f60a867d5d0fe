import type { Contract } from "@app-data/rules";
import { type Value, isText } from "../rows/candidate-values";
import type { Catalog, Relation, Routine } from "../rows/catalog";
import type { Fill } from "../rows/fill";
import { wordsOf } from "../rows/hints";
import { insertStatement, literal, quoteIdentifier } from "../rows/statements";
import { type World, victimOf } from "../rows/worlds";
import { argumentValues, writeArguments } from "./arguments";
import type { Identity } from "./identities";

/** A query that goes around the tables: through a view, or through a function. */
export interface Passage {
  /** The view or function. */
  object: string;
  kind: "table" | "view" | "materialized view" | "foreign table" | "function" | "procedure";
  /** A function that runs with its owner's rights. */
  definer: boolean;
  /** As a reader would write it. */
  shown: string;
  /** Gives a JSON list of what came back, in an order that is always the same. */
  read: string;
  /** Can change rows. */
  changes: boolean;
}

const KINDS = { v: "view", m: "materialized view", f: "foreign table" } as const;
const CALLS_EACH = 6;

/** The passages that are open to an identity. */
export function passagesOf(
  catalog: Catalog,
  { backOfficeRoles }: Contract,
  fill: Fill,
  identity: Identity,
): Passage[] {
  const { role } = identity;
  if (backOfficeRoles.includes(role)) return [];
  const victim = victimOf(identity.world);
  return [
    ...catalog.relations.flatMap((relation) => viewPassages(relation, role, catalog, fill, victim)),
    ...catalog.routines
      .filter((routine) => routine.executableBy.includes(role) && isCallable(routine))
      .flatMap((routine) => routinePassages(routine, catalog, fill, victim, identity.world)),
  ];
}

function viewPassages(
  relation: Relation,
  role: string,
  { relations }: Catalog,
  fill: Fill,
  victim: World,
): Passage[] {
  const rights = relation.rights[role];
  const { kind, sql, columns } = relation;
  if ((kind !== "v" && kind !== "m" && kind !== "f") || !rights) return [];
  const common = { object: sql, kind: KINDS[kind], definer: false };
  const selected = rights.selectColumns.map(quoteIdentifier).join(", ");
  const query = `select ${selected} from ${sql}`;
  const reads =
    selected === "" ? [] : [{ ...common, shown: query, read: listOf(query), changes: false }];
  if (kind !== "v") return reads;
  const write = (shown: string): Passage => ({ ...common, shown, read: NO_ROWS, changes: true });
  // The rows of the table that the view is most like fit the view, too.
  const shared = (one: Relation) =>
    columns.filter(({ name }) => one.columns.some((column) => column.name === name)).length;
  const [like] = relations
    .filter((one) => one.kind === "r" || one.kind === "p")
    .sort((left, right) => shared(right) - shared(left));
  const rows = like ? (fill.of(like).spare[victim.index] ?? []) : [];
  const set = columns
    .filter(({ name }) => rights.updateColumns.includes(name))
    .map((column) => ({ column, value: rows[0]?.[column.name] }))
    .filter(({ value }) => value !== undefined);
  return [
    ...reads,
    ...(rights.insertColumns.length > 0
      ? rows.map((row) => write(insertStatement(relation, row, rights.insertColumns)))
      : []),
    ...set.map(({ column, value = null }) =>
      write(`update ${sql} set ${quoteIdentifier(column.name)} = ${literal(value, column)}`),
    ),
    ...(rights.delete ? [write(`delete from ${sql}`)] : []),
  ];
}

/** Rows of one's own, given back as triggers made them: they must not hold texts of others. */
export function triggerPassages(
  { relations, routines }: Catalog,
  fill: Fill,
  identity: Identity,
): Passage[] {
  const { world, role, isTrick, readsOnly } = identity;
  if (!world || isTrick || readsOnly) return [];
  return relations.flatMap((relation) => {
    const rights = relation.rights[role];
    const row = fill.of(relation).spare[world.index]?.[0];
    if (!rights?.selectColumns.length || !row || relation.triggers.length === 0) return [];
    if (rights.insertColumns.length === 0) return [];
    const columns = rights.selectColumns.map(quoteIdentifier).join(", ");
    const sources = routines.filter(({ id }) => relation.triggers.includes(id));
    // A trigger may look for what is written in the rows of others.
    const looking = relation.columns
      .filter(
        (column) =>
          isText(column) && sources.some(({ source }) => wordsOf(source).has(column.name)),
      )
      .map(({ name }) => ({ ...row, [name]: victimOf(world).id }));
    // What is drawn at random is drawn several times.
    return [row, row, row, ...looking].map((one): Passage => {
      const shown = `${insertStatement(relation, one, rights.insertColumns)} returning ${columns}`;
      const read = `with added as (${shown}) select jsonb_agg(to_jsonb(r)) from added r`;
      return { object: relation.sql, kind: "table", definer: false, shown, read, changes: false };
    });
  });
}

const NO_ROWS = "select '[]'::jsonb";

function isCallable({ returns, arguments: given }: Routine): boolean {
  const pseudo =
    /^(?:trigger|event_trigger|internal|language_handler|fdw_handler|index_am_handler|table_am_handler|tsm_handler|cstring)$/;
  return !pseudo.test(returns) && !given.some(({ type }) => pseudo.test(type));
}

function routinePassages(
  routine: Routine,
  catalog: Catalog,
  fill: Fill,
  victim: World,
  attacker: World | null,
): Passage[] {
  const { sql, kind, returns, signature, securityDefiner, volatile } = routine;
  return argumentLists(routine, catalog, fill, victim, attacker).map((list) => {
    const call = `${sql}(${list})`;
    const common = { object: signature, definer: securityDefiner, changes: volatile };
    if (kind === "p") {
      return {
        ...common,
        kind: "procedure" as const,
        shown: `call ${call}`,
        read: NO_ROWS,
        changes: true,
      };
    }
    if (kind === "a") {
      const shown = `select ${call}`;
      const read = `select jsonb_build_array(to_jsonb(${call}))`;
      return { ...common, kind: "function" as const, shown, read };
    }
    const shown = returns === "void" ? `select ${call}` : `select r.* from ${call} r`;
    const read =
      returns === "void"
        ? `select jsonb_build_array(count(*)) from ${call}`
        : returns === "record"
          ? listOf(`select r.* from ${call} r`)
          : `select coalesce(jsonb_agg(to_jsonb(r) order by to_jsonb(r)), '[]') from ${call} r`;
    return { ...common, kind: "function" as const, shown, read };
  });
}

function listOf(query: string): string {
  return `select coalesce(jsonb_agg(to_jsonb(r) order by to_jsonb(r)), '[]') from (${query}) r`;
}

/** The victim's values, all of them or one beside one's own. */
function argumentLists(
  routine: Routine,
  catalog: Catalog,
  fill: Fill,
  victim: World,
  attacker: World | null,
): string[] {
  const valuesOf = (world: World) =>
    argumentValues(routine, catalog, world, (one) => fill.of(one).rows[world.index] ?? []).map(
      (values) => values.slice(0, CALLS_EACH),
    );
  const write = (choices: readonly Value[][], index: number) =>
    writeArguments(
      routine,
      choices.map((values) => values[index % Math.max(1, values.length)] ?? null),
    );
  const theirs = valuesOf(victim);
  const calls = Math.max(1, ...theirs.map(({ length }) => length));
  const lists = Array.from({ length: calls }, (_, index) => write(theirs, index));
  if (!attacker) return lists;
  const mine = valuesOf(attacker);
  // A function that looks for the caller's own rows does something only for these.
  const alone = [0, 1, 2].map((index) => write(mine, index));
  const mixed =
    theirs.length < 2
      ? []
      : theirs.flatMap((_, own) =>
          [0, 1].map((index) =>
            write(
              theirs.map((some, place) => (place === own ? (mine[place] ?? []) : some)),
              index,
            ),
          ),
        );
  return [...new Set([...lists, ...mixed, ...alone])];
}

/** The statements that hide the rows of all other worlds, and bring what is derived from rows up to date. */
export function hideOthers(world: World | null): string[] {
  return [
    `select app_data_trial.hide(${world?.index ?? "null"})`,
    "select app_data_trial.refresh()",
  ];
}
