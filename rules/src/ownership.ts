import { ownerColumnNames, tenantNames, usersKeys, usersTable } from "./contract";
import { comparedWithUser } from "./compared-columns";
import { type TableName, quoteName, snakeCase } from "./names";
import { isGroup, isPersonal } from "./personal-names";
import type { Schema, Table } from "./schema";

/** Types that hold no user's id; a domain may. */
const otherTypes =
  /^(big|small)?(int|serial)|^(numeric|decimal|real|double|float|money|bool|date|time|interval|json|bytea|inet|cidr|bit)|\[\]$/;
const listTypes: readonly string[] = ["uuid[]", "text[]"];
/** Names of who wrote a row for others to read. */
const authored = /^(author|creator|sender|writer|poster|uploader|reporter)(_id)?$|_by(_id)?$/;

/** Whose rows a schema's tables hold, from foreign keys and the names that the contract fixes. */
export class Ownership {
  private readonly tables: ReadonlyMap<string, Table>;
  private readonly found = new Map<string, readonly string[]>();
  private listed: ReadonlySet<string> | undefined;
  private children: ReadonlyMap<string, readonly Table[]> | undefined;

  constructor(schema: Schema) {
    this.tables = new Map(schema.tables.map((table) => [quoteName(table), table]));
  }

  public table(name: TableName): Table | undefined {
    return this.tables.get(quoteName(name));
  }

  /** The tables whose rows a table shows, too: its partitions and inheritance children, and theirs. */
  public descendantsOf(table: Table): readonly Table[] {
    this.children ??= childrenOf([...this.tables.values()]);
    const children = this.children.get(quoteName(table)) ?? [];
    return children.flatMap((child) => [child, ...this.descendantsOf(child)]);
  }

  /** The table that an unqualified name means: one of `public`, or the only one of that name. */
  public named(name: string, schema?: string): Table | undefined {
    if (schema !== undefined) return this.table({ schema, name });
    const inPublic = this.table({ schema: "public", name });
    if (inPublic) return inPublic;
    const others = [...this.tables.values()].filter((table) => table.name === name);
    return others.length === 1 ? others[0] : undefined;
  }

  /** The columns that hold the id of the user whose row it is; empty when there is none. */
  public ownersOf(table: Table): readonly string[] {
    const key = quoteName(table);
    const known = this.found.get(key);
    if (known) return known;
    this.found.set(key, []);
    const owners = this.findOwners(table);
    this.found.set(key, owners);
    return owners;
  }

  /** Whether nothing in a table, nor in what its foreign keys lead to, is somebody's. */
  public isOwnerless(table: Table, seen: readonly string[] = []): boolean {
    const { columns, foreignKeys = [] } = table;
    if (!columns || this.ownersOf(table).length > 0 || table.name === usersTable) return false;
    if (isGroup(table.name) || columns.some(isPersonal)) return false;
    return foreignKeys.every((key) => {
      const referenced = quoteName(key.table);
      if (seen.includes(referenced) || referenced === quoteName(table)) return true;
      const other = this.table(key.table);
      return other !== undefined && this.isOwnerless(other, [...seen, quoteName(table)]);
    });
  }

  /**
   * The columns that say to which tenant a row belongs: by their name, or as a key to what a list names
   * members of, where a row's owner is who wrote it and not whom it is about.
   */
  public tenantsOf(table: Table): readonly string[] {
    const named = (table.columns ?? [])
      .map(({ name }) => name)
      .filter((name) => tenantNames.includes(snakeCase(name)));
    const owners = this.ownersOf(table);
    const isWritten = owners.length > 0 && owners.every((name) => authored.test(snakeCase(name)));
    if (!isWritten && this.listLinks(table).length === 0) return named;
    const linked = (table.foreignKeys ?? []).flatMap(({ columns, table: group }) => {
      const [column, another] = columns;
      const isListed = column !== undefined && another === undefined && this.isListed(group);
      return isListed && !named.includes(column) ? [column] : [];
    });
    return [...named, ...linked];
  }

  /**
   * Of a list of who belongs to what (members of a team, readers of a note), the columns that say to what.
   * Such a list names each pair once.
   */
  public listLinks(table: Table): readonly string[] {
    const { keys = [], foreignKeys = [] } = table;
    const people = this.ownersOf(table);
    return foreignKeys.flatMap(({ columns, table: group }) => {
      const [link, another] = columns;
      if (link === undefined || another !== undefined || people.includes(link)) return [];
      if (group.name === usersTable) return [];
      const isPair = (key: readonly string[]) =>
        key.length === 2 && key.includes(link) && key.some((name) => people.includes(name));
      return keys.some(isPair) ? [link] : [];
    });
  }

  /** The columns beside the owner that hold a user, or a list of users. */
  public guestsOf(table: Table): readonly string[] {
    const owners = this.ownersOf(table);
    const lists = (table.columns ?? []).filter(({ type }) => listTypes.includes(type));
    return [...this.referring(table), ...lists.map(({ name }) => name)].filter(
      (name) => !owners.includes(name),
    );
  }

  /** Whether there is a list of who belongs to the rows of a table. */
  public isListed(group: TableName): boolean {
    this.listed ??= new Set(
      [...this.tables.values()].flatMap((list) => {
        const links = this.listLinks(list);
        return (list.foreignKeys ?? [])
          .filter(({ columns }) => links.includes(columns[0] ?? ""))
          .map(({ table }) => quoteName(table));
      }),
    );
    return this.listed.has(quoteName(group));
  }

  /** The columns that are a key of the table, each by itself. */
  public keyColumns({ keys = [] }: Table): readonly string[] {
    return keys.flatMap(([key, another]) =>
      key !== undefined && another === undefined ? [key] : [],
    );
  }

  /** Whether a column alone, or with others of the list, is a key of the table. */
  public isKey(table: Table, columns: readonly string[]): boolean {
    const assumed = table.name === usersTable ? usersKeys : ["id"];
    if (!table.columns && assumed.some((key) => columns.includes(key))) return true;
    return this.hasKey(table, columns);
  }

  /** Whether a column names a row, of its own or of another table. */
  public isReference({ columns = [], keys = [], foreignKeys = [] }: Table, name: string): boolean {
    return (
      keys.some(([only, another]) => only === name && another === undefined) ||
      foreignKeys.some((key) => key.columns.includes(name)) ||
      columns.some((column) => column.name === name && column.type === "uuid") ||
      /(^|_)id$/.test(snakeCase(name))
    );
  }

  /** Whether columns of two tables name the same thing: what both refer to, or else what both are called. */
  public refersAlike(one: Table, column: string, other: Table, named: string): boolean {
    const [target, its] = [this.targetOf(one, column), this.targetOf(other, named)];
    if (target !== undefined && its !== undefined) return target === its;
    return snakeCase(column) === snakeCase(named);
  }

  /** Whether columns of two tables are known to name different things, which may have equal numbers. */
  public refersElsewhere(one: Table, column: string, other: Table, named: string): boolean {
    const [target, its] = [this.targetOf(one, column), this.targetOf(other, named)];
    return target !== undefined && its !== undefined && target !== its;
  }

  /** The table and column whose values a column holds in the end; its own where it is a key. */
  private targetOf(table: Table, name: string, seen: readonly string[] = []): string | undefined {
    const { foreignKeys = [], keys = [] } = table;
    const isAlone = ([only, another]: readonly string[]) => only === name && another === undefined;
    const own = `${quoteName(table)} ${name}`;
    const key = foreignKeys.find(({ columns }) => isAlone(columns));
    if (!key || seen.includes(own)) return keys.some(isAlone) ? own : undefined;
    const referenced = this.table(key.table);
    const column = key.references[0] ?? primaryKey(referenced);
    const further = referenced && this.targetOf(referenced, column, [...seen, own]);
    return further ?? `${quoteName(key.table)} ${column}`;
  }

  private hasKey({ keys = [] }: Table, columns: readonly string[]): boolean {
    return keys.some((key) => key.every((column) => columns.includes(column)));
  }

  private findOwners(table: Table): readonly string[] {
    if (table.name === usersTable) return [primaryKey(table)];
    const referring = this.referring(table);
    if (referring.length > 0) return preferred(referring);
    for (const parent of table.parents ?? []) {
      const inherited = this.table(parent);
      const owners = inherited ? this.ownersOf(inherited) : [];
      if (owners.length > 0) return owners;
    }
    if (!table.columns) return ownerColumnNames;
    const names = table.columns
      .filter(({ type }) => !otherTypes.test(type))
      .map(({ name }) => name);
    for (const wanted of ownerColumnNames) {
      const found = names.filter((name) => snakeCase(name) === wanted);
      if (found.length > 0) return found;
    }
    const isChild = (table.foreignKeys ?? []).some((key) => {
      const other = this.table(key.table);
      return other && quoteName(other) !== quoteName(table) && !this.isOwnerless(other);
    });
    const lists = table.columns
      .filter(({ type }) => listTypes.includes(type))
      .map(({ name }) => name);
    return isChild
      ? []
      : comparedWithUser(table).filter((name) => [...names, ...lists].includes(name));
  }

  /** The columns with a foreign key to what is a user's key. */
  private referring({ foreignKeys = [] }: Table): string[] {
    return foreignKeys.flatMap(({ columns, table, references }) => {
      const [column, another] = columns;
      if (column === undefined || another !== undefined) return [];
      if (table.name === usersTable) {
        const key = primaryKey(this.table(table));
        return (references[0] ?? key) === key ? [column] : [];
      }
      const referenced = this.table(table);
      if (!referenced?.columns) return [];
      const target = references[0] ?? primaryKey(referenced);
      return this.ownersOf(referenced).includes(target) ? [column] : [];
    });
  }
}

function childrenOf(tables: readonly Table[]): ReadonlyMap<string, readonly Table[]> {
  const children = new Map<string, Table[]>();
  for (const child of tables) {
    for (const parent of child.parents ?? []) {
      const key = quoteName(parent);
      children.set(key, [...(children.get(key) ?? []), child]);
    }
  }
  return children;
}

/** Where several columns name a user, the contract's names say which of them owns the row. */
function preferred(columns: readonly string[]): readonly string[] {
  if (columns.length === 1) return columns;
  const [userId, ownerId, owner] = ownerColumnNames;
  const first = [userId, ownerId, owner].find((name) => name && columns.includes(name));
  return first === undefined ? columns : [first];
}

function primaryKey(table: Table | undefined): string {
  return table?.keys?.[0]?.length === 1 ? (table.keys[0][0] ?? "id") : "id";
}
