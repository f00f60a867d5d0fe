import type { SelectStmt } from "libpg-query";
import { type Alternative, Classes, TooManyAlternatives } from "./conditions";
import { identitySchema, sealedTables } from "./contract";
import { endUsers } from "./end-users";
import { functionCalls } from "./expressions";
import { bodyQuery, calledFunction, expressionTree } from "./function-bodies";
import { userChosen } from "./identity-expressions";
import { Memberships } from "./memberships";
import { quoteName } from "./names";
import type { Frame } from "./names-in-scope";
import { OwnerConditions, theUser } from "./owner-conditions";
import { Ownership } from "./ownership";
import { bindsCommand, expressionOf } from "./policy-parts";
import type { RowPolicy, Schema, Table } from "./schema";
import { WayLinks } from "./way-links";

/** What can be said of an expression: that it lets nobody past a row's owner, or why not. */
export type Verdict =
  | { kind: "safe" }
  /** Visibly open. */
  | { kind: "hole"; reason: string }
  | { kind: "unproven"; reason: string };

const safe: Verdict = { kind: "safe" };

/** Proves of policies that they let a user reach no rows but their own. */
export class OwnerProof {
  public readonly ownership: Ownership;
  /** Roles that an end user's request may have the rights of. */
  public readonly users: ReadonlySet<string>;
  private readonly conditions: OwnerConditions;
  private readonly memberships: Memberships;
  private readonly verdicts = new Map<string, Verdict>();
  private readonly confined = new Map<string, boolean>();

  constructor(private readonly schema: Schema) {
    this.ownership = new Ownership(schema);
    this.users = endUsers(schema);
    this.conditions = new OwnerConditions(schema, this.ownership);
    this.memberships = new Memberships({
      ownership: this.ownership,
      users: this.users,
      waysOf: (table, expression) => this.waysOf(table, expression),
      confinesReaders: (table) => this.confinesReaders(table),
    });
  }

  /** Whether a policy binds somebody whom its expressions must confine. */
  public bindsUsers(table: Table, { roles }: RowPolicy): boolean {
    const sealed = sealedTables.some((name) => quoteName(name) === quoteName(table));
    return sealed || roles.some((role) => this.users.has(role));
  }

  /** Judges one expression of a policy. */
  public judge(table: Table, expression: string): Verdict {
    const key = `${quoteName(table)} ${expression}`;
    const known = this.verdicts.get(key);
    if (known) return known;
    const verdict = this.prove(table, expression);
    this.verdicts.set(key, verdict);
    return verdict;
  }

  /** Whether an expression is true for no row at all. */
  public isNever(table: Table, expression: string): boolean {
    return this.alternatives(table, expression)?.length === 0;
  }

  /** {@link judge}, where a restrictive policy for the same roles and command may confine as well. */
  public judgePolicy(table: Table, policy: RowPolicy, part: "using" | "check"): Verdict {
    const expression = expressionOf(policy, part);
    if (expression === null) return safe;
    const { shadowedBy = [] } = policy;
    const own = (this.schema.operators ?? []).find(({ schema }) => shadowedBy.includes(schema));
    if (own) {
      const reason = `the operator ${own.schema}.${own.name} may be meant instead of PostgreSQL's own`;
      return { kind: "hole", reason };
    }
    const verdict = this.judge(table, expression);
    if (verdict.kind === "safe") return verdict;
    const narrowed = (table.policies ?? []).some(
      (other) =>
        !other.permissive &&
        (other.command === "all" || other.command === policy.command) &&
        (other.roles.includes("public") ||
          policy.roles.every((role) => !this.users.has(role) || other.roles.includes(role))) &&
        this.isSafe(table, expressionOf(other, part)),
    );
    return narrowed ? safe : verdict;
  }

  /** Whether every end user who may read a table reads no rows but their own or their tenants'. */
  public confinesReaders(table: Table): boolean {
    const key = quoteName(table);
    const known = this.confined.get(key);
    if (known !== undefined) return known;
    // A policy that reads its own table is an error in PostgreSQL.
    this.confined.set(key, false);
    const { policies = [], assumed = false } = table;
    const result =
      table.rowSecurity &&
      // What an earlier migration made was judged with it.
      (policies.length > 0 || assumed) &&
      policies.every(
        (policy) =>
          !policy.permissive ||
          !bindsCommand(policy, "select", this.users) ||
          this.judgePolicy(table, policy, "using").kind === "safe",
      );
    this.confined.set(key, result);
    return result;
  }

  /** Whether a query that policies do not confine reads rows of the signed-in user alone. */
  public readsOwnRows(query: SelectStmt): boolean {
    const frame: Frame = { sources: [], params: new Map(), outer: undefined, definer: true };
    try {
      const ways = this.conditions.ofQuery(query, frame);
      const relations = JSON.stringify(query).split('"RangeVar"').length - 1;
      return ways.every((way) => {
        // What a sub-query in FROM reads is among the sources, too.
        const read = way.sources.filter(({ derived }) => !derived);
        // What is read in a place that was not followed is not among them.
        if (read.length < relations || this.callsUnread(query)) return false;
        const classes = new Classes(way.equalities);
        return read.every(({ id, table }) => {
          const owners = table ? this.ownership.ownersOf(table) : [];
          return owners.some((owner) => classes.areEqual(`${id}.${owner}`, theUser));
        });
      });
    } catch (error) {
      if (!(error instanceof TooManyAlternatives)) throw error;
      return false;
    }
  }

  /** Whether an end user is granted to write a table's rows. */
  public canWrite({ grants = [] }: Table): boolean {
    return grants.some(
      ({ grantee, privilege }) =>
        this.users.has(grantee) && ["insert", "update", "delete"].includes(privilege),
    );
  }

  /** Whether a query calls a function of the schema whose body is not a query. */
  private callsUnread(query: SelectStmt): boolean {
    return functionCalls(query).some((call) => {
      const item = calledFunction(this.schema, call);
      return item !== undefined && item.schema !== identitySchema && !bodyQuery(item);
    });
  }

  private isSafe(table: Table, expression: string | null): boolean {
    return expression !== null && this.judge(table, expression).kind === "safe";
  }

  private prove(table: Table, expression: string): Verdict {
    const tree = expressionTree(expression);
    const alternatives = this.alternatives(table, expression);
    if (!tree || !alternatives) {
      return { kind: "unproven", reason: "it is not an expression that could be followed" };
    }
    const open = alternatives.find((alternative) => !this.isOwners(table, alternative));
    if (!open) return safe;
    const chosen = userChosen(tree);
    if (chosen !== undefined) return { kind: "hole", reason: chosen };
    const wrong = this.wrongColumn(table, open);
    if (wrong !== undefined) return { kind: "hole", reason: wrong };
    const reason = open.holes[0];
    if (reason !== undefined) {
      const arm = alternatives.length > 1 ? "in one of its arms " : "";
      return { kind: "hole", reason: arm + reason };
    }
    const owners = this.ownership.ownersOf(table);
    return {
      kind: "unproven",
      reason:
        owners.length > 0
          ? `nothing in it makes the signed-in user the row's owner, ${owners.join(" or ")}`
          : "nothing in it leads from the row to the signed-in user by a key",
    };
  }

  private alternatives(table: Table, expression: string): Alternative[] | undefined {
    const tree = expressionTree(expression);
    if (!tree) return undefined;
    const row = { id: 0, alias: table.name, table };
    const frame: Frame = { sources: [row], params: new Map(), outer: undefined, definer: false };
    try {
      return this.conditions.alternatives(tree, frame);
    } catch (error) {
      if (!(error instanceof TooManyAlternatives)) throw error;
      return undefined;
    }
  }

  private waysOf(table: Table, expression: string): WayLinks[] | undefined {
    return this.alternatives(table, expression)?.map((way) => this.linksOf(table, way));
  }

  private linksOf(table: Table, way: Alternative): WayLinks {
    const implied = way.sources.flatMap(({ id, table: read, definer }) => {
      if (!read || definer || !this.confinesReaders(read)) return [];
      const [owner, another] = this.ownership.ownersOf(read);
      if (owner === undefined || another !== undefined) return [];
      if (this.memberships.isShared(read)) return [];
      return [{ left: `${id}.${owner}`, right: theUser }];
    });
    return new WayLinks(table, way, implied, this.ownership);
  }

  /** Whether an alternative is true for rows of the signed-in user, or of their tenants, alone. */
  private isOwners(table: Table, alternative: Alternative): boolean {
    const way = this.linksOf(table, alternative);
    const owners = this.ownership.ownersOf(table);
    if (owners.length > 0) {
      if (way.isUsers(0, owners)) return true;
      return this.memberships.isMembers(table, way) && this.memberships.isShared(table);
    }
    if (way.isClaimed(0, this.ownership.tenantsOf(table))) return true;
    return way.sources.some(({ id, table: read, definer }) => {
      if (!read) return false;
      if (way.anchored.has(id)) {
        // A row that its own policies let nobody but its owner see leads to nobody else.
        if (!definer && (read.policies ?? []).length > 0 && this.confinesReaders(read)) return true;
        if (way.isClaimed(id, this.ownership.tenantsOf(read))) return true;
      }
      if (!way.isUsers(id, this.ownership.ownersOf(read))) return false;
      return (
        way.anchored.has(id) ||
        way
          .linked(id)
          .some(
            (column) =>
              this.ownership.isReference(read, column) && !this.memberships.canJoin(read, column),
          )
      );
    });
  }

  private wrongColumn(table: Table, { equalities }: Alternative): string | undefined {
    const owners = this.ownership.ownersOf(table);
    const compared = equalities.flatMap(({ left, right }) =>
      left === theUser ? [right] : right === theUser ? [left] : [],
    );
    const column = compared.find((value) => value.startsWith("0."))?.slice(2);
    if (column === undefined || owners.includes(column)) return undefined;
    const known = owners.length > 0 ? `; the owner is ${owners.join(" or ")}` : "";
    return `it compares the user with ${column}, which does not say whose row it is${known}`;
  }
}

let latest: { schema: Schema; proof: OwnerProof } | undefined;

/** The proof of a schema, which the rules share. */
export function ownerProof(schema: Schema): OwnerProof {
  if (latest?.schema !== schema) latest = { schema, proof: new OwnerProof(schema) };
  return latest.proof;
}
