import { Adoption, whyUntied } from "./adoption";
import { theUser } from "./condition-values";
import { type Alternative, TooManyAlternatives } from "./conditions";
import { sealedTables } from "./contract";
import { endUsers } from "./end-users";
import { expressionTree } from "./function-bodies";
import { userChosen } from "./identity-expressions";
import { trustIn } from "./list-trust";
import { Memberships } from "./memberships";
import { quoteName } from "./names";
import type { Frame } from "./names-in-scope";
import { OwnRows } from "./own-rows";
import { OwnerConditions } from "./owner-conditions";
import { Ownership } from "./ownership";
import { bindsCommand, bindsUsersOf, expressionOf } from "./policy-parts";
import type { RowPolicy, Schema, Table } from "./schema";
import { type Pass, Sharing } from "./sharing";
import { WayLinks } from "./way-links";

/** What can be said of an expression: that it lets nobody past a row's owner, or why not. */
export type Verdict =
  | { kind: "safe" }
  /** Visibly open. */
  | { kind: "hole"; reason: string; remedy?: string }
  | { kind: "unproven"; reason: string };

/** Which of a policy's expressions. */
type Part = "using" | "check";

const safe: Verdict = { kind: "safe" };

/** Proves of policies that they let a user reach no rows but their own. */
export class OwnerProof {
  public readonly ownership: Ownership;
  public readonly ownRows: OwnRows;
  /** Roles that an end user's request may have the rights of. */
  public readonly users: ReadonlySet<string>;
  private readonly adoption: Adoption;
  private readonly conditions: OwnerConditions;
  private readonly memberships: Memberships;
  private readonly sharing: Sharing;
  private readonly verdicts = new Map<string, Verdict>();
  private readonly confined = new Map<string, boolean>();
  private readonly unshared = new Map<string, boolean>();

  constructor(private readonly schema: Schema) {
    this.ownership = new Ownership(schema);
    this.users = endUsers(schema);
    this.adoption = new Adoption(this.ownership, this.users);
    this.conditions = new OwnerConditions(schema, this.ownership);
    this.memberships = new Memberships({
      ownership: this.ownership,
      users: this.users,
      waysOf: (table, expression) => this.waysOf(table, expression),
      confinesReaders: (table) => this.confinesReaders(table),
      isHosts: (list, way) => this.sharing.isHosts(list, way),
      forget: () => {
        this.verdicts.clear();
        this.confined.clear();
        this.unshared.clear();
      },
    });
    this.sharing = new Sharing(this.ownership, this.users, this.memberships);
    const { ownership, users, conditions, memberships } = this;
    this.ownRows = new OwnRows({ schema, ownership, users, conditions, memberships });
  }

  /** Whether a policy binds somebody whom its expressions must confine. */
  public bindsUsers(table: Table, { roles }: RowPolicy): boolean {
    const sealed = sealedTables.some((name) => quoteName(name) === quoteName(table));
    return sealed || roles.some((role) => this.users.has(role));
  }

  /** Judges one expression of a policy. @param besides who may pass besides the row's owner. */
  private judge(table: Table, expression: string, part: Part, besides: Pass): Verdict {
    const key = `${quoteName(table)} ${part} ${besides} ${expression}`;
    const known = this.verdicts.get(key);
    if (known) return known;
    const verdict = this.prove(table, expression, part, besides);
    this.verdicts.set(key, verdict);
    return verdict;
  }

  /** Whether an expression is true for no row at all. */
  public isNever(table: Table, expression: string): boolean {
    return this.alternatives(table, expression)?.length === 0;
  }

  /** Judges an expression of a policy, which a restrictive one for the same roles and command may confine. */
  public judgePolicy(table: Table, policy: RowPolicy, part: Part): Verdict {
    const expression = expressionOf(policy, part);
    if (expression === null) return safe;
    const { shadowedBy = [] } = policy;
    const own = (this.schema.operators ?? []).find(({ schema }) => shadowedBy.includes(schema));
    if (own) {
      const reason = `the operator ${own.schema}.${own.name} may be meant instead of PostgreSQL's own`;
      return { kind: "hole", reason };
    }
    const besides = this.sharing.passOf(table, policy);
    const verdict = this.judge(table, expression, part, besides);
    if (verdict.kind === "safe") return verdict;
    const narrowed = (table.policies ?? []).some(
      (other) =>
        !other.permissive &&
        (other.command === "all" || other.command === policy.command) &&
        bindsUsersOf(other, policy, this.users) &&
        this.isSafe(table, expressionOf(other, part), part, besides),
    );
    return narrowed ? safe : verdict;
  }

  /** The owner's columns that hold the signed-in user, for each way in which an expression is true. */
  public userColumns(table: Table, expression: string): string[][] {
    const owners = this.ownership.ownersOf(table);
    const ways = this.waysOf(table, expression) ?? [];
    return ways.map((way) => owners.filter((owner) => way.isUsers(0, [owner])));
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

  /** Whether an end user is granted to write a table's rows. */
  public canWrite({ grants = [] }: Table): boolean {
    return grants.some(
      ({ grantee, privilege }) =>
        this.users.has(grantee) && ["insert", "update", "delete"].includes(privilege),
    );
  }

  private isSafe(table: Table, expression: string | null, part: Part, besides: Pass): boolean {
    return expression !== null && this.judge(table, expression, part, besides).kind === "safe";
  }

  private prove(table: Table, expression: string, part: Part, besides: Pass): Verdict {
    const tree = expressionTree(expression);
    const alternatives = this.alternatives(table, expression);
    if (!tree || !alternatives) {
      return { kind: "unproven", reason: "it is not an expression that could be followed" };
    }
    // Whose parent it is when a row is written, no later parent changes.
    const adoption = part === "check" ? undefined : this.adoption;
    const ways = alternatives.map((alternative) => this.linksOf(table, alternative, adoption));
    const owners = this.ownership.ownersOf(table);
    const mayPass = (way: WayLinks) =>
      this.isOwners(table, way, besides) ||
      (besides === "guests" && this.sharing.isGuest(table, way) && this.isReadByOwners(table)) ||
      (besides === "members" && this.memberships.isMembers(table, way));
    const open = alternatives.find((_, at) => !ways[at] || !mayPass(ways[at]));
    if (!open) return safe;
    const [untied] = ways[alternatives.indexOf(open)]?.untied ?? [];
    if (untied && mayPass(this.linksOf(table, open, undefined))) {
      return { kind: "hole", ...whyUntied(untied) };
    }
    const chosen = userChosen(tree);
    if (chosen !== undefined) return { kind: "hole", reason: chosen };
    const wrong = this.wrongColumn(table, open);
    if (wrong !== undefined) return { kind: "hole", reason: wrong };
    const reason = open.holes[0];
    if (reason !== undefined) {
      const arm = alternatives.length > 1 ? "in one of its arms " : "";
      return { kind: "hole", reason: arm + reason };
    }
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

  /** The ways in which an expression is true of a table's row; undefined when it is not followed. */
  public waysOf(table: Table, expression: string): WayLinks[] | undefined {
    return this.alternatives(table, expression)?.map((way) =>
      this.linksOf(table, way, this.adoption),
    );
  }

  private linksOf(table: Table, way: Alternative, adoption: Adoption | undefined): WayLinks {
    const implied = way.sources.flatMap(({ id, table: read, definer }) => {
      if (!read || definer || !this.confinesReaders(read)) return [];
      const [owner, another] = this.ownership.ownersOf(read);
      if (owner === undefined || another !== undefined) return [];
      if (!this.readsOnlyOwners(read, owner)) return [];
      return [{ left: `${id}.${owner}`, right: theUser }];
    });
    return new WayLinks(table, way, implied, this.ownership, adoption);
  }

  /** Who lets others in reads the row, too; where only they do, a policy asks for the wrong column. */
  private isReadByOwners(table: Table): boolean {
    const owners = this.ownership.ownersOf(table);
    return (table.policies ?? []).some(
      (policy) =>
        policy.permissive &&
        bindsCommand(policy, "select", this.users) &&
        this.waysOf(table, policy.using ?? "")?.some((way) => way.isUsers(0, owners)),
    );
  }

  /** Whether nobody but its owner reads a row of a table: no tenant and no guest does. */
  private readsOnlyOwners(table: Table, owner: string): boolean {
    const key = quoteName(table);
    const known = this.unshared.get(key);
    if (known !== undefined) return known;
    this.unshared.set(key, false);
    const result = (table.policies ?? []).every((policy) => {
      if (!policy.permissive || !bindsCommand(policy, "select", this.users)) return true;
      const ways = this.waysOf(table, policy.using ?? "");
      return ways?.every((way) => way.isUsers(0, [owner])) ?? false;
    });
    this.unshared.set(key, result);
    return result;
  }

  /** Whether a condition, true in this way, is so for rows of the signed-in user, or of their tenants, alone. */
  private isOwners(table: Table, way: WayLinks, besides: Pass): boolean {
    const owners = this.ownership.ownersOf(table);
    if (owners.length > 0) {
      if (way.isUsers(0, owners) || this.sharing.isHosts(table, way)) return true;
      if (besides === "owners") return false;
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
              this.ownership.isReference(read, column) &&
              !this.memberships.canJoin(read, column, trustIn(way, id)),
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
