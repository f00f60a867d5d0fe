import { ownerColumnNames } from "./contract";
import { isGranted } from "./granted-commands";
import { type Trust, isOther, trustIn } from "./list-trust";
import { quoteName } from "./names";
import type { Ownership } from "./ownership";
import { bindsCommand, expressionOf } from "./policy-parts";
import type { RowPolicy, Table } from "./schema";
import type { WayLinks } from "./way-links";

/** What has been proven of tables so far, and what their policies say. */
export interface Proven {
  ownership: Ownership;
  users: ReadonlySet<string>;
  /** The ways in which an expression is true of a table's row; undefined when it is not followed. */
  waysOf: (table: Table, expression: string) => WayLinks[] | undefined;
  /** Whether end users read no rows of a table but those that are theirs or their tenants'. */
  confinesReaders: (table: Table) => boolean;
  /** Whether the row of a list says who belongs to something of the signed-in user. */
  isHosts: (list: Table, way: WayLinks) => boolean;
  /** Forgets what was proven while a list was taken for one that nobody can enter. */
  forget: () => void;
}

/**
 * Whose rows a tenant's are: those of everybody whom a list names as its member, if nobody can enter
 * themselves.
 */
export class Memberships {
  private readonly shared = new Map<string, boolean>();
  private readonly joinable = new Map<string, boolean>();

  constructor(private readonly proven: Proven) {}

  /**
   * Whether the owner's tenant shares a table's rows: its policies let members read them. What they let
   * only the owner read, only the owner may write.
   */
  public isShared(table: Table): boolean {
    return remembered(this.shared, quoteName(table), false, () =>
      (table.policies ?? []).some((policy) => {
        const expression = this.isFor(policy, "select") ? expressionOf(policy, "using") : null;
        const ways = expression === null ? undefined : this.proven.waysOf(table, expression);
        const owners = this.proven.ownership.ownersOf(table);
        return (ways ?? []).some((way) => !way.isUsers(0, owners) && this.isMembers(table, way));
      }),
    );
  }

  /** Whether a condition, true in this way, is so for members of the row's tenant alone. */
  public isMembers(table: Table, way: WayLinks): boolean {
    const { ownership } = this.proven;
    // A user's row that only refers to a tenant's is still the user's own.
    const isOwn = ownership.ownersOf(table).includes(ownerColumnNames[0] ?? "");
    return [...way.anchored].some(([id, anchor]) => {
      if (id !== 0 && isOwn) return false;
      const tenants = ownership.tenantsOf(anchor);
      if (way.isClaimed(id, tenants)) return true;
      const read = way.sources.find((source) => source.id === id);
      if (read && !read.definer && tenants.length > 0 && this.isReadByMembers(anchor)) return true;
      return tenants.some((tenant) => this.isMember(way, id, anchor, tenant));
    });
  }

  /**
   * Whether an end user may write a row of a list that names them, but for what is theirs or their tenants',
   * or make it one that is trusted. Whoever is in a list was once entered: while it is being found out,
   * nobody is taken to enter themselves.
   */
  public canJoin(table: Table, column: string, trust: Trust): boolean {
    const asked = [...trust.tested, ...[...trust.values].flat()];
    const key = [quoteName(table), column, ...asked].join(" ");
    const known = this.joinable.get(key);
    if (known !== undefined) return known;
    this.joinable.set(key, false);
    const found = this.findJoin(table, column, trust);
    if (!found) return false;
    for (const [other, isJoinable] of this.joinable) if (!isJoinable) this.joinable.delete(other);
    this.joinable.set(key, true);
    this.shared.clear();
    this.proven.forget();
    return true;
  }

  private findJoin(table: Table, column: string, trust: Trust): boolean {
    const { policies = [], rowSecurity, assumed = false } = table;
    const telling = [column, ...this.proven.ownership.ownersOf(table)];
    const ranks = trust.tested.filter((name) => !telling.includes(name));
    const isUpdated = isGranted(table, "update", this.proven.users, telling);
    const isRaised = isGranted(table, "update", this.proven.users, ranks);
    const isEntered = isGranted(table, "insert", this.proven.users);
    if (!isEntered && !isUpdated && !isRaised) return false;
    if (!rowSecurity || assumed) return true;
    const enters = (policy: RowPolicy) =>
      !this.holds(table, policy, "check", (way) => {
        if (isOther(table, way, trust)) return true;
        return this.isMembers(table, way) || this.proven.isHosts(table, way);
      });
    // Who is in the list already has to have a rank to give one.
    const raises = (policy: RowPolicy) =>
      !this.holds(table, policy, "check", (way) => isOther(table, way, trust)) &&
      (["using", "check"] as const).some(
        (part) =>
          !this.holds(
            table,
            policy,
            part,
            (way) => this.proven.isHosts(table, way) || this.isRanked(table, way, column, ranks),
          ),
      );
    return policies.some(
      (policy) =>
        (isEntered && this.isFor(policy, "insert") && enters(policy)) ||
        (isUpdated && this.isFor(policy, "update") && enters(policy)) ||
        (isRaised && this.isFor(policy, "update") && raises(policy)),
    );
  }

  private holds(
    table: Table,
    policy: RowPolicy,
    part: "using" | "check",
    isSo: (way: WayLinks) => boolean,
  ): boolean {
    const expression = expressionOf(policy, part);
    const ways = expression === null ? undefined : this.proven.waysOf(table, expression);
    return ways?.every(isSo) ?? false;
  }

  /** Whether the signed-in user stands in the same list, where the row's column leads, with a certain rank. */
  private isRanked(list: Table, way: WayLinks, column: string, ranks: readonly string[]): boolean {
    return way.sources.some(
      ({ id, table }) =>
        table &&
        quoteName(table) === quoteName(list) &&
        way.isUsers(id, this.proven.ownership.ownersOf(list)) &&
        way.equalTo(id, 0, column).includes(column) &&
        ranks.some((name) => way.constantOf(id, name) !== undefined),
    );
  }

  private isMember(way: WayLinks, id: number, anchor: Table, tenant: string) {
    const { ownership } = this.proven;
    return way.sources.some(({ id: other, table: list }) => {
      if (!list || other === id || !way.isUsers(other, ownership.ownersOf(list))) return false;
      return way
        .equalTo(other, id, tenant)
        .filter((column) => ownership.refersAlike(anchor, tenant, list, column))
        .some(
          (column) =>
            ownership.isKey(list, [column]) || !this.canJoin(list, column, trustIn(way, other)),
        );
    });
  }

  private isReadByMembers(table: Table): boolean {
    const { ownership, confinesReaders } = this.proven;
    if ((table.policies ?? []).length === 0 || !confinesReaders(table)) return false;
    return ownership.ownersOf(table).length === 0 || this.isShared(table);
  }

  private isFor(policy: RowPolicy, command: "select" | "insert" | "update"): boolean {
    return policy.permissive && bindsCommand(policy, command, this.proven.users);
  }
}

/** Finds something once. @param meanwhile the answer to whoever asks while it is being found. */
function remembered(
  known: Map<string, boolean>,
  key: string,
  meanwhile: boolean,
  find: () => boolean,
): boolean {
  const before = known.get(key);
  if (before !== undefined) return before;
  known.set(key, meanwhile);
  const found = find();
  known.set(key, found);
  return found;
}
