import type { Adoption, Untied } from "./adoption";
import { isConstant } from "./condition-nodes";
import { type Alternative, Classes, type Equality } from "./conditions";
import { tenantNames } from "./contract";
import { snakeCase } from "./names";
import { claimOf, theUser } from "./condition-values";
import type { Ownership } from "./ownership";
import type { Table } from "./schema";

/** One way in which a condition is true, as links between the judged row, other rows and the user. */
export class WayLinks {
  /** Rows that the judged one leads to by their keys, itself among them, by number. */
  public readonly anchored: ReadonlyMap<number, Table>;
  public readonly sources: Alternative["sources"];
  /** Rows that the judged one would lead to, if a foreign key tied it to them. */
  public readonly untied: Untied[] = [];
  private readonly values: readonly string[];
  private readonly classes: Classes;

  /** @param implied what policies of the tables that are read say besides. */
  constructor(
    table: Table,
    { equalities, sources }: Alternative,
    implied: readonly Equality[],
    private readonly ownership: Ownership,
    /** Says which rows are not led to without a foreign key; without it, all with that key are. */
    private readonly adoption: Adoption | undefined,
  ) {
    this.sources = sources;
    this.values = equalities.flatMap(({ left, right }) => [left, right]);
    this.classes = new Classes([...equalities, ...implied]);
    this.anchored = this.findAnchored(table);
  }

  /** Whether one of a row's columns is the signed-in user. */
  public isUsers(id: number, columns: readonly string[]): boolean {
    return columns.some((column) => this.classes.areEqual(`${id}.${column}`, theUser));
  }

  /** The constant that a row's column is equal to. */
  public constantOf(id: number, column: string): string | undefined {
    return this.values
      .filter(isConstant)
      .find((value) => this.classes.areEqual(`${id}.${column}`, value));
  }

  /** Whether one of a row's columns is the tenant that the verified claims name. */
  public isClaimed(id: number, columns: readonly string[]): boolean {
    const claims = this.values.filter(isTenantClaim);
    return columns.some((column) =>
      claims.some((value) => this.classes.areEqual(`${id}.${column}`, value)),
    );
  }

  /** The columns of a row that are equal to one of a row that the judged one leads to. */
  public linked(id: number): string[] {
    const read = this.sources.find((source) => source.id === id)?.table;
    return read ? this.linkedTo(id, read, this.anchored) : [];
  }

  /** The columns of a row that are equal to one of another row. */
  public equalTo(id: number, other: number, column: string): string[] {
    return this.columnsOf(id).filter((own) =>
      this.classes.areEqual(`${id}.${own}`, `${other}.${column}`),
    );
  }

  private findAnchored(table: Table): Map<number, Table> {
    const anchored = new Map([[0, table]]);
    for (let grown = true; grown;) {
      grown = false;
      for (const { id, table: read } of this.sources) {
        if (anchored.has(id) || !read) continue;
        const linked = this.linkedTo(id, read, anchored);
        if (!this.ownership.isKey(read, linked)) continue;
        const adopted = this.adoptedBy(id, read, linked, anchored);
        if (adopted) {
          this.untied.push(adopted);
          continue;
        }
        anchored.set(id, read);
        grown = true;
      }
    }
    return anchored;
  }

  /** By what a row names another that whoever makes it gets it with; undefined where a foreign key ties it. */
  private adoptedBy(
    id: number,
    read: Table,
    linked: readonly string[],
    anchored: ReadonlyMap<number, Table>,
  ): Untied | undefined {
    const { adoption } = this;
    if (!adoption) return undefined;
    const keys = (read.keys ?? []).filter((key) => key.every((name) => linked.includes(name)));
    const isFree = (key: readonly string[]) =>
      !this.isUsers(id, key) && adoption.isChosen(read, key);
    const [key] = keys;
    if (!key || !keys.every(isFree)) return undefined;
    // A row is led to by a foreign key that holds its key, whole.
    const isTied = (other: number, table: Table) =>
      adoption
        .foreignKeysTo(table, read)
        .some(({ columns, references }) =>
          columns.every((column, at) =>
            this.classes.areEqual(`${other}.${column}`, `${id}.${references[at] ?? ""}`),
          ),
        );
    const isLedTo = [...anchored].some(([other, table]) => table.assumed ?? isTied(other, table));
    if (isLedTo) return undefined;
    for (const [other, table] of anchored) {
      const columns = key.flatMap((name) => this.equalTo(other, id, name).slice(0, 1));
      if (columns.length > 0) return { table, columns, parent: read, key };
    }
    return undefined;
  }

  private linkedTo(id: number, read: Table, to: ReadonlyMap<number, Table>): string[] {
    return this.columnsOf(id).filter((column) =>
      [...to].some(([other, table]) =>
        this.columnsOf(other).some(
          (theirs) =>
            this.classes.areEqual(`${id}.${column}`, `${other}.${theirs}`) &&
            !this.ownership.refersElsewhere(table, theirs, read, column),
        ),
      ),
    );
  }

  private columnsOf(id: number): string[] {
    const own = this.values.filter((value) => value.startsWith(`${id}.`));
    return own.map((value) => value.slice(value.indexOf(".") + 1));
  }
}

/** Whether a value is a claim that names the user's tenant. */
function isTenantClaim(value: string): boolean {
  const last = value.startsWith(claimOf) ? value.split(/[.:]/).at(-1) : undefined;
  return last !== undefined && tenantNames.includes(snakeCase(last));
}
