import { trustIn } from "./list-trust";
import type { Memberships } from "./memberships";
import { quoteName } from "./names";
import type { Ownership } from "./ownership";
import type { RowPolicy, Table } from "./schema";
import type { WayLinks } from "./way-links";

/**
 * Whom a policy may let pass besides a row's owner: guests read, and change what does not make the row
 * theirs; members of something enter others into its list.
 */
export type Pass = "nobody" | "guests" | "members";

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

  /** Whom a policy may let pass besides the owner of a row. */
  public passOf(table: Table, { command }: RowPolicy): Pass {
    if (command === "insert") {
      return this.ownership.listLinks(table).length > 0 ? "members" : "nobody";
    }
    if (command === "select") return "guests";
    if (command !== "update") return "nobody";
    const telling = [...this.ownership.ownersOf(table), ...this.ownership.guestsOf(table)];
    const isTaken = (table.grants ?? []).some(
      ({ grantee, privilege, columns }) =>
        this.users.has(grantee) &&
        privilege === "update" &&
        (!columns || columns.some((name) => telling.includes(name))),
    );
    return isTaken ? "nobody" : "guests";
  }

  /** Whether a condition, true in this way, is so for a guest of the row's owner. */
  public isGuest(table: Table, way: WayLinks): boolean {
    if (way.isUsers(0, this.ownership.guestsOf(table))) return true;
    return way.sources.some(({ id, table: list }) => {
      if (!list || id === 0 || !way.isUsers(id, this.ownership.ownersOf(list))) return false;
      return this.keysOf(table)
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
        this.keysOf(host)
          .flatMap((key) => way.equalTo(0, id, key))
          .some((column) => this.names(list, column, host)),
    );
  }

  private keysOf({ keys = [] }: Table): string[] {
    return keys.flatMap(([key, another]) =>
      key !== undefined && another === undefined ? [key] : [],
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
