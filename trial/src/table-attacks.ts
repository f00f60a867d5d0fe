import type { Catalog, Column, Relation, Rights } from "./catalog";
import type { Fill } from "./fill";
import type { Identity } from "./identities";
import type { Job, Variant } from "./job";
import type { Owners } from "./owners";
import { PEOPLE, type Person } from "./people";
import type { Row } from "./row-planner";
import {
  insertStatement,
  literal,
  quoteIdentifier,
  quoteText,
  writableColumns,
} from "./statements";

/** What is tried on a table. */
export type Attack =
  | "read"
  | "update"
  | "delete"
  | "insert"
  | "give away"
  | "steal"
  | "truncate"
  | "trigger"
  | "reference";

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
  }

  /** All that an identity may try on a table; what it has no right to do, PostgreSQL refuses. */
  public of(identity: Identity, relation: Relation): TableJob[] {
    const rights = relation.rights[identity.role];
    if (!rights) return [];
    const victim = PEOPLE[identity.person?.index === 1 ? 0 : 1] ?? PEOPLE[0];
    if (!victim) return [];
    const base = { identity, relation, victim };
    const ddl = this.privileged(identity, relation, rights).map((job) => ({ ...base, ...job }));
    if (identity.role === "service_role") return ddl;
    const writes = identity.readsOnly
      ? []
      : [
          ...this.update(identity, relation, rights),
          ...this.delete(relation, rights, identity),
          ...this.insert(relation, rights, victim, identity),
          ...this.move("give away", relation, rights, identity.person && victim, victim),
          ...this.move("steal", relation, rights, identity.person, identity.person),
        ];
    const jobs = [...this.read(identity, relation, rights), ...writes];
    const measured = this.owners.of(relation) !== undefined;
    const who = identity.person ? quoteText(identity.person.id) : "null";
    const leaves = this.leaves(relation).join(",");
    return [
      ...ddl,
      ...jobs.map(({ read, ...job }) => {
        const part = { ...base, ...job };
        if (!measured)
          return read === undefined ? part : { ...part, reads: [`${ROWS} ${relation.sql}`] };
        if (read !== undefined)
          return {
            ...part,
            read,
            measure: `select app_data_trial.seen($1, '{${leaves}}', ${who})`,
          };
        return { ...part, measure: `select app_data_trial.changed('{${leaves}}', ${who})` };
      }),
    ];
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

  private update(identity: Identity, relation: Relation, rights: Rights): Part[] {
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
    return [{ attack: "update", shown: statement(first.set), variants }];
  }

  private delete(relation: Relation, rights: Rights, identity: Identity): Part[] {
    if (!rights.delete) return [];
    const shown = `delete from ${relation.sql}`;
    const referring = (this.children.get(relation.id) ?? [])
      .filter(({ id, kind }) => id !== relation.id && kind === "r")
      .map(({ sql }) => `delete from ${sql}`);
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

  /** Makes rows somebody's: all that the policies let the statement reach. */
  private move(
    attack: "give away" | "steal",
    relation: Relation,
    rights: Rights,
    to: Person | null,
    cleared: Person | null,
  ): Part[] {
    const row = to && this.fill.of(relation).rows[to.index]?.[0];
    const columns = writableColumns(relation).filter(
      ({ name }) =>
        this.owningColumns(relation).includes(name) && rights.updateColumns.includes(name),
    );
    if (!row || columns.length === 0) return [];
    const set = columns.map(
      (column) => `${quoteIdentifier(column.name)} = ${literal(row[column.name] ?? null, column)}`,
    );
    const shown = `update ${relation.sql} set ${set.join(", ")}`;
    const before = this.without(relation, cleared);
    return [
      { attack, shown, variants: [{ statements: [shown] }, { before, statements: [shown] }] },
    ];
  }

  private privileged(
    identity: Identity,
    { sql, kind, uniques, columns }: Relation,
    rights: Rights,
  ): Part[] {
    if (identity.isTrick || identity.readsOnly || kind === "f") return [];
    const one = (attack: Attack, shown: string): Part => ({
      attack,
      shown,
      variants: [{ statements: [shown] }],
    });
    const role = this.catalog.roles.find(({ name }) => name === identity.role);
    const schema = role?.creatableSchemas[0];
    const key = columns.find(({ name }) => uniques.some((unique) => unique.join() === name));
    return [
      ...(rights.truncate ? [one("truncate", `truncate ${sql}`)] : []),
      ...(rights.trigger
        ? [
            one(
              "trigger",
              `create trigger app_data_trial before update on ${sql} for each row ` +
                "execute function suppress_redundant_updates_trigger()",
            ),
          ]
        : []),
      ...(rights.references && schema !== undefined && key
        ? [
            one(
              "reference",
              `create table ${schema}.app_data_trial (probe ${key.type} references ${sql} (${quoteIdentifier(key.name)}))`,
            ),
          ]
        : []),
    ];
  }

  /** The columns that say whose a row is. */
  public owningColumns(relation: Relation): string[] {
    const owner = this.owners.of(relation);
    if (!owner) return [];
    if (owner.by === "columns") return owner.columns;
    if (owner.by === "members") return owner.link.columns;
    return owner.keys.flatMap(({ columns }) => columns);
  }

  /** Statements that take a person's rows out of the way of unique constraints. */
  private without(relation: Relation, person: Person | null): string[] {
    if (!person || !this.owners.of(relation)) return [];
    return [
      `delete from ${relation.sql} t using app_data_trial.pristine p where p.relation = t.tableoid ` +
        `and p.place = t.ctid and p.owners @> array[${quoteText(person.id)}]`,
    ];
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

type Part = Pick<TableJob, "attack" | "shown" | "variants" | "read">;
