import { type TableName, isSystemSchema, quoteName, temporarySchema } from "./names";
import type { Origin, Table, TableKind } from "./schema";

/**
 * Where in the flow of a migration a statement stands: the numbers of the
 * branches around it, outermost first. A statement runs whenever one runs whose
 * path starts with its own.
 */
export type BranchPath = readonly number[];

/** The two switches of row level security that a table has. */
export type Switch = "rowSecurity" | "forced";

interface Entry {
  table: Table;
  /** The branch that makes it for sure; undefined once it may have been dropped. */
  made: BranchPath | undefined;
  /** For a switch that is off: the outermost branch that may have left it off. */
  off: Partial<Record<Switch, BranchPath | undefined>>;
}

/**
 * The tables that a sequence of statements makes and changes. Of a table that
 * it has not seen made it assumes that an earlier migration protected it.
 */
export class TableModel {
  private entries = new Map<string, Entry>();

  /** The tables of application schemas; temporary ones live in one session only and are left out. */
  public tables(): Table[] {
    return [...this.entries.values()]
      .map(({ table }) => table)
      .filter(({ schema }) => !isSystemSchema(schema));
  }

  public has(name: TableName): boolean {
    return this.entries.has(quoteName(name));
  }

  public create(
    name: TableName,
    kind: TableKind,
    at: { origin: Origin; path: BranchPath; ifNotExists?: boolean },
    facts: Partial<Table> = {},
  ): void {
    const known = this.entries.get(quoteName(name));
    const exists = known?.made !== undefined && isPrefix(known.made, at.path);
    if (at.ifNotExists && exists) return;
    const off = (before: BranchPath | undefined) => commonPrefix(before ?? at.path, at.path);
    this.entries.set(quoteName(name), {
      table: { ...facts, ...name, kind, rowSecurity: false, forced: false, origin: at.origin },
      made: at.path,
      off: { rowSecurity: off(known?.off.rowSecurity), forced: off(known?.off.forced) },
    });
  }

  /** Turns a switch on: for tables that exist wherever this statement runs. */
  public protect(name: TableName, which: Switch, path: BranchPath): void {
    const entry = this.entries.get(quoteName(name));
    const off = entry?.off[which];
    if (!entry || !off || !isPrefix(path, off)) return;
    entry.table[which] = true;
    entry.off[which] = undefined;
  }

  /** Turns a switch off, also on a table that was made before these statements. */
  public expose(name: TableName, which: Switch, at: { origin: Origin; path: BranchPath }): void {
    const entry = this.entries.get(quoteName(name)) ?? this.assume(name);
    entry.table = { ...entry.table, [which]: false, origin: at.origin };
    entry.off[which] = commonPrefix(entry.off[which] ?? at.path, at.path);
    this.entries.set(quoteName(name), entry);
  }

  /** What is known of a table; undefined when these statements neither made nor changed it. */
  public get(name: TableName): Table | undefined {
    return this.entries.get(quoteName(name))?.table;
  }

  /** Whether a table exists only where a branch has run, so that what the branch takes away is gone. */
  public isMadeIn(name: TableName, path: BranchPath): boolean {
    const made = this.entries.get(quoteName(name))?.made;
    return made !== undefined && isPrefix(path, made);
  }

  /** Changes facts of a table, also of one that was made before these statements. */
  public change(name: TableName, update: (table: Table) => Partial<Table>): void {
    const entry = this.entries.get(quoteName(name)) ?? this.assume(name);
    entry.table = { ...entry.table, ...update(entry.table) };
    this.entries.set(quoteName(name), entry);
  }

  /** Changes facts of every table that is known. */
  public changeAll(update: (table: Table) => Partial<Table>): void {
    for (const entry of this.entries.values()) {
      entry.table = { ...entry.table, ...update(entry.table) };
    }
  }

  public setKind(name: TableName, kind: TableKind): void {
    const entry = this.entries.get(quoteName(name));
    if (entry) entry.table = { ...entry.table, kind };
  }

  /** Renames or moves a table; where that may not happen, both names stay in doubt. */
  public rename(from: TableName, to: TableName, path: BranchPath): void {
    const entry = this.entries.get(quoteName(from));
    if (!entry) return;
    if (!this.remove(from, path)) return;
    this.entries.set(quoteName(to), { ...entry, table: { ...entry.table, ...to } });
    const follow = (name: TableName) => (quoteName(name) === quoteName(from) ? to : name);
    this.changeAll(({ parents, foreignKeys }) => ({
      ...(parents && { parents: parents.map(follow) }),
      ...(foreignKeys && {
        foreignKeys: foreignKeys.map((key) => ({ ...key, table: follow(key.table) })),
      }),
    }));
  }

  public renameSchema(from: string, to: string, path: BranchPath): void {
    for (const { table } of this.inSchema(from)) {
      this.rename(table, { schema: to, name: table.name }, path);
    }
  }

  public drop(name: TableName, path: BranchPath): void {
    this.remove(name, path);
  }

  public dropSchema(schema: string, path: BranchPath): void {
    for (const { table } of this.inSchema(schema)) this.remove(table, path);
  }

  public dropTemporary(): void {
    this.dropSchema(temporarySchema, []);
  }

  /** A copy of what is known now, for {@link restore}. */
  public save(): ReadonlyMap<string, Readonly<Entry>> {
    return copy(this.entries);
  }

  public restore(saved: ReadonlyMap<string, Readonly<Entry>>): void {
    this.entries = copy(saved);
  }

  private assume(name: TableName): Entry {
    const table: Table = { ...name, kind: "table", rowSecurity: true, forced: true, assumed: true };
    return { table, made: [], off: {} };
  }

  private inSchema(schema: string): Entry[] {
    return [...this.entries.values()].filter(({ table }) => table.schema === schema);
  }

  private remove(name: TableName, path: BranchPath): boolean {
    const entry = this.entries.get(quoteName(name));
    if (!entry) return false;
    const certain = entry.made !== undefined && isPrefix(path, entry.made);
    if (certain) this.entries.delete(quoteName(name));
    else entry.made = undefined;
    return certain;
  }
}

function copy(entries: ReadonlyMap<string, Readonly<Entry>>): Map<string, Entry> {
  return new Map(
    [...entries].map(([key, entry]) => [
      key,
      { ...entry, table: { ...entry.table }, off: { ...entry.off } },
    ]),
  );
}

/** Whether what runs in the one branch runs whenever the other does. */
export function isPrefix(prefix: BranchPath, path: BranchPath): boolean {
  return prefix.every((branch, depth) => path[depth] === branch);
}

function commonPrefix(one: BranchPath, other: BranchPath): BranchPath {
  const split = one.findIndex((branch, depth) => other[depth] !== branch);
  return split < 0 ? one : one.slice(0, split);
}
