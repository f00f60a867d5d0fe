import type { Node, SelectStmt } from "libpg-query";
import { statementsOf } from "./body-statements";
import { equals } from "./condition-nodes";
import { theUser } from "./condition-values";
import { type Alternative, Classes, TooManyAlternatives, all, both } from "./conditions";
import { identityFunctions, identitySchema } from "./contract";
import { type Call, functionCalls } from "./expressions";
import { bodyQuery, calledFunction, expressionTree } from "./function-bodies";
import { selectOf } from "./identity-expressions";
import type { Memberships } from "./memberships";
import { areNamed, areUsers } from "./named-rows";
import { quoteName } from "./names";
import type { Frame, Side, Source } from "./names-in-scope";
import type { OwnerConditions } from "./owner-conditions";
import type { Ownership } from "./ownership";
import { bindsCommand } from "./policy-parts";
import type { DatabaseFunction, Schema, Table } from "./schema";
import type { ParentColumn } from "./writer-columns";

/** What is known where a query stands in the body of a function. */
export interface Known {
  /** Variables that hold the signed-in user, each with an expression that says so. */
  users?: ReadonlyMap<string, Node>;
  /** Parameters of the function that nothing is assigned to. */
  parameters?: readonly string[];
  /** Conditions that were not true when it was come to. */
  refusals?: readonly Node[];
  /** Columns of the row that fires a trigger which hold the signed-in user. */
  written?: readonly string[];
  /** Columns of that row which name a row of the signed-in user, with that row's table and column. */
  parents?: readonly ParentColumn[];
  /** Which tables of nobody's rows may be read. @default those that end users may read */
  isOpen?: (table: Table) => boolean;
}

/** The rows that a trigger's function is called with, by numbers that no row of a query has. */
const WRITTEN: ReadonlyMap<string, number> = new Map([
  ["new", -1],
  ["old", -2],
]);
/** The number of the row that a function is called with. */
const CALLED = -3;

/** What the proof stands on. */
interface Ground {
  schema: Schema;
  ownership: Ownership;
  users: ReadonlySet<string>;
  conditions: OwnerConditions;
  memberships: Memberships;
}

/** Built-in functions that run a text, or reach what is in no table. */
const reachesFurther =
  /^(set_config|lo_\w+|loread|pg_read_\w+|pg_logical_slot_\w+|dblink\w*|crosstab\w*|connectby|xpath_table|ts_(stat|rewrite)|(query|table|schema|database|cursor)_to_\w+)$/;

/** Proves of what stands in the body of a function, where policies do not bind, that it is the signed-in user's. */
export class OwnRows {
  private readonly harmless = new Map<DatabaseFunction, boolean>();

  constructor(private readonly ground: Ground) {}

  /** Whether a query that policies do not confine reads rows of the signed-in user alone. */
  public areRead(query: SelectStmt, known: Known = {}): boolean {
    if (this.areReadTogether(query, known)) return true;
    // What is asked by queries of their own is read by these; without their conditions it is more, if anything.
    const targets = query.targetList ?? [];
    const conditions = conjuncts(query.whereClause);
    const inner = [...targets, ...conditions].flatMap(queriesIn);
    if (inner.length === 0) return false;
    const isPlain = (node: Node) => queriesIn(node).length === 0;
    const args = conditions.filter(isPlain);
    const plain = {
      ...query,
      targetList: targets.filter(isPlain),
      whereClause: { BoolExpr: { boolop: "AND_EXPR" as const, args } },
    };
    return (
      this.areReadTogether(plain, known) &&
      inner.every((select) => select !== undefined && this.areRead(select, known))
    );
  }

  private areReadTogether(query: SelectStmt, known: Known): boolean {
    // A query may write in its WITH.
    if (/"(Insert|Update|Delete|Merge)Stmt"/.test(JSON.stringify(query))) return false;
    const frame = this.frameOf(known);
    const isOpen = known.isOpen ?? ((table: Table) => this.isReadByUsers(table));
    return this.follow(() => {
      const asked = this.waysPast(known, frame);
      const relations = countRelations(query);
      return this.ground.conditions.ofQuery(query, frame).every((way) => {
        // What a sub-query in FROM reads is among the sources, too.
        const read = way.sources.filter(({ derived }) => !derived);
        // What is read in a place that was not followed is not among them.
        if (read.length < relations || this.callsUnread(query)) return false;
        return both([way], asked).every((whole) => {
          const classes = new Classes(whole.equalities);
          const isUsers = ({ id, table }: Source) =>
            table !== undefined &&
            this.ground.ownership
              .ownersOf(table)
              .some((owner) => classes.areEqual(`${id}.${owner}`, theUser));
          return read.every(
            (source) =>
              isUsers(source) ||
              (source.table &&
                this.ground.ownership.isOwnerless(source.table) &&
                isOpen(source.table)) ||
              whole.sources.some(
                (other) => isUsers(other) && this.areOneRow(source, other, classes),
              ),
          );
        });
      });
    });
  }

  /** Whether what fires a trigger, or what the trigger found by it, names the rows of a table that a query reads. */
  public areNamed(query: SelectStmt, target: Table, alias: string, known: Known): boolean {
    const { ownership, conditions } = this.ground;
    const isGiven = (value: string) => value.startsWith("-");
    return this.follow(() =>
      conditions
        .ofQuery(query, this.frameOf(known))
        .every((way) => areNamed(way, { ownership, target, alias }, isGiven)),
    );
  }

  /** Whether the rows of a table that a query reads are the signed-in user's, whatever it reads besides. */
  public areUsers(query: SelectStmt, target: Table, alias: string, known: Known): boolean {
    const { ownership, conditions } = this.ground;
    const isUsersRow = (value: string, table: Table, column: string) =>
      (known.parents ?? []).some(
        ({ column: name, parent, key }) =>
          [...WRITTEN.values()].some((id) => value === `${id}.${name}`) &&
          parent === table &&
          key === column,
      );
    return this.follow(() =>
      conditions
        .ofQuery(query, this.frameOf(known))
        .every((way) => areUsers(way, { ownership, target, alias }, isUsersRow)),
    );
  }

  /** Whether a call is PostgreSQL's own that makes a key which there was not before. */
  public isRandomKey({ schema = "pg_catalog", name }: Call): boolean {
    const random = "gen_random_uuid";
    if (schema !== "pg_catalog" || name !== random) return false;
    return !(this.ground.schema.functions ?? []).some((item) => item.name === random);
  }

  /** Whether a condition on a row is true only where a column of it holds the signed-in user. */
  public isConfined(table: Table, column: string, condition: Node): boolean {
    const row = { id: 0, alias: table.name, table };
    const frame: Frame = { sources: [row], params: new Map(), outer: undefined, definer: false };
    return this.follow(() =>
      this.ground.conditions
        .alternatives(condition, frame)
        .every(({ equalities }) => new Classes(equalities).areEqual(`0.${column}`, theUser)),
    );
  }

  /** Whether a value in the body of a function is the signed-in user, or nothing. */
  public isUser(node: Node, known: Known): boolean {
    const frame = this.frameOf(known);
    return this.follow(() => {
      const value = this.ground.conditions.valueOf({ node, frame });
      return this.waysPast(known, frame).every(
        ({ equalities, nulls }) =>
          value !== undefined &&
          (nulls.includes(value) || new Classes(equalities).areEqual(value, theUser)),
      );
    });
  }

  /** Whether a value that a query selects is what a list, which nobody enters by themselves, names the user for. */
  public isInvitation(query: SelectStmt, value: Node, known: Known): boolean {
    const entered = "the row that is entered";
    const frame = this.frameOf({ ...known, parameters: [...(known.parameters ?? []), entered] });
    const same = equals(value, { ColumnRef: { fields: [{ String: { sval: entered } }] } });
    const args = query.whereClause ? [query.whereClause, same] : [same];
    const asked = { ...query, whereClause: { BoolExpr: { boolop: "AND_EXPR" as const, args } } };
    return this.follow(() =>
      this.ground.conditions.ofQuery(asked, frame).every(({ sources, equalities }) => {
        const classes = new Classes(equalities);
        return sources.some(({ id, table, tested = [] }) => {
          if (!table) return false;
          const owners = this.ground.ownership.ownersOf(table);
          return (
            owners.some((owner) => classes.areEqual(`${id}.${owner}`, theUser)) &&
            this.ground.ownership
              .listLinks(table)
              .some(
                (link) =>
                  classes.areEqual(`${id}.${link}`, `${CALLED}.${entered}`) &&
                  !this.ground.memberships.canJoin(table, link, { tested, values: new Map() }),
              )
          );
        });
      }),
    );
  }

  private follow(prove: () => boolean): boolean {
    try {
      return prove();
    } catch (error) {
      if (!(error instanceof TooManyAlternatives)) throw error;
      return false;
    }
  }

  private waysPast({ refusals = [] }: Known, frame: Frame): Alternative[] {
    return all(refusals.map((condition) => this.ground.conditions.refused(condition, frame)));
  }

  /** Whether two rows of a table have one key. */
  private areOneRow(one: Source, other: Source, classes: Classes): boolean {
    const { table } = one;
    if (!table || !other.table || quoteName(table) !== quoteName(other.table)) return false;
    return (table.keys ?? []).some((key) =>
      key.every((column) => classes.areEqual(`${one.id}.${column}`, `${other.id}.${column}`)),
    );
  }

  private frameOf({ users = new Map(), written = [], parameters = [] }: Known): Frame {
    const outermost: Frame = { sources: [], params: new Map(), outer: undefined, definer: true };
    const identity = expressionTree(`${identitySchema}.uid()`);
    const derived = new Map(
      written.flatMap((column): [string, Side][] =>
        identity ? [[column, { node: identity, frame: outermost }]] : [],
      ),
    );
    const sources = [...WRITTEN].map(([alias, id]) => ({ id, alias, table: undefined, derived }));
    const called = { id: CALLED, alias: "", table: rowOf(parameters) };
    const outer = { ...outermost, sources: [...sources, called] };
    const params = new Map([...users].map(([name, node]) => [name, { node, frame: outermost }]));
    return { sources: [], params, outer, definer: true };
  }

  /** Whether a right and a policy let end users read a table. */
  private isReadByUsers({ grants = [], policies = [] }: Table): boolean {
    return (
      grants.some(
        ({ grantee, privilege, columns }) =>
          this.ground.users.has(grantee) && privilege === "select" && !columns,
      ) &&
      policies.some(
        (policy) => policy.permissive && bindsCommand(policy, "select", this.ground.users),
      )
    );
  }

  /**
   * Whether a query or value calls what may read more, or change who is signed in: a function of the schema whose
   * body does not read the user's own rows by itself, or one that sets something.
   */
  public callsUnread(tree: unknown): boolean {
    return functionCalls(tree).some((call) => {
      if (reachesFurther.test(call.name)) return true;
      const named = (this.ground.schema.functions ?? []).filter(
        ({ schema, name }) => name === call.name && (call.schema ?? schema) === schema,
      );
      const isIdentity = call.schema === identitySchema && identityFunctions.includes(call.name);
      if (named.length === 0 || isIdentity) return false;
      const item = calledFunction(this.ground.schema, call);
      const body = item && bodyQuery(item);
      if (!item) return true;
      const known = this.harmless.get(item);
      if (known !== undefined) return !known;
      // One that calls itself is not followed.
      this.harmless.set(item, false);
      const isHarmless = body ? this.areRead(body) : this.onlyComputes(item);
      this.harmless.set(item, isHarmless);
      return !isHarmless;
    });
  }

  /** Whether a longer body reaches no table. */
  private onlyComputes(item: DatabaseFunction): boolean {
    const { statements } = statementsOf(item) ?? {};
    return (
      statements?.every(
        (node) =>
          "SelectStmt" in node && countRelations(node.SelectStmt) === 0 && !this.callsUnread(node),
      ) ?? false
    );
  }
}

/** What a function is called with, as a row. */
function rowOf(parameters: readonly string[]): Table {
  const columns = parameters.map((name) => ({ name, type: "", notNull: false }));
  return { schema: "", name: "", kind: "table", rowSecurity: true, forced: true, columns };
}

/** The conditions that `and` joins. */
function conjuncts(condition: Node | undefined): readonly Node[] {
  if (!condition) return [];
  const { boolop, args = [] } = "BoolExpr" in condition ? condition.BoolExpr : {};
  return boolop === "AND_EXPR" ? args.flatMap(conjuncts) : [condition];
}

/** The outermost queries in a value; undefined for one that is not understood. */
function queriesIn(value: unknown): (SelectStmt | undefined)[] {
  if (Array.isArray(value)) return value.flatMap(queriesIn);
  if (typeof value !== "object" || value === null) return [];
  if (!("SubLink" in value)) return Object.values(value).flatMap(queriesIn);
  const { SubLink: link } = value as Extract<Node, { SubLink: unknown }>;
  return [selectOf(link.subselect), ...queriesIn(link.testexpr)];
}

/** How many tables a query reads; what WITH names is none. */
function countRelations(query: SelectStmt): number {
  const text = JSON.stringify(query);
  const named = new Set([...text.matchAll(/"ctename":"([^"]*)"/g)].map(([, name]) => name));
  return [...text.matchAll(/"RangeVar":\{("schemaname":"[^"]*",)?"relname":"([^"]*)"/g)].filter(
    ([, schema, name]) => schema !== undefined || !named.has(name),
  ).length;
}
