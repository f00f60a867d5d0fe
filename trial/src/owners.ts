import { functionCalls, parseExpression, constantText } from "@app-data/rules";
import type { Catalog, ForeignKey, Relation } from "./catalog";
import { holdsIdentity } from "./candidate-values";
import { quoteIdentifier } from "./statements";

/** How a row's owners are found: in its columns, in its parents, or among the members of its group. */
export type Owner =
  | { by: "columns"; columns: string[] }
  | { by: "parents"; keys: ForeignKey[] }
  | { by: "members"; members: Relation; person: string; link: Link };

/** How a row leads to its group: its own columns, and those of the membership table. */
export interface Link {
  columns: string[];
  memberColumns: string[];
}

/** Owning columns by their names, the surest first; the first that a table has is its owner alone. */
const OWNER_NAMES = ["user_id", "owner_id", "owner", "account_id", "profile_id", "customer_id"];
const OTHER_OWNER_NAMES = ["author_id", "created_by", "creator_id", "member_id", "auth_id", "uid"];

/** Tells whose the rows of each table are. */
export class Owners {
  private readonly known = new Map<number, Owner | undefined>();
  private readonly byId: Map<number, Relation>;
  private readonly mentions = new Map<number, string>();
  private readonly words = new Map<number, ReadonlySet<string>>();

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

  /** A SQL expression of type text[]: the owners of the row `alias`. */
  public expression(relation: Relation, alias = "t", depth = 0): string {
    const owner = this.of(relation);
    if (!owner || depth > 8) return "'{}'::text[]";
    const column = (name: string, of = alias) => `${of}.${quoteIdentifier(name)}`;
    if (owner.by === "columns") {
      return `array[${owner.columns.map((name) => `${column(name)}::text`).join(", ")}]`;
    }
    const inner = `${alias}${depth + 1}`;
    if (owner.by === "members") {
      const { members, person, link } = owner;
      const same = pairs(link.columns, link.memberColumns)
        .map(([own, theirs]) => `${column(theirs, inner)} = ${column(own)}`)
        .join(" and ");
      return `(select array_agg(${column(person, inner)}::text) from ${members.sql} ${inner} where ${same})`;
    }
    const paths = owner.keys.map((key) => {
      const parent = this.byId.get(key.target);
      if (!parent) return "'{}'::text[]";
      const same = pairs(key.columns, key.targetColumns)
        .map(([own, theirs]) => `${column(theirs, inner)} = ${column(own)}`)
        .join(" and ");
      return `(select ${this.expression(parent, inner, depth + 1)} from ${parent.sql} ${inner} where ${same})`;
    });
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

  private find(relation: Relation): Owner | undefined {
    const parent = relation.parents.map((id) => this.byId.get(id)).find((one) => one !== undefined);
    const inherited = parent && this.of(parent);
    if (inherited) return inherited;

    const equated = this.equatedColumns(relation);
    const root = this.rootColumn(relation, equated);
    if (root) return { by: "columns", columns: [root] };

    const direct = this.directColumns(relation);
    const members = this.membersOf(relation);
    if (direct.length > 0 && (!members || direct.some((name) => equated.includes(name)))) {
      return { by: "columns", columns: direct };
    }
    const keys = relation.foreignKeys.filter(({ target }) => {
      const owner = target === relation.id ? undefined : this.byId.get(target);
      return owner && this.of(owner) !== undefined;
    });
    if (keys.length > 0) return { by: "parents", keys };
    if (members) return members;
    return equated.length > 0 ? { by: "columns", columns: equated.slice(0, 1) } : undefined;
  }

  /** The column of the users table that is the user. */
  private rootColumn(relation: Relation, equated: readonly string[]): string | undefined {
    if (!/^(?:app_)?users?$/.test(relation.name)) return undefined;
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
      const isUser = path?.by === "columns" && path.columns.length === 1;
      return isUser && columns.length === 1 && targetColumns[0] === path.columns[0] ? columns : [];
    });
    const typed = relation.columns.filter(holdsIdentity).map(({ name }) => name);
    const first = OWNER_NAMES.find((name) => referring.includes(name));
    const named = [...OWNER_NAMES, ...OTHER_OWNER_NAMES].find(
      (name) => typed.includes(name) && !this.pointsElsewhere(relation, name, referring),
    );
    if (first) return [first];
    if (referring.length > 0) return [...new Set(referring)];
    return named ? [named] : [];
  }

  private pointsElsewhere({ foreignKeys }: Relation, column: string, referring: string[]): boolean {
    return (
      !referring.includes(column) && foreignKeys.some(({ columns }) => columns.includes(column))
    );
  }

  /**
   * A membership table that the policies read: it has a user and refers to the group that this row
   * belongs to, or is.
   */
  private membersOf(relation: Relation): Owner | undefined {
    // A membership refers to a user and to a group; anything that refers to one thing alone is none.
    for (const members of this.catalog.relations) {
      if (members.kind !== "r" || members.foreignKeys.length < 2) continue;
      const person = this.directColumns(members)[0];
      if (!person || !this.isRead(members)) continue;
      for (const { columns, target, targetColumns } of members.foreignKeys) {
        const group = this.byId.get(target);
        if (columns.includes(person) || !group || this.directColumns(group).length > 0) continue;
        if (/^(?:app_)?users?$/.test(group.name)) continue;
        if (group.id === relation.id) {
          if (!this.reads(relation, members)) continue;
          return {
            by: "members",
            members,
            person,
            link: { columns: targetColumns, memberColumns: columns },
          };
        }
        const toGroup = relation.foreignKeys.find((key) => key.target === target);
        if (!toGroup || (members.id !== relation.id && !this.reads(relation, members))) continue;
        if (members.id === relation.id && !this.reads(group, members)) continue;
        const link = { columns: toGroup.columns, memberColumns: columns };
        return { by: "members", members, person, link };
      }
    }
    return undefined;
  }

  private isRead(members: Relation): boolean {
    return this.catalog.relations.some(
      (relation) => relation.id !== members.id && this.reads(relation, members),
    );
  }

  private reads(relation: Relation, other: Relation): boolean {
    let words = this.words.get(relation.id);
    if (!words) {
      words = new Set(this.policyText(relation).match(/[\w$]+/g));
      this.words.set(relation.id, words);
    }
    return words.has(other.name);
  }

  /** Columns that the policies compare with who makes the request. */
  private equatedColumns(relation: Relation): string[] {
    const typed = relation.columns.filter(holdsIdentity).map(({ name }) => name);
    const texts = relation.policies.flatMap(({ using, check }) => [using, check]);
    const found = texts.flatMap((text) =>
      text === null
        ? []
        : comparedWithIdentity(parseExpression(text), (node) => this.isIdentity(node)),
    );
    return [...new Set(found)].filter((name) => typed.includes(name));
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

function pairs(left: readonly string[], right: readonly string[]): [string, string][] {
  return left.map((name, index) => [name, right[index] ?? name]);
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
