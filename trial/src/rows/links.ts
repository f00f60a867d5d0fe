import type { Contract } from "@app-data/rules";
import type { Catalog, Column, ForeignKey, Relation, Routine } from "./catalog";
import { holdsIdentity, isNumber, isText } from "./candidate-values";
import { type HintReader, clausesOf, wordsOf } from "./hints";
import { Reads } from "./reads";
import { quoteIdentifier, quoteText } from "./statements";

/** Columns of a table that together name a user or another row. */
export interface Link {
  columns: string[];
  /** Whether it names a user, and not a row. */
  isUser: boolean;
  /** The foreign key that holds it; undefined where policies alone make it a link. */
  key: ForeignKey | undefined;
  /** Where there is no foreign key: the tables whose keys policies compare it with. */
  targets: { relation: Relation; key: string }[];
}

/** Tells what the columns of each table name: foreign keys do, and what policies compare with an identity or a key. */
export class Links {
  /** Which tables decide about the rows of which. */
  public readonly reads: Reads;
  private readonly byId: ReadonlyMap<number, Relation>;
  private readonly asksWho: RegExp;
  private readonly known = new Map<number, Link[]>();
  private readonly shared = new Map<number, boolean>();
  private listed: ReadonlySet<number> | undefined;

  constructor(
    private readonly catalog: Catalog,
    private readonly contract: Contract,
    private readonly hints: HintReader,
  ) {
    this.byId = new Map(catalog.relations.map((relation) => [relation.id, relation]));
    this.asksWho = identityPattern(catalog, contract);
    this.reads = new Reads(catalog);
  }

  /** The links of a table, foreign keys first. */
  public of(relation: Relation): Link[] {
    let links = this.known.get(relation.id);
    if (!links) {
      links = [
        ...relation.foreignKeys.map((key) => ({
          columns: key.columns,
          isUser: this.namesUser(key),
          key,
          targets: [],
        })),
        ...relation.columns.flatMap((column) => this.byPolicy(relation, column)),
      ];
      this.known.set(relation.id, links);
    }
    return links;
  }

  /** The column of a table of users that is the user; undefined for any other table. */
  public usersKey({ schema, name }: Relation): string | undefined {
    return this.contract.usersTables.find((table) => table.schema === schema && table.name === name)
      ?.key;
  }

  /** Whether policies compare the column with who asks, and the clauses that do. */
  public identityClauses(relation: Relation, { name }: Column): string[] {
    // A key stands in many a clause that compares something else with who asks.
    const isKey = relation.uniques.some((columns) => columns.join() === name);
    return this.hints
      .textsOn(relation, name)
      .flatMap(isKey ? comparisonsOf : clausesOf)
      .filter(
        (clause) =>
          this.asksWho.test(clause) && COMPARISON.test(clause) && wordsOf(clause).has(name),
      );
  }

  /**
   * Whether the rows are nobody's: neither the table nor what it refers to leads to a user, and its policies
   * do not tell users apart.
   */
  public isShared(relation: Relation): boolean {
    const known = this.shared.get(relation.id);
    if (known !== undefined) return known;
    // While it is being found out, a way that comes back here leads nowhere.
    this.shared.set(relation.id, true);
    const isShared = this.findShared(relation);
    this.shared.set(relation.id, isShared);
    return isShared;
  }

  /** Whether the rows are nobody's, and no list says who belongs to which of them. */
  public isReference(relation: Relation): boolean {
    return this.isShared(relation) && !this.groups().has(relation.id);
  }

  /** The ids of tables whose rows members are listed of. */
  private groups(): ReadonlySet<number> {
    this.listed ??= new Set(
      this.catalog.relations
        .filter((list) => this.isList(list) && (this.isAsked(list) || this.tellsWho(list)))
        .flatMap((list) => this.of(list).filter(({ isUser }) => !isUser))
        .flatMap(({ key, targets }) => [key?.target, ...targets.map((one) => one.relation.id)])
        .filter((id) => id !== undefined),
    );
    return this.listed;
  }

  /** Whether the contract has the table read by all who are signed in. */
  public isListed({ schema, name }: Relation): boolean {
    return this.contract.sharedTables.some(
      (table) => table.schema === schema && table.name === name,
    );
  }

  /** Whether a foreign key of these columns leads to a table that all may read, of which rows may be named. */
  public leadsToShared(relation: Relation, columns: string): boolean {
    return relation.foreignKeys.some((key) => {
      const target = this.byId.get(key.target);
      if (key.columns.join() !== columns || !target) return false;
      return this.isListed(target) || this.isShared(target);
    });
  }

  /** Whether a unique key is made of the user column and at least one more: members, readers, invitations. */
  public isList(relation: Relation): boolean {
    const users = this.of(relation).filter(({ isUser }) => isUser);
    return relation.uniques.some(
      (columns) =>
        columns.length > 1 &&
        users.some((link) => link.columns.every((name) => columns.includes(name))),
    );
  }

  /** Whether policies, or functions that policies call, read the table. */
  public isAsked(relation: Relation): boolean {
    return (
      // A function that may write with its owner's rights, and grants a request say.
      this.ofOwner(relation).some(({ volatile }) => volatile) ||
      this.catalog.relations.some((other) => this.reads.by(other).ids.has(relation.id))
    );
  }

  /** Whether a function that runs with its owner's rights looks up who asks in the table. */
  private tellsWho(relation: Relation): boolean {
    return this.ofOwner(relation).some(({ source }) => this.asksWho.test(source));
  }

  /** The functions on a table that run with their owner's rights. */
  private ofOwner({ name }: Relation): Routine[] {
    return this.catalog.routines.filter(
      ({ securityDefiner, returns, source }) =>
        securityDefiner && returns !== "trigger" && wordsOf(source).has(name),
    );
  }

  /** A SQL expression over the row `t`: what it refers to, as JSON [{"columns", "world", "user"}, …]. */
  public refersExpression(relation: Relation): string {
    const links = this.of(relation);
    const parts = links.flatMap(({ columns, key, isUser }) => {
      const target = key && this.byId.get(key.target);
      if (!target) return [];
      const same = key.targetColumns.map(
        (name, index) =>
          `k.${quoteIdentifier(name)} = t.${quoteIdentifier(columns[index] ?? name)}`,
      );
      return [
        `select ${quoteText(columns.join())} as columns, p.world, ${String(isUser)} as of_user, ` +
          `p.relation || ' ' || p.place as at_row ` +
          `from ${target.sql} k join app_data_trial.pristine p on p.relation = k.tableoid and p.place = k.ctid ` +
          `where ${same.join(" and ")}`,
      ];
    });
    const keyed = new Set(relation.foreignKeys.flatMap(({ columns }) => columns));
    for (const column of relation.columns) {
      const isLink = links.some(({ columns }) => columns.includes(column.name));
      const isOwnKey = relation.uniques.some((unique) => unique.join() === column.name);
      if (keyed.has(column.name) || !(isLink || (column.base === "uuid" && !isOwnKey))) continue;
      const text = `t.${quoteIdentifier(column.name)}::text`;
      parts.push(
        `select ${quoteText(column.name)}, k.world, k.of_user, null from app_data_trial.key k ` +
          `where k.id in (select ${text} union select m[1] from regexp_matches(${text}, ${UUID_SQL}, 'g') m)`,
      );
    }
    if (parts.length === 0) return "'[]'::jsonb";
    return (
      `(select coalesce(jsonb_agg(jsonb_build_object('columns', l.columns, 'world', l.world, 'user', l.of_user, 'row', l.at_row)), '[]') ` +
      `from (${parts.join(" union ")}) l (columns, world, of_user, at_row) where l.world is not null)`
    );
  }

  private namesUser({ columns, target, targetColumns }: ForeignKey, depth = 0): boolean {
    const table = this.byId.get(target);
    if (!table || columns.length !== 1 || depth > 8) return false;
    const [column] = targetColumns;
    if (this.usersKey(table) === column) return true;
    const next = table.foreignKeys.find((key) => key.columns.join() === column);
    return next !== undefined && this.namesUser(next, depth + 1);
  }

  private byPolicy(relation: Relation, column: Column): Link[] {
    const { name, element, base } = column;
    const isKey = relation.foreignKeys.some(({ columns }) => columns.includes(name));
    const holds = holdsIdentity(column) || element !== null || isNumber(column) || base === "jsonb";
    if (isKey || !holds || column.generated !== "") return [];
    const isUser =
      this.usersKey(relation) === name || this.identityClauses(relation, column).length > 0;
    const targets = isUser && element === null ? [] : this.targetsOf(relation, column);
    return isUser || targets.length > 0
      ? [{ columns: [name], isUser, key: undefined, targets }]
      : [];
  }

  /** The tables with whose keys policies compare a column that has no foreign key. */
  private targetsOf(relation: Relation, column: Column): Link["targets"] {
    const isKey = relation.uniques.some((columns) => columns.join() === column.name);
    if (isKey && !isText(column)) return [];
    const texts = this.hints.textsOn(relation, column.name);
    const tables = this.catalog.relations.filter(
      ({ kind, isPartition }) => (kind === "r" || kind === "p") && !isPartition,
    );
    const ofTriggers = this.catalog.routines.filter(
      ({ id, source }) => relation.triggers.includes(id) && wordsOf(source).has(column.name),
    );
    const found = tables.flatMap((table) =>
      this.keysOf(table).flatMap(({ name, base, target, key }) => {
        if (table.id === relation.id && name === column.name) return [];
        const isInTrigger =
          column.base === "uuid" &&
          base === "uuid" &&
          ofTriggers.some(({ source }) => wordsOf(source).has(table.name));
        const isCompared = texts.some((text) => {
          if (!wordsOf(text).has(table.name)) return false;
          const names = aliasesOf(text, table.name).map((alias) => `${alias}.${name}`);
          return clausesOf(text).some((clause) => {
            const isNamed =
              names.some((one) => clause.includes(one)) ||
              new RegExp(`select\\s+${escaped(name)}\\s+from`, "i").test(clause);
            const fits = base === column.base || (isText(column) && clause.includes("::text"));
            return isNamed && fits && wordsOf(clause).has(column.name);
          });
        });
        return isCompared || isInTrigger ? [{ relation: target, key }] : [];
      }),
    );
    return found.filter(
      (one, index) =>
        found.findIndex(({ relation: other, key }) => other === one.relation && key === one.key) ===
        index,
    );
  }

  /** The columns of a table that hold a key, its own or by a foreign key that of another table. */
  private keysOf(table: Relation) {
    return table.columns.flatMap(({ name, base }) => {
      if (table.uniques.some((columns) => columns.join() === name))
        return [{ name, base, target: table, key: name }];
      const foreign = table.foreignKeys.find(({ columns }) => columns.join() === name);
      const target = foreign && this.byId.get(foreign.target);
      const key = foreign?.targetColumns[0];
      // Who it is stands in a foreign key to a user.
      if (!foreign || !target || key === undefined || this.namesUser(foreign)) return [];
      return [{ name, base, target, key }];
    });
  }

  private findShared(relation: Relation): boolean {
    if (this.usersKey(relation) !== undefined || this.of(relation).some(({ key }) => !key))
      return false;
    const above = [...relation.foreignKeys.map(({ target }) => target), ...relation.parents];
    const below = this.catalog.relations.filter(({ parents }) => parents.includes(relation.id));
    const related = above.flatMap((id) => this.byId.get(id) ?? []).concat(below);
    const isSomeones = (other: Relation) =>
      other.id !== relation.id && (!this.isShared(other) || this.groups().has(other.id));
    if (related.some(isSomeones)) return false;
    const { ids } = this.reads.by(relation);
    if (this.catalog.relations.some(({ id, kind }) => kind !== "v" && ids.has(id))) return false;
    const columns = relation.columns.map(({ name }) => name);
    return !relation.policies.some(({ using, check }) =>
      clausesOf(`${using ?? ""};${check ?? ""}`).some((clause) => {
        const words = wordsOf(clause.replace(/[\w$]+\(/g, "("));
        return this.asksWho.test(clause) && columns.some((name) => words.has(name));
      }),
    );
  }
}

/** The single comparisons of a condition: sub-queries are taken apart, but for those that only ask who it is. */
function comparisonsOf(text: string): string[] {
  const plain = text.replace(/\(\s*select\s+([^()]*\([^()]*\)[^()]*?)(?:\s+as\s+\w+)?\)/gi, "$1");
  return plain.split(/\b(?:and|or|select|from|where|join|on)\b|;/i);
}

/** A list of values compares nothing. */
const COMPARISON = /[=~?@]|<>|\b(?:in|any|like|distinct|starts_with)\b/i;
const UUID_SQL = "'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'";

/** A name as a regular expression. */
function escaped(name: string): string {
  return name.replace(/\W/g, "\\$&");
}

/** What a text calls a table: its name, and the aliases that it gives it. */
function aliasesOf(text: string, table: string): string[] {
  const found = text.matchAll(
    new RegExp(`\\b${escaped(table)}"?\\s+(?:as\\s+)?([a-z_]\\w*)`, "gi"),
  );
  return [table, ...[...found].map(([, alias = ""]) => alias)];
}

/** Matches what says who asks: functions of the contract and those that call them, settings, claims. */
function identityPattern({ routines }: Catalog, { identity, identityFunctions, claims }: Contract) {
  const names = new Set([
    ...identityFunctions.map(({ name }) => name),
    ...identity.flatMap((text) => [...text.matchAll(/([\w$]+)\(/g)].map(([, name = ""]) => name)),
    "current_setting",
  ]);
  const pattern = () =>
    new RegExp(`\\b(?:${[...names].map(escaped).join("|")})"?\\(|${escaped(claims.setting)}`);
  for (let size = 0; size < names.size;) {
    size = names.size;
    const known = pattern();
    for (const { name, source, returns } of routines)
      if (returns !== "trigger" && known.test(source)) names.add(name);
  }
  return pattern();
}
