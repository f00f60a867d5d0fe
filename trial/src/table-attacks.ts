import { sealedTables } from "@app-data/rules";
import type { Catalog, Column, Relation, Rights } from "./catalog";
import type { Fill } from "./fill";
import { wordsOf } from "./hints";
import type { Identity } from "./identities";
import type { Job, Variant } from "./job";
import type { Owners } from "./owners";
import { PEOPLE, type Person } from "./people";
import { type PrivilegeAttack, privilegeAttacks } from "./privilege-attacks";
import { ROWS_EACH, type Row } from "./row-planner";
import {
  insertStatement,
  literal,
  quoteIdentifier,
  quoteText,
  writableColumns,
} from "./statements";

/** What is tried on a table. */
export type Attack =
  "read" | "update" | "delete" | "insert" | "insert own" | "give away" | "steal" | PrivilegeAttack;

/** An attempt on a table, and the statement that shows it to readers. */
export interface TableJob extends Job {
  attack: Attack;
  relation: Relation;
  /** Whom an insert or a gift names. */
  victim: Person;
  shown: string;
}

/** Makes the attempts of identities on tables. */
export class TableAttacks {
  private readonly children: ReadonlyMap<number, Relation[]>;
  /** The ids of all tables whose rows have owners. */
  private readonly owned: readonly number[];

  constructor(
    private readonly catalog: Catalog,
    private readonly owners: Owners,
    private readonly fill: Fill,
  ) {
    const children = new Map<number, Relation[]>();
    for (const relation of catalog.relations) {
      for (const { target } of relation.foreignKeys) {
        children.set(target, [...(children.get(target) ?? []), relation]);
      }
    }
    this.children = children;
    this.owned = catalog.relations
      .filter((relation) => relation.kind === "r" && owners.of(relation))
      .map(({ id }) => id);
  }

  /** All that an identity may try on a table; what it has no right to do, PostgreSQL refuses. */
  public of(identity: Identity, relation: Relation): TableJob[] {
    const rights = relation.rights[identity.role];
    if (!rights) return [];
    const victim = PEOPLE[identity.person?.index === 1 ? 0 : 1] ?? PEOPLE[0];
    if (!victim) return [];
    const base = { identity, relation, victim, subject: relation.sql };
    const privileged = privilegeAttacks(identity, relation, rights, this.catalog).map((part) => ({
      ...base,
      ...part,
      variants: [{ statements: [part.shown] }],
    }));
    if (identity.role === "service_role" && !isSealed(relation)) return privileged;
    const writes = identity.readsOnly
      ? []
      : [
          ...this.update(identity, relation, rights, victim),
          ...this.delete(relation, rights, identity),
          ...this.insert(relation, rights, victim, identity),
          ...this.insertOwn(relation, rights, identity),
          ...this.giveAway(relation, rights, identity.person, victim),
          ...this.steal(relation, rights, identity.person, victim),
        ];
    const parts = [...this.read(identity, relation, rights), ...writes];
    return [...privileged, ...parts.map((part) => ({ ...base, ...this.measured(part, base) }))];
  }

  /** An attempt with the query that judges it. */
  private measured(
    { read, ...part }: Part,
    { identity, relation }: { identity: Identity; relation: Relation },
  ): Part & Pick<Job, "reads" | "measure"> {
    if (!this.owners.of(relation)) {
      return read === undefined ? part : { ...part, reads: [`${ROWS} ${relation.sql}`] };
    }
    const who = identity.person ? quoteText(identity.person.id) : "null";
    const leaves = this.leaves(relation);
    if (read !== undefined) {
      const measure = `select app_data_trial.seen($1, '{${leaves.join(",")}}', ${who})`;
      return { ...part, read, measure };
    }
    // What foreign keys delete along with a row went with its owner's consent.
    const reached = relation.hasEffects && part.attack !== "delete" ? this.owned : leaves;
    return { ...part, measure: `select app_data_trial.changed('{${reached.join(",")}}', ${who})` };
  }

  /** The ids of a table and of all that is partition or child of it. */
  private leaves({ id }: Relation): number[] {
    const below = this.catalog.relations.filter(({ parents }) => parents.includes(id));
    return [id, ...below.flatMap((relation) => this.leaves(relation))];
  }

  private read(identity: Identity, { sql }: Relation, rights: Rights): Part[] {
    const [first] = rights.selectColumns;
    if (!rights.select && first === undefined) return [];
    // Where rows are is told by system columns, which a right on some columns does not cover; policies
    // are the same for the whole table.
    const before = rights.select ? [] : [`grant select on ${sql} to ${identity.role}`];
    const columns = rights.select ? "*" : rights.selectColumns.map(quoteIdentifier).join(", ");
    const read = `select jsonb_agg(jsonb_build_array(tableoid::bigint, ctid::text)) from ${sql}`;
    const shown = `select ${columns} from ${sql}`;
    const part = { attack: "read" as const, read, shown, variants: [{ before }] };
    if (identity.isTrick || identity.person?.index !== 0) return [part];
    const off = "set local row_security = off";
    return [part, { ...part, shown: `${off};\n${shown}`, variants: [{ before, prelude: [off] }] }];
  }

  private update(identity: Identity, relation: Relation, rights: Rights, victim: Person): Part[] {
    const owning = this.owningColumns(relation);
    const columns = writableColumns(relation)
      .filter(({ name }) => rights.updateColumns.includes(name) && !owning.includes(name))
      .sort((left, right) => this.difficulty(relation, left) - this.difficulty(relation, right));
    const row = this.sample(relation, identity.person);
    const assignments = columns.slice(0, 2).map((column) => ({
      column,
      set: `${quoteIdentifier(column.name)} = ${literal(row[column.name] ?? null, column)}`,
    }));
    const [first] = assignments;
    if (!first) return [];
    const statement = (set: string) => `update ${relation.sql} set ${set}`;
    const name = quoteIdentifier(first.column.name);
    const readable = rights.selectColumns.includes(first.column.name);
    const variants: Variant[] = [
      ...assignments.map(({ set }) => ({ statements: [statement(set)] })),
      ...(readable ? [{ statements: [statement(`${name} = ${name}`)] }] : []),
      { before: this.without(relation, identity.person), statements: [statement(first.set)] },
    ];
    return [this.rowByRow("update", relation, statement(first.set), variants, victim)];
  }

  private delete(relation: Relation, rights: Rights, identity: Identity): Part[] {
    if (!rights.delete) return [];
    const shown = `delete from ${relation.sql}`;
    const referring = (this.children.get(relation.id) ?? [])
      .filter(({ id, kind }) => id !== relation.id && kind === "r")
      .map(({ sql }) => `select app_data_trial.clear(${quoteText(sql)}, null)`);
    const variants = [
      { statements: [shown] },
      { before: referring, statements: [shown] },
      { before: [...referring, ...this.without(relation, identity.person)], statements: [shown] },
    ];
    return [{ attack: "delete", shown, variants }];
  }

  private insert(relation: Relation, rights: Rights, victim: Person, identity: Identity): Part[] {
    const owner = this.owners.of(relation);
    const owning = owner ? this.owningColumns(relation) : [];
    if (rights.insertColumns.length === 0) return [];
    if (!owning.every((name) => rights.insertColumns.includes(name))) return [];
    const columns = writableColumns(relation)
      .filter(({ name, generated }) => generated === "" && rights.insertColumns.includes(name))
      .map(({ name }) => name);
    const isMissing = ({ name, notNull, hasDefault, generated }: Column) =>
      notNull && !hasDefault && generated === "" && !columns.includes(name);
    if (relation.columns.some(isMissing)) return [];
    // Several kinds of rows, since a policy may look at more than the owner.
    const kinds = identity.person ? undefined : 1;
    const rows = (this.fill.of(relation).spare[victim.index] ?? []).slice(0, kinds);
    const before = owner ? this.without(relation, victim) : [];
    return rows.map((row) => {
      const shown = insertStatement(relation, row, columns);
      return {
        attack: "insert",
        shown,
        variants: [{ statements: [shown] }, { before, statements: [shown] }],
      };
    });
  }

  /** A row of one's own, where that has effects on other tables. */
  private insertOwn(relation: Relation, rights: Rights, { person }: Identity): Part[] {
    const row = person && this.fill.of(relation).spare[person.index]?.[0];
    if (!row || !relation.hasEffects || rights.insertColumns.length === 0) return [];
    const shown = insertStatement(relation, row, rights.insertColumns);
    const before = this.without(relation, person);
    const variants = [{ statements: [shown] }, { before, statements: [shown] }];
    return [{ attack: "insert own", shown, variants }];
  }

  private giveAway(
    relation: Relation,
    rights: Rights,
    person: Person | null,
    victim: Person,
  ): Part[] {
    const shown = person && this.assignment(relation, rights, victim);
    if (shown === null || shown === undefined) return [];
    const variants = [
      { statements: [shown] },
      { before: this.without(relation, victim), statements: [shown] },
    ];
    return [this.rowByRow("give away", relation, shown, variants, person)];
  }

  private steal(relation: Relation, rights: Rights, person: Person | null, victim: Person): Part[] {
    const shown = person && this.assignment(relation, rights, person);
    if (shown === null || shown === undefined) return [];
    const variants = [
      { statements: [shown] },
      { before: this.without(relation, person), statements: [shown] },
    ];
    return [this.rowByRow("steal", relation, shown, variants, victim)];
  }

  /** Makes rows somebody's: all that the policies let the statement reach. */
  private assignment(relation: Relation, rights: Rights, to: Person): string | undefined {
    const row = this.fill.of(relation).rows[to.index]?.[0];
    const owning = this.owningColumns(relation);
    const columns = writableColumns(relation).filter(
      ({ name }) => owning.includes(name) && rights.updateColumns.includes(name),
    );
    if (!row || columns.length === 0) return undefined;
    const set = columns.map(
      (column) => `${quoteIdentifier(column.name)} = ${literal(row[column.name] ?? null, column)}`,
    );
    return `update ${relation.sql} set ${set.join(", ")}`;
  }

  /**
   * One statement changes all rows or none. Where the policies look at more than the owner, it is tried
   * on each row of a person alone, too.
   */
  private rowByRow(
    attack: Attack,
    relation: Relation,
    shown: string,
    variants: Variant[],
    person: Person | null,
  ): Part {
    const owning = this.owningColumns(relation);
    const others = relation.columns.filter(({ name }) => !owning.includes(name));
    const looksAtMore = relation.policies.some(({ using, check }) =>
      others.some(({ name }) => mentionsOwn(`${using ?? ""} ${check ?? ""}`, relation, name)),
    );
    if (!person || !looksAtMore || owning.length === 0) return { attack, shown, variants };
    const target = `${quoteText(relation.sql)}, '{${this.leaves(relation).join(",")}}'`;
    const single = Array.from({ length: ROWS_EACH }, (_, place) => ({
      before: [`select app_data_trial.leave(${target}, ${quoteText(person.id)}, ${place})`],
      statements: [shown],
    }));
    return { attack, shown, variants: [...variants, ...single], rowByRow: true };
  }

  /** The columns that say whose a row is. */
  public owningColumns(relation: Relation): string[] {
    const owner = this.owners.of(relation);
    if (!owner) return [];
    if (owner.columns.length > 0) return owner.columns;
    const parents = owner.parents.flatMap(({ columns }) => columns);
    return parents.length > 0 ? parents : owner.groups.flatMap(({ link }) => link.columns);
  }

  /** Statements that take a person's rows out of the way of unique constraints. */
  private without(relation: Relation, person: Person | null): string[] {
    if (!person || !this.owners.of(relation)) return [];
    return [`select app_data_trial.clear(${quoteText(relation.sql)}, ${quoteText(person.id)})`];
  }

  private sample(relation: Relation, person: Person | null): Row {
    const { spare } = this.fill.of(relation);
    return spare[person?.index ?? 0]?.[0] ?? {};
  }

  /** How likely a constraint is to stop a change of the column that the policies would let through. */
  private difficulty(
    { uniques, checks, foreignKeys }: Relation,
    { name, generated }: Column,
  ): number {
    const isIn = (sets: readonly string[][]) => sets.some((set) => set.includes(name));
    return (
      (isIn(uniques) ? 4 : 0) +
      (generated === "" ? 0 : 8) +
      (isIn(foreignKeys.map(({ columns }) => columns)) ? 2 : 0) +
      (isIn(checks.map(({ columns }) => columns)) ? 1 : 0)
    );
  }
}

/** One element for each row that is visible. */
const ROWS = "select jsonb_agg(1) from";

/** Whether a policy looks at a column of its own table, as PostgreSQL writes it: those of others have a prefix. */
function mentionsOwn(policy: string, { name }: Relation, column: string): boolean {
  return (
    wordsOf(policy).has(column) &&
    policy.match(OWN_COLUMN)?.some((found) => found === column || found === `${name}.${column}`) ===
      true
  );
}

const OWN_COLUMN = /(?<![\w$.])[\w$]+(?:\.[\w$]+)?/g;

/** Whether no role at all may reach others' rows, the back office included. */
function isSealed({ schema, name }: Relation): boolean {
  return sealedTables.some((table) => table.schema === schema && table.name === name);
}

type Part = Pick<TableJob, "attack" | "shown" | "variants" | "read" | "rowByRow">;
