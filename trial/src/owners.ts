import {
  constantText,
  functionCalls,
  ownerColumnNames,
  parseExpression,
  tenantNames,
  usersTable,
} from "@app-data/rules";
import type { Catalog, Column, ForeignKey, Relation } from "./catalog";
import { holdsIdentity } from "./candidate-values";
import { wordsOf } from "./hints";
import { quoteIdentifier } from "./statements";

/** How a row's owners are found: all of what is named here together. */
export interface Owner {
  /** Columns that hold a user. */
  columns: string[];
  /** Array columns that hold users, whom policies let in. */
  lists: string[];
  /** Columns of other users, whom policies let in beside the owner. */
  guests: string[];
  /** Foreign keys to the rows that own the row; none where it has columns. */
  parents: ForeignKey[];
  /** Tables that list who belongs to the row, or to its group, when policies read them. */
  groups: Membership[];
}

/** A table that lists users beside what they belong to: members of a team, readers of a document. */
export interface Membership {
  members: Relation;
  /** The column of the user. */
  person: string;
  link: Link;
}

/** How a row leads to its group: its own columns, and those of the membership table. */
export interface Link {
  columns: string[];
  memberColumns: string[];
}

/** The names of owners that are believed where several columns refer to users. */
const SUREST_NAMES = ownerColumnNames.slice(0, 3);
const USERS = new RegExp(`^(?:app_)?${usersTable.replace(/s$/, "s?")}$`);
const DEEPEST_PATH = 8;

/** Tells whose the rows of each table are. */
export class Owners {
  private readonly known = new Map<number, Owner | undefined>();
  private readonly byId: Map<number, Relation>;
  private readonly mentions = new Map<number, string>();
  private readonly equated = new Map<number, string[]>();

  constructor(private readonly catalog: Catalog) {
    this.byId = new Map(catalog.relations.map((relation) => [relation.id, relation]));
  }

  /** Undefined for a table without a path to a user. */
  public of(relation: Relation): Owner | undefined {
    if (!this.known.has(relation.id)) {
      // While it is being found out, a path that comes back here leads nowhere.
      this.known.set(relation.id, undefined);
      this.known.set(relation.id, this.find(relation));
    }
    return this.known.get(relation.id);
  }

  /** Whether rows that a table shows have owners: its own, or those of its children. */
  public hasRowsOf(relation: Relation): boolean {
    return (
      this.of(relation) !== undefined ||
      this.catalog.relations.some(
        (child) => child.parents.includes(relation.id) && this.hasRowsOf(child),
      )
    );
  }

  /**
   * A SQL expression of type text[]: the owners of the row `alias`.
   * @param guests whom a second column lets in are among them.
   */
  public expression(relation: Relation, guests = true, alias = "t", depth = 0): string {
    const owner = this.of(relation);
    if (!owner || depth > DEEPEST_PATH) return "'{}'::text[]";
    const column = (name: string, of = alias) => `${of}.${quoteIdentifier(name)}`;
    const inner = `${alias}${depth + 1}`;
    const same = (own: readonly string[], theirs: readonly string[]) =>
      theirs
        .map((name, index) => `${column(name, inner)} = ${column(own[index] ?? name)}`)
        .join(" and ");
    const direct = owner.columns.map((name) => `${column(name)}::text`).join(", ");
    const paths = [
      ...(direct === "" ? [] : [`array[${direct}]`]),
      ...(guests || direct === "" ? owner.lists : []).map((name) => `${column(name)}::text[]`),
      ...(guests ? owner.guests : []).map((name) => `array[${column(name)}::text]`),
      ...owner.parents.flatMap(({ columns, target, targetColumns }) => {
        const parent = this.byId.get(target);
        if (!parent) return [];
        const owners = this.expression(parent, guests, inner, depth + 1);
        return [
          `(select ${owners} from ${parent.sql} ${inner} where ${same(columns, targetColumns)})`,
        ];
      }),
      ...owner.groups.map(
        ({ members, person, link }) =>
          `(select array_agg(${column(person, inner)}::text) from ${members.sql} ${inner} ` +
          `where ${same(link.columns, link.memberColumns)})`,
      ),
    ];
    return paths.length === 1
      ? (paths[0] ?? "")
      : `(${paths.map((path) => `coalesce(${path}, '{}')`).join(" || ")})`;
  }

  /** What the policies of a table say, with the bodies of the functions that they call. */
  public policyText(relation: Relation): string {
    const known = this.mentions.get(relation.id);
    if (known !== undefined) return known;
    const policies = relation.policies.flatMap(({ using, check }) => [using ?? "", check ?? ""]);
    const text = withFunctionBodies(policies.join("\n"), this.catalog);
    this.mentions.set(relation.id, text);
    return text;
  }

  /** Whether a user's id in the column lets that user in, although the column owns nothing. */
  public admits(relation: Relation, { name }: Column): boolean {
    return (
      !this.of(relation)?.columns.includes(name) && this.equatedColumns(relation).includes(name)
    );
  }

  /**
   * Whether a foreign key holds a row to parents of the user whom the policies let write it: it goes from
   * the column that they compare with the user to the owner's column of the parent.
   */
  public holdsToOwner(relation: Relation, { columns, target, targetColumns }: ForeignKey): boolean {
    const parent = this.byId.get(target);
    const owners = (parent && this.of(parent)?.columns) ?? [];
    const equated = this.equatedColumns(relation);
    return (
      columns.length > 1 &&
      columns.some(
        (name, index) => equated.includes(name) && owners.includes(targetColumns[index] ?? ""),
      )
    );
  }

  private find(relation: Relation): Owner | undefined {
    const parent = relation.parents.map((id) => this.byId.get(id)).find((one) => one !== undefined);
    const inherited = parent && this.of(parent);
    if (inherited) return inherited;

    const equated = this.equatedColumns(relation);
    const identities = this.namesOf(relation, holdsIdentity).filter((name) =>
      equated.includes(name),
    );
    const root = this.rootColumn(relation, identities);
    const owners = root === undefined ? this.directColumns(relation) : [root];
    // What a verified claim opens to a tenant is the tenant's, whoever of it owns the row.
    const tenants = owners.some((name) => identities.includes(name))
      ? []
      : identities.filter((name) => tenantNames.includes(name));
    const direct = tenants.length > 0 ? tenants : owners;
    const groups = this.groupsOf(relation);
    const lists = this.namesOf(relation, ({ element }) => element !== null).filter((name) =>
      equated.includes(name),
    );
    const guests = owners.some((name) => identities.includes(name))
      ? identities.filter((name) => !direct.includes(name) && this.refersToUsers(relation, name))
      : [];
    const more = { lists, guests, groups };
    // Whoever made what a group shares does not own it, unless a policy says so.
    const isShared = groups.length > 0 && !direct.some((name) => identities.includes(name));
    if (direct.length > 0 && !isShared) return { columns: direct, parents: [], ...more };
    const parents = relation.foreignKeys.filter(({ target }) => {
      const owner = target === relation.id ? undefined : this.byId.get(target);
      return owner && !(isShared && this.isUsers(owner)) && this.of(owner) !== undefined;
    });
    if (parents.length > 0) return { columns: [], parents, ...more };
    if (groups.length > 0) return { columns: [], parents: [], ...more };
    return identities.length > 0
      ? { columns: identities.slice(0, 1), parents: [], ...more }
      : undefined;
  }

  private namesOf({ columns }: Relation, holds: (column: Column) => boolean): string[] {
    return columns.filter(holds).map(({ name }) => name);
  }

  /** Whether the table is that of the users themselves. */
  public isUsers({ name }: Relation): boolean {
    return USERS.test(name);
  }

  private refersToUsers({ foreignKeys }: Relation, name: string): boolean {
    return foreignKeys.some(({ columns, target }) => {
      const referenced = this.byId.get(target);
      return columns.join() === name && referenced !== undefined && this.isUsers(referenced);
    });
  }

  /** The column of the users table that is the user. */
  private rootColumn(relation: Relation, equated: readonly string[]): string | undefined {
    if (!this.isUsers(relation)) return undefined;
    const keys = relation.uniques.filter(({ length }) => length === 1).flat();
    const usable = relation.columns
      .filter((column) => keys.includes(column.name) && holdsIdentity(column) && column.notNull)
      .map(({ name }) => name);
    const key = usable.find((name) => name === "id") ?? usable[0];
    return usable.find((name) => equated.includes(name) && name !== "email") ?? key;
  }

  private directColumns(relation: Relation): string[] {
    const referring = relation.foreignKeys.flatMap(({ columns, target, targetColumns }) => {
      const owner = target === relation.id ? undefined : this.byId.get(target);
      const path = owner && this.of(owner);
      const isUser = path?.columns.length === 1 && targetColumns[0] === path.columns[0];
      return isUser && columns.length === 1 ? columns : [];
    });
    const first = SUREST_NAMES.find((name) => referring.includes(name));
    if (first !== undefined) return [first];
    if (referring.length > 0) return [...new Set(referring)];
    const typed = this.namesOf(relation, holdsIdentity);
    const named = ownerColumnNames.find(
      (name) =>
        typed.includes(name) && !relation.foreignKeys.some(({ columns }) => columns.includes(name)),
    );
    return named === undefined ? [] : [named];
  }

  /**
   * The membership tables that the policies read: each has a user, and refers to this table or to a
   * group that this table refers to, too.
   */
  private groupsOf(relation: Relation): Membership[] {
    return this.catalog.relations.flatMap((members): Membership[] => {
      // A membership refers to a user and to a group; anything that refers to one thing alone is none.
      if (members.kind !== "r" || members.foreignKeys.length < 2) return [];
      if (!this.reads(relation, members)) return [];
      const person = this.directColumns(members)[0];
      if (person === undefined) return [];
      return members.foreignKeys.flatMap(({ columns, target, targetColumns }) => {
        const group = this.byId.get(target);
        if (columns.includes(person) || !group || this.isUsers(group)) return [];
        if (group.id === relation.id) {
          const link = { columns: targetColumns, memberColumns: columns };
          return [{ members, person, link }];
        }
        return relation.foreignKeys
          .filter((key) => key.target === target)
          .map((key) => ({
            members,
            person,
            link: { columns: key.columns, memberColumns: columns },
          }));
      });
    });
  }

  private reads(relation: Relation, other: Relation): boolean {
    return wordsOf(this.policyText(relation)).has(other.name);
  }

  /** Columns that the policies compare with who makes the request. */
  private equatedColumns(relation: Relation): string[] {
    const known = this.equated.get(relation.id);
    if (known) return known;
    const texts = relation.policies.flatMap(({ using, check }) => [using ?? "", check ?? ""]);
    const found = [...new Set(texts)].flatMap((text) =>
      text === ""
        ? []
        : comparedWithIdentity(parseExpression(text), (node) => this.isIdentity(node)),
    );
    const equated = [...new Set(found)];
    this.equated.set(relation.id, equated);
    return equated;
  }

  private isIdentity(node: unknown): boolean {
    return functionCalls(node).some(({ name, args }) => {
      if (name === "uid") return true;
      if (name === "current_setting")
        return constantText(args[0])?.startsWith("request.jwt") ?? false;
      return this.catalog.routines.some(
        (routine) => routine.name === name && routine.source.includes("request.jwt"),
      );
    });
  }
}

/** A text with the bodies of the functions that it names, and of those that these name. */
export function withFunctionBodies(text: string, { routines }: Catalog): string {
  const added = new Set<number>();
  let whole = text;
  for (let grew = true; grew;) {
    grew = false;
    for (const { id, name, source } of routines) {
      if (added.has(id) || !new RegExp(`\\b${name.replace(/\W/g, "\\$&")}\\(`).test(whole))
        continue;
      added.add(id);
      whole += `\n${source}`;
      grew = true;
    }
  }
  return whole;
}

/** Columns that stand beside an identity in an equation, outside sub-selects. */
function comparedWithIdentity(tree: unknown, isIdentity: (node: unknown) => boolean): string[] {
  if (Array.isArray(tree)) return tree.flatMap((node) => comparedWithIdentity(node, isIdentity));
  if (typeof tree !== "object" || tree === null || "SubLink" in tree) return [];
  if ("A_Expr" in tree && typeof tree.A_Expr === "object" && tree.A_Expr !== null) {
    const { lexpr, rexpr }: { lexpr?: unknown; rexpr?: unknown } = tree.A_Expr;
    for (const [one, other] of [
      [lexpr, rexpr],
      [rexpr, lexpr],
    ]) {
      const column = columnName(one);
      if (column !== undefined && isIdentity(other)) return [column];
    }
  }
  return Object.values(tree).flatMap((node: unknown) => comparedWithIdentity(node, isIdentity));
}

function columnName(node: unknown): string | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  if ("TypeCast" in node && typeof node.TypeCast === "object" && node.TypeCast !== null) {
    return "arg" in node.TypeCast ? columnName(node.TypeCast.arg) : undefined;
  }
  if (!("ColumnRef" in node)) return undefined;
  return /"sval":"([^"]*)"\}\}\](?:,"location":\d+)?\}$/.exec(JSON.stringify(node.ColumnRef))?.[1];
}
