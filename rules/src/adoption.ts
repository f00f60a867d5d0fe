import { usersTable } from "./contract";
import { isGranted } from "./granted-commands";
import { quoteName } from "./names";
import type { Ownership } from "./ownership";
import { bindsCommand } from "./policy-parts";
import type { ForeignKey, Table } from "./schema";

/** That columns of a row name the key of another by no foreign key. */
export interface Untied {
  table: Table;
  columns: readonly string[];
  parent: Table;
  key: readonly string[];
}

/**
 * Whose a row becomes that nothing ties to the parent whose owner is its own: one that outlives its parent,
 * or never had one, is adopted by whoever makes a parent with that key.
 */
export class Adoption {
  constructor(
    private readonly ownership: Ownership,
    private readonly users: ReadonlySet<string>,
  ) {}

  /**
   * The foreign keys that lead from one table to another: those that partitions have of what they are part
   * of, too, and those by way of tables between.
   */
  public foreignKeysTo(table: Table, parent: Table, seen: readonly string[] = []): ForeignKey[] {
    if (seen.includes(quoteName(table))) return [];
    const parents = [parent, ...this.wholesOf(parent)].map(quoteName);
    const own = [table, ...this.wholesOf(table)].flatMap(({ foreignKeys = [] }) => foreignKeys);
    return own.flatMap((key): ForeignKey[] => {
      if (parents.includes(quoteName(key.table))) {
        return [{ ...key, references: referencesOf(key, parent) }];
      }
      const between = this.ownership.table(key.table);
      if (!between) return [];
      const named = referencesOf(key, between);
      return this.foreignKeysTo(between, parent, [...seen, quoteName(table)]).flatMap((further) => {
        const columns = further.columns.flatMap((name) => key.columns[named.indexOf(name)] ?? []);
        return columns.length === further.columns.length ? [{ ...further, columns }] : [];
      });
    });
  }

  /** Whether an end user may make or change a row of a table so that it has a key of their choice. */
  public isChosen(table: Table, key: readonly string[]): boolean {
    // Who somebody is, is said when they sign up.
    if (table.name === usersTable) return false;
    const makes =
      this.may(table, "insert") &&
      key.every((column) => isGranted(table, "insert", this.users, [column]));
    return makes || (this.may(table, "update") && isGranted(table, "update", this.users, key));
  }

  private may(table: Table, command: "insert" | "update"): boolean {
    return (table.policies ?? []).some(
      (policy) => policy.permissive && bindsCommand(policy, command, this.users),
    );
  }

  /** What a table is a partition of, and what that is. */
  private wholesOf(table: Table): readonly Table[] {
    if (table.kind === "inheritance child") return [];
    const parents = (table.parents ?? []).flatMap((name) => this.ownership.table(name) ?? []);
    return parents.flatMap((parent) => [parent, ...this.wholesOf(parent)]);
  }
}

/** The columns that a foreign key refers to; the primary key where the SQL names none. */
export function referencesOf({ references }: ForeignKey, parent: Table | undefined): string[] {
  return references.length > 0 ? references : (parent?.keys?.[0] ?? []);
}

/** Says of a condition that it follows what no foreign key ties. */
export function whyUntied({ table, columns, parent, key }: Untied) {
  const named = `${quoteName(parent)} (${key.join(", ")})`;
  return {
    reason:
      `no foreign key ties ${columns.join(", ")} of ${quoteName(table)} to ${named}, which end users ` +
      "may choose: whoever takes the key of a parent that is gone, or never was, gets its rows",
    remedy:
      `Write \`alter table ${quoteName(table)} add foreign key (${columns.join(", ")}) references ` +
      `${named};\`, or grant no insert and update of ${key.join(", ")}.`,
  };
}
