import { isGranted } from "./granted-commands";
import { trustIn } from "./list-trust";
import type { Memberships } from "./memberships";
import { quoteName } from "./names";
import type { Ownership } from "./ownership";
import type { RowPolicy, Table } from "./schema";
import type { WayLinks } from "./way-links";

/**
 * Whom a policy may let pass besides a row's owner: nobody, where whoever passes would write in the name of
 * others; those of the row's tenant; guests as well; or members of something, who enter others into its list.
 */
export type Pass = "owners" | "tenants" | "guests" | "members";

/**
 * Whom a row's owner lets in: who stands in a column beside the owner's (an assignee, an array of readers),
 * or in a list of who may see which row, that nobody but the owner writes.
 */
export class Sharing {
  constructor(
    private readonly ownership: Ownership,
    private readonly users: ReadonlySet<string>,
    private readonly memberships: Memberships,
  ) {}

  /** Whom a policy may let pass. */
  public passOf(table: Table, { command }: RowPolicy): Pass {
    const owners = this.ownership.ownersOf(table);
    if (command === "select") return "guests";
    if (command === "insert") {
      if (this.ownership.listLinks(table).length > 0) return "members";
      return isGranted(table, "insert", this.users, owners) ? "owners" : "tenants";
    }
    const telling = [...owners, ...this.ownership.guestsOf(table)];
    const isGuests = command === "update" && !isGranted(table, "update", this.users, telling);
    return isGuests ? "guests" : "tenants";
  }

  /** Whether a condition, true in this way, is so for a guest of the row's owner. */
  public isGuest(table: Table, way: WayLinks): boolean {
    if (way.isUsers(0, this.ownership.guestsOf(table))) return true;
    return way.sources.some(({ id, table: list }) => {
      if (!list || id === 0 || !way.isUsers(id, this.ownership.ownersOf(list))) return false;
      return this.ownership
        .keyColumns(table)
        .flatMap((key) => way.equalTo(id, 0, key))
        .some(
          (column) =>
            this.names(list, column, table) &&
            !this.memberships.canJoin(list, column, trustIn(way, id)),
        );
    });
  }

  /** Whether the row of a list, true in this way, says who belongs to something of the signed-in user. */
  public isHosts(list: Table, way: WayLinks): boolean {
    return [...way.anchored].some(
      ([id, host]) =>
        id !== 0 &&
        way.isUsers(id, this.ownership.ownersOf(host)) &&
        this.ownership
          .keyColumns(host)
          .flatMap((key) => way.equalTo(0, id, key))
          .some((column) => this.names(list, column, host)),
    );
  }

  /** Whether a list's column says to which row of a table who is in it belongs. */
  private names(list: Table, column: string, table: Table): boolean {
    return (
      this.ownership.listLinks(list).includes(column) &&
      (list.foreignKeys ?? []).some(
        (key) => key.columns[0] === column && quoteName(key.table) === quoteName(table),
      )
    );
  }
}
