import type { Contract } from "@app-data/rules";
import { type Catalog, type Column, type Relation, type Rights, leavesOf } from "../rows/catalog";
import type { Fill } from "../rows/fill";
import { wordsOf } from "../rows/hints";
import type { Link, Links } from "../rows/links";
import { type Value, isText } from "../rows/candidate-values";
import { ROWS_EACH, type Row } from "../rows/row-planner";
import {
  insertStatement,
  literal,
  quoteIdentifier,
  quoteText,
  writableColumns,
} from "../rows/statements";
import { type World, victimOf } from "../rows/worlds";
import type { Identities, Identity } from "./identities";
import type { Job, Variant } from "./job";
import { type PrivilegeAttack, privilegeAttacks } from "./privilege-attacks";

/** What is tried on a table. */
export type Attack =
  "read" | "update" | "delete" | "insert" | "give away" | "steal" | "take over" | PrivilegeAttack;

/** An attempt on a table, and the statement that shows it to readers. */
export interface TableJob extends Job {
  attack: Attack;
  relation: Relation;
  /** Whose world is attacked. */
  victim: World;
  shown: string;
  /** Mixes what belongs to different worlds, so that a constraint may well stop it. */
  isMixed?: boolean;
}

type Part = Pick<TableJob, "attack" | "shown" | "variants" | "read" | "rowByRow" | "isMixed">;

/** Makes the attempts of identities on tables. */
export class TableAttacks {
  private readonly children: ReadonlyMap<number, Relation[]>;
  /** The ids of all tables that hold rows. */
  private readonly all: readonly number[];

  constructor(
    private readonly catalog: Catalog,
    private readonly contract: Contract,
    private readonly links: Links,
    private readonly fill: Fill,
    private readonly identities: Identities,
  ) {
    const children = new Map<number, Relation[]>();
    for (const relation of catalog.relations) {
      for (const { target } of relation.foreignKeys) {
        children.set(target, [...(children.get(target) ?? []), relation]);
      }
    }
    this.children = children;
    this.all = catalog.relations.filter(({ kind }) => kind === "r").map(({ id }) => id);
  }

  /** All that an identity may try on a table; what it has no right to do, PostgreSQL refuses. */
  public of(identity: Identity, relation: Relation): TableJob[] {
    const rights = relation.rights[identity.role];
    if (!rights) return [];
    const victim = victimOf(identity.world);
    const base = { identity, relation, victim, subject: relation.sql };
    const privileged = privilegeAttacks(
      identity,
      relation,
      rights,
      this.catalog,
      this.contract,
    ).map((part) => ({
      ...base,
      ...part,
      variants: [{ statements: [part.shown] }],
    }));
    if (this.contract.backOfficeRoles.includes(identity.role) && !this.isSealed(relation))
      return privileged;
    const writes = identity.readsOnly
      ? []
      : [
          ...this.update(identity, relation, rights, victim),
          ...this.delete(relation, rights),
          ...this.insert(relation, rights, victim, identity),
          ...this.moves(relation, rights, identity.world, victim),
          ...this.takeOver(relation, rights, identity, victim),
        ];
    const parts = [...this.read(identity, relation, rights), ...writes];
    return [
      ...privileged,
      ...parts.map((part) => ({ ...base, ...part, ...this.judged(part, base) })),
    ];
  }

  /** The queries that judge an attempt. */
  private judged(
    { read, attack }: Part,
    { identity, relation, victim }: { identity: Identity; relation: Relation; victim: World },
  ): Pick<Job, "measure" | "viewers"> {
    const attacker = String(identity.world?.index ?? "null");
    const leaves = leavesOf(this.catalog, relation);
    if (read !== undefined) {
      const seen = `app_data_trial.seen($1, '{${leaves.join(",")}}', ${attacker})`;
      const flags = this.flags(relation).map(({ name }) => flagOf(relation, name, attacker));
      return {
        measure: `select ${seen} || jsonb_build_object('flags', jsonb_build_array(${flags.join(", ")}))`,
      };
    }
    // What foreign keys delete along with a row went with its owner's consent.
    const reached = relation.hasEffects && attack !== "delete" ? this.all : leaves;
    const measure = `select app_data_trial.changed('{${reached.join(",")}}', ${attacker})`;
    if (!identity.world || !relation.rights[identity.role]?.selectColumns.length)
      return { measure };
    const viewers = [identity, this.identities.signedIn(victim, identity.role)].map((viewer) => ({
      identity: viewer,
      ...this.reading(relation, viewer.role),
      ...(relation.rights[viewer.role]?.select ? { before: "" } : {}),
    }));
    return { measure, viewers };
  }

  /** Columns whose values may open a row to others: policies look at them, and they name nobody. */
  private flags(relation: Relation): Column[] {
    const linking = this.linkingColumns(relation);
    return relation.columns.filter(
      (column) =>
        (column.base === "bool" || column.typeKind === "e" || isText(column)) &&
        !linking.includes(column.name) &&
        policiesLookAt(relation, column.name),
    );
  }

  /**
   * Where rows are is told by system columns, which a right on some columns does not cover; policies are
   * the same for the whole table.
   */
  private reading({ sql }: Relation, role: string): { before: string; read: string } {
    return {
      before: `grant select on ${sql} to ${quoteIdentifier(role)}`,
      read: `select jsonb_agg(jsonb_build_array(tableoid::bigint, ctid::text)) from ${sql}`,
    };
  }

  private read(identity: Identity, relation: Relation, rights: Rights): Part[] {
    if (!rights.select && rights.selectColumns.length === 0) return [];
    const { sql } = relation;
    const { before: grant, read } = this.reading(relation, identity.role);
    const before = rights.select ? [] : [grant];
    const columns = rights.select ? "*" : rights.selectColumns.map(quoteIdentifier).join(", ");
    const shown = `select ${columns} from ${sql}`;
    return [{ attack: "read", read, shown, variants: [{ before }] }];
  }

  private update(identity: Identity, relation: Relation, rights: Rights, victim: World): Part[] {
    const linking = this.linkingColumns(relation);
    const columns = writableColumns(relation)
      .filter(({ name }) => rights.updateColumns.includes(name) && !linking.includes(name))
      .sort((left, right) => this.difficulty(relation, left) - this.difficulty(relation, right));
    const row = this.fill.of(relation).spare[identity.world?.index ?? 0]?.[0] ?? {};
    const assignments = columns.slice(0, 2).map((column) => ({
      column,
      set: `${quoteIdentifier(column.name)} = ${literal(row[column.name] ?? null, column)}`,
    }));
    const [first] = assignments;
    if (!first) return [];
    const statement = (set: string) => `update ${relation.sql} set ${set}`;
    const variants: Variant[] = [
      ...assignments.map(({ set }) => ({ statements: [statement(set)] })),
      { before: this.without(relation, identity.world), statements: [statement(first.set)] },
    ];
    const parts = [this.rowByRow("update", relation, statement(first.set), variants, victim)];
    if (!relation.hasEffects || !identity.world) return parts;
    // What triggers do may depend on what is written.
    const { rows, spare } = this.fill.of(relation);
    const own = [...(rows[identity.world.index] ?? []), ...(spare[identity.world.index] ?? [])];
    const values = columns
      .slice(0, 4)
      .flatMap((column) =>
        [...new Set(own.map((one) => one[column.name] ?? null))]
          .slice(0, 4)
          .map((value) => statement(`${quoteIdentifier(column.name)} = ${literal(value, column)}`)),
      );
    return [
      ...parts,
      ...values.map((shown) => ({
        attack: "update" as const,
        shown,
        variants: [{ statements: [shown] }],
        isMixed: true,
      })),
    ];
  }

  private delete(relation: Relation, rights: Rights): Part[] {
    if (!rights.delete) return [];
    const shown = `delete from ${relation.sql}`;
    const referring = (this.children.get(relation.id) ?? [])
      .filter(({ id, kind }) => id !== relation.id && kind === "r")
      .map(({ sql }) => `select app_data_trial.clear(${quoteText(sql)}, null)`);
    const variants = [{ statements: [shown] }, { before: referring, statements: [shown] }];
    return [{ attack: "delete", shown, variants }];
  }

  /**
   * Rows of the other world; and one's own that name one user or row of it, or name oneself beside its rows.
   */
  private insert(relation: Relation, rights: Rights, victim: World, { world }: Identity): Part[] {
    if (rights.insertColumns.length === 0) return [];
    const columns = writableColumns(relation)
      .filter(({ name, generated }) => generated === "" && rights.insertColumns.includes(name))
      .map(({ name }) => name);
    const isMissing = ({ name, notNull, hasDefault, generated }: Column) =>
      notNull && !hasDefault && generated === "" && !columns.includes(name);
    if (relation.columns.some(isMissing)) return [];
    // Several kinds of rows, since a policy may look at more than whose they are.
    const theirs = (this.fill.of(relation).spare[victim.index] ?? []).slice(
      0,
      world ? undefined : 1,
    );
    const own = world ? (this.fill.of(relation).spare[world.index] ?? []) : [];
    const links = this.links.of(relation).filter((link) => this.isWritten(link, columns));
    const mixed = theirs.flatMap((row, index): Row[] => {
      const mine = own[index];
      if (!mine) return [];
      const taking = (some: readonly Link[], from: Row, into: Row): Row => ({
        ...into,
        ...Object.fromEntries(
          some.flatMap((link) =>
            link.columns.map((name) => [
              name,
              this.keyOf(relation, link, victim) ?? from[name] ?? null,
            ]),
          ),
        ),
      });
      const users = links.filter(({ isUser }) => isUser);
      const single = links.length > 1 ? links.map((link) => taking([link], row, mine)) : [];
      const others = links.filter(({ isUser }) => !isUser);
      return [
        ...single,
        ...(users.length > 0 && others.length > 1 ? [taking(others, row, mine)] : []),
        ...users.flatMap((link) =>
          pathsOf(relation, link, [victim, world]).map((path) => ({ ...mine, ...path })),
        ),
        ...(relation.hasEffects ? [mine] : []),
      ];
    });
    const before = (of: World | null) => this.without(relation, of);
    const effects = this.written(relation).flatMap((other) => this.without(other, victim));
    const seen = new Set<string>();
    return [...theirs, ...mixed].flatMap((row, index): Part[] => {
      const shown = insertStatement(relation, row, columns);
      if (seen.has(shown)) return [];
      seen.add(shown);
      const clearing = [...before(victim), ...before(world)];
      const variants = [
        { statements: [shown] },
        ...(clearing.length > 0 ? [{ before: clearing, statements: [shown] }] : []),
        ...(effects.length > 0 ? [{ before: [...clearing, ...effects], statements: [shown] }] : []),
      ];
      return [{ attack: "insert", shown, variants, isMixed: index >= theirs.length }];
    });
  }

  /** The tables that triggers of a table may write, but for those that it refers to. */
  private written(relation: Relation): Relation[] {
    const sources = this.catalog.routines.filter(({ id }) => relation.triggers.includes(id));
    return this.catalog.relations.filter(
      ({ id, kind, name }) =>
        kind === "r" &&
        id !== relation.id &&
        !relation.foreignKeys.some(({ target }) => target === id) &&
        sources.some(({ source }) => wordsOf(source).has(name)),
    );
  }

  private isWritten({ columns }: Link, among: readonly string[]): boolean {
    return columns.some((name) => among.includes(name));
  }

  /** Where there is no foreign key: the key of a row of a world that the link may name. */
  private keyOf(
    relation: Relation,
    { targets: [target], columns }: Link,
    { index }: World,
  ): Value | undefined {
    // A text may hold more than the key.
    const isPlain = relation.columns.some((one) => columns.includes(one.name) && !isText(one));
    return isPlain && target
      ? this.fill.of(target.relation).rows[index]?.[0]?.[target.key]
      : undefined;
  }

  /** Updates of what rows refer to: one's own to the other world, and theirs to one's own. */
  private moves(relation: Relation, rights: Rights, world: World | null, victim: World): Part[] {
    if (!world) return [];
    const links = this.links
      .of(relation)
      .filter((link) => this.isWritten(link, rights.updateColumns));
    const all =
      links.length > 1 ? [links, ...links.map((link) => [link])] : links.map((link) => [link]);
    return all.flatMap((some) =>
      [
        ...this.move("give away", relation, rights, some, victim, world),
        ...this.move("steal", relation, rights, some, world, victim),
      ].map((part) => ({
        ...part,
        isMixed:
          this.links.of(relation).length > 1 ||
          some.some(({ columns }) => !columns.every((name) => rights.updateColumns.includes(name))),
      })),
    );
  }

  /**
   * What a guest of a row may do to whose it is: a row of the other world that names the attacker in a list or
   * in a second column, as its user may have written it.
   */
  private takeOver(
    relation: Relation,
    rights: Rights,
    { world, isTrick }: Identity,
    victim: World,
  ): Part[] {
    if (!world || isTrick || rights.updateColumns.length === 0) return [];
    const users = this.links
      .of(relation)
      .filter(({ isUser, columns }) => isUser && columns.length === 1);
    const columns = users.flatMap(({ columns: [name] }) =>
      relation.columns.filter((column) => column.name === name && column.generated === ""),
    );
    const isGuest = ({ notNull, element }: Column) => !notNull || element !== null;
    const owners = columns.filter((column) => !isGuest(column));
    const neutral = writableColumns(relation).find(
      ({ name }) =>
        rights.updateColumns.includes(name) && !columns.some((column) => column.name === name),
    );
    const target = `${quoteText(relation.sql)}, '{${leavesOf(this.catalog, relation).join(",")}}'`;
    return columns.filter(isGuest).flatMap((guest) => {
      const name = quoteIdentifier(guest.name);
      const value = literal(guest.element === null ? world.id : `{${world.id}}`, guest);
      const before = [
        `select app_data_trial.leave(${target}, ${victim.index}, 0)`,
        `update ${relation.sql} set ${name} = ${value}`,
        `update app_data_trial.pristine p set place = t.ctid from ${relation.sql} t where p.relation = t.tableoid`,
      ];
      const sets = [
        ...owners
          .filter((owner) => rights.updateColumns.includes(owner.name))
          .map((owner) => `${quoteIdentifier(owner.name)} = ${literal(world.id, owner)}`),
        ...(neutral && owners.length > 0 && relation.hasEffects
          ? [`${quoteIdentifier(neutral.name)} = ${quoteIdentifier(neutral.name)}`]
          : []),
      ];
      return sets.map((set) => {
        const shown = `update ${relation.sql} set ${set}`;
        return {
          attack: "take over" as const,
          shown,
          variants: [{ before, statements: [shown] }],
          isMixed: true,
        };
      });
    });
  }

  /** Makes rows refer to a world: all that the policies let the statement reach. */
  private move(
    attack: Attack,
    relation: Relation,
    rights: Rights,
    links: readonly Link[],
    to: World,
    from: World,
  ): Part[] {
    const example = this.fill.of(relation).rows[to.index]?.[0];
    const row = example && { ...example };
    for (const link of links)
      for (const name of link.columns) {
        const key = this.keyOf(relation, link, to);
        if (row && key !== undefined) row[name] = key;
      }
    const columns = writableColumns(relation).filter(
      ({ name }) =>
        rights.updateColumns.includes(name) && links.some((link) => link.columns.includes(name)),
    );
    if (!row || columns.length === 0) return [];
    const assignments = columns.map(
      (column) => `${quoteIdentifier(column.name)} = ${literal(row[column.name] ?? null, column)}`,
    );
    const shown = `update ${relation.sql} set ${assignments.join(", ")}`;
    const statements = [shown];
    const variants = [{ statements }, { before: this.without(relation, to), statements }];
    return [this.rowByRow(attack, relation, shown, variants, from)];
  }

  /**
   * One statement changes all rows or none. Where the policies look at more than what rows refer to, it is
   * tried on each row of a world alone, too.
   */
  private rowByRow(
    attack: Attack,
    relation: Relation,
    shown: string,
    variants: Variant[],
    world: World,
  ): Part {
    const linking = this.linkingColumns(relation);
    const looksAtMore = relation.columns.some(
      ({ name }) => !linking.includes(name) && policiesLookAt(relation, name),
    );
    const single = (attack !== "update" || looksAtMore) && !this.links.isShared(relation);
    if (!single) return { attack, shown, variants };
    const target = `${quoteText(relation.sql)}, '{${leavesOf(this.catalog, relation).join(",")}}'`;
    const alone = Array.from({ length: looksAtMore ? ROWS_EACH : 1 }, (_, place) => ({
      before: [`select app_data_trial.leave(${target}, ${world.index}, ${place})`],
      statements: [shown],
    }));
    return { attack, shown, variants: [...variants, ...alone], rowByRow: true };
  }

  private linkingColumns(relation: Relation): string[] {
    return this.links.of(relation).flatMap(({ columns }) => columns);
  }

  /** Statements that take the rows of a world out of the way of unique constraints. */
  private without(relation: Relation, world: World | null): string[] {
    if (!world || this.links.isShared(relation)) return [];
    return [`select app_data_trial.clear(${quoteText(relation.sql)}, ${world.index})`];
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

  /** Whether no role at all may reach others' rows, the back office included. */
  private isSealed({ schema, name }: Relation): boolean {
    return this.contract.sealedTables.some(
      (table) => table.schema === schema && table.name === name,
    );
  }
}

/** A query that says what the rows of others that were read, $1, have in common, and no other row has. */
function flagOf({ sql }: Relation, name: string, attacker: string): string {
  const value = `t.${quoteIdentifier(name)}::text`;
  return `(select case when cardinality(seen) = 1 and not seen && unseen
      then format('%s is %s', ${quoteText(name)}, seen[1]) end
    from (select array_agg(distinct ${value}) filter (where s.at is not null) as seen,
        array_agg(distinct coalesce(${value}, '')) filter (where s.at is null) as unseen
      from ${sql} t join app_data_trial.pristine p on p.relation = t.tableoid and p.place = t.ctid
      left join jsonb_array_elements($1) s (at) on (s.at ->> 0)::oid = t.tableoid and (s.at ->> 1)::tid = t.ctid
      where p.world is distinct from ${attacker} and p.world is not null) x)`;
}

/** Values of a list or a path that names users, the first of them in the first place, and the other way round. */
function pathsOf(
  relation: Relation,
  { columns: [name], key }: Link,
  users: readonly (World | null)[],
): Row[] {
  const column = relation.columns.find((one) => one.name === name);
  if (!column || key || !(column.element === "text" || column.element === "uuid" || isText(column)))
    return [];
  const ids = users.flatMap((world) => (world ? [world.id] : []));
  return [ids, [...ids].reverse()].map((some) => ({
    [column.name]: column.element === null ? `${some.join("/")}/1` : `{${some.join(",")}}`,
  }));
}

function policiesLookAt({ policies }: Relation, column: string): boolean {
  return policies.some(({ columns }) => columns.includes(column));
}
