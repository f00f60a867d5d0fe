import { sealedTables } from "@app-data/rules";
import type { Catalog, Column, Relation, Rights } from "./catalog";
import type { Value } from "./candidate-values";
import { Denials } from "./denials";
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
  private readonly denials: Denials;
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
    this.denials = new Denials(catalog);
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
          ...this.insertOwn(relation, rights, identity, victim),
          ...this.giveAway(relation, rights, identity.person, victim),
          ...this.steal(relation, rights, identity.person, victim),
        ];
    const parts = [...this.read(identity, relation, rights), ...writes].flatMap((part) =>
      this.undenied(part, identity, relation),
    );
    return [...privileged, ...parts.map((part) => ({ ...base, ...this.measured(part, base) }))];
  }

  /** An attempt; and the same of a user whom the rows of no other table shut out. */
  private undenied(part: Part, { person, isTrick }: Identity, relation: Relation): Part[] {
    const denying = person && !isTrick ? this.denials.of(relation) : [];
    if (denying.length === 0) return [part];
    const clear = denying.map(({ sql }) => `select app_data_trial.clear(${quoteText(sql)}, null)`);
    const variants = part.variants.map(({ before = [], ...variant }) => ({
      ...variant,
      before: [...clear, ...before],
    }));
    return [part, { ...part, variants }];
  }

  /** An attempt with the query that judges it. */
  private measured(
    { read, ...part }: Part,
    { identity, relation }: { identity: Identity; relation: Relation },
  ): Part & Pick<Job, "reads" | "measure"> {
    if (!this.owners.hasRowsOf(relation)) {
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
    const strictly = part.attack !== "update" && part.attack !== "insert own";
    const measured = `'{${reached.join(",")}}', ${who}, ${String(strictly)}`;
    return { ...part, measure: `select app_data_trial.changed(${measured})` };
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

  /** A row of one's own, where that has effects on other tables; one that points to others' rows, too. */
  private insertOwn(
    relation: Relation,
    rights: Rights,
    { person }: Identity,
    victim: Person,
  ): Part[] {
    const row = person && this.fill.of(relation).spare[person.index]?.[0];
    if (!row || !relation.hasEffects || rights.insertColumns.length === 0) return [];
    const pointing = { ...row, ...this.keysOf(victim, relation) };
    const before = this.without(relation, person);
    return [row, pointing].map((one) => {
      const shown = insertStatement(relation, one, rights.insertColumns);
      const variants = [{ statements: [shown] }, { before, statements: [shown] }];
      return { attack: "insert own", shown, variants };
    });
  }

  /** Keys of a person's rows, for the columns that by name or foreign key point to their tables. */
  private keysOf(person: Person, relation: Relation): Row {
    const owning = this.owningColumns(relation);
    const targets = this.catalog.relations.filter(
      ({ id, kind }) => id !== relation.id && kind === "r",
    );
    const pairs = relation.columns.flatMap(({ name }): [string, Value][] => {
      if (owning.includes(name) || !name.endsWith("_id")) return [];
      const target = targets.find((one) => singular(one.name) === name.replace(/_id$/, ""));
      const key = target && this.fill.of(target).rows[person.index]?.[0]?.["id"];
      return key === undefined ? [] : [[name, key]];
    });
    return Object.fromEntries(pairs);
  }

  private giveAway(
    relation: Relation,
    rights: Rights,
    person: Person | null,
    victim: Person,
  ): Part[] {
    return person ? this.move("give away", relation, rights, victim, victim, person) : [];
  }

  private steal(relation: Relation, rights: Rights, person: Person | null, victim: Person): Part[] {
    return person ? this.move("steal", relation, rights, person, person, victim) : [];
  }

  /**
   * Makes rows somebody's: all that the policies let the statement reach.
   * @param cleared whose rows are in the way.
   * @param from whose rows are tried one by one.
   */
  private move(
    attack: Attack,
    relation: Relation,
    rights: Rights,
    to: Person,
    cleared: Person,
    from: Person,
  ): Part[] {
    const row = this.fill.of(relation).rows[to.index]?.[0];
    const owning = this.owningColumns(relation);
    const writable = writableColumns(relation).filter(({ name }) =>
      rights.updateColumns.includes(name),
    );
    const columns = writable.filter(({ name }) => owning.includes(name));
    if (!row || columns.length === 0) return [];
    const assign = (some: readonly Column[]) =>
      `update ${relation.sql} set ${some
        .map(
          (column) =>
            `${quoteIdentifier(column.name)} = ${literal(row[column.name] ?? null, column)}`,
        )
        .join(", ")}`;
    // A check may ask for something else, which the first row of everybody has.
    const asked = writable.filter(
      ({ name }) => !owning.includes(name) && policiesLookAt(relation, name),
    );
    const shown = assign(columns);
    const statements = [...(asked.length > 0 ? [assign([...columns, ...asked])] : []), shown];
    const before = this.without(relation, cleared);
    return statements.map((statement) =>
      this.rowByRow(
        attack,
        relation,
        statement,
        [{ statements: [statement] }, { before, statements: [statement] }],
        from,
      ),
    );
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
    const looksAtMore = relation.columns.some(
      ({ name }) => !owning.includes(name) && policiesLookAt(relation, name),
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

function singular(name: string): string {
  return name.replace(/ies$/, "y").replace(/s$/, "");
}

/** Whether policies look at a column of their own table, as PostgreSQL writes it: those of others have a prefix. */
function policiesLookAt({ name, policies }: Relation, column: string): boolean {
  return policies
    .flatMap(({ using, check }) => [using ?? "", check ?? ""])
    .some(
      (text) =>
        wordsOf(text).has(column) &&
        (text.match(OWN_COLUMN) ?? []).some((found) =>
          [column, `${name}.${column}`].includes(found),
        ),
    );
}

const OWN_COLUMN = /(?<![\w$.])[\w$]+(?:\.[\w$]+)?/g;

/** Whether no role at all may reach others' rows, the back office included. */
function isSealed({ schema, name }: Relation): boolean {
  return sealedTables.some((table) => table.schema === schema && table.name === name);
}

type Part = Pick<TableJob, "attack" | "shown" | "variants" | "read" | "rowByRow">;
