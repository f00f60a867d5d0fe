import { type Contract, requestRolesOf } from "./contract";
import { isSame, quoteName } from "./names";
import type {
  DatabaseFunction,
  ForeignKey,
  Grant,
  Role,
  RowPolicy,
  RowPolicyCommand,
  Schema,
  Table,
  Trigger,
  View,
} from "./schema";
import type { ObjectName } from "./shape";

/** A column of a table. */
export interface Place {
  table: ObjectName;
  column: string;
}

/** PUBLIC, as the catalog reading spells it. */
export const everyone = "public";

/** A schema by a contract, and what follows from both for all rules. */
export class JudgedSchema {
  /** The tables that the migrations made. */
  public readonly tables: readonly Table[];
  public readonly functions: readonly DatabaseFunction[];
  public readonly views: readonly View[];
  public readonly triggers: readonly Trigger[];
  /** Every table, the platform's among them. */
  public readonly allTables: readonly Table[];
  /** Whose rights the request of an end user can have, PUBLIC among them. */
  public readonly endUsers: ReadonlySet<string>;
  /** The roles of requests and what they can become, PUBLIC left out. */
  public readonly applicationRoles: ReadonlySet<string>;
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #functions = new Map<string, DatabaseFunction[]>();
  /** The partitions and inheritance children of a table, by names. */
  readonly #children = new Map<string, string[]>();
  readonly #foreignKeys: ReadonlyMap<string, readonly ForeignKey[]>;
  readonly #references = new Map<string, ReadonlyMap<string, Place>>();

  public constructor(
    public readonly schema: Schema,
    public readonly contract: Contract,
  ) {
    const isOurs = (object: { schema: string }) =>
      !contract.platformSchemas.includes(object.schema);
    this.allTables = schema.tables;
    this.tables = schema.tables.filter(isOurs);
    this.functions = (schema.functions ?? []).filter(isOurs);
    this.views = (schema.views ?? []).filter(isOurs);
    this.triggers = schema.triggers ?? [];
    this.#roles = new Map((schema.roles ?? []).map((role) => [role.name, role]));
    this.#tables = new Map(schema.tables.map((table) => [quoteName(table), table]));
    for (const item of schema.functions ?? []) {
      const name = `${item.schema}.${item.name}`;
      this.#functions.set(name, [...(this.#functions.get(name) ?? []), item]);
    }
    for (const table of schema.tables) {
      for (const parent of (table.parents ?? []).map(quoteName)) {
        this.#children.set(parent, [...(this.#children.get(parent) ?? []), quoteName(table)]);
      }
    }
    this.#foreignKeys = new Map(
      [...(schema.referenced ?? []), ...schema.tables].map((table) => [
        quoteName(table),
        table.foreignKeys ?? [],
      ]),
    );
    this.endUsers = this.#endUsers();
    const application = new Set([...this.endUsers, ...contract.backOfficeRoles]);
    application.delete(everyone);
    this.applicationRoles = application;
  }

  public role(name: string): Role | undefined {
    return this.#roles.get(name);
  }

  public table(name: ObjectName): Table | undefined {
    return this.#tables.get(quoteName(name));
  }

  /** Every policy, with its table; those of the platform's tables among them. */
  public get policies(): { table: Table; policy: RowPolicy }[] {
    return this.allTables.flatMap((table) =>
      (table.policies ?? []).map((policy) => ({ table, policy })),
    );
  }

  /** Whether an object is the platform's. */
  public isOfPlatform({ schema }: { schema: string }): boolean {
    return this.contract.platformSchemas.includes(schema);
  }

  /** The functions of a name, the platform's among them. */
  public functionsNamed({ schema, name }: ObjectName): DatabaseFunction[] {
    return this.#functions.get(`${schema}.${name}`) ?? [];
  }

  /** Whether end users have a right on a relation; on one of these columns, where they are given. */
  public isGranted(
    { grants = [] }: Pick<Table, "grants">,
    privilege: string,
    columns?: readonly string[],
  ): boolean {
    return grants.some(
      (grant) =>
        grant.privilege === privilege &&
        this.endUsers.has(grant.grantee) &&
        (!columns || columns.some((name) => !grant.columns || grant.columns.includes(name))),
    );
  }

  /** The policies of a table that judge a command of end users. */
  public policiesFor(table: Table, command: RowPolicyCommand): RowPolicy[] {
    return (table.policies ?? []).filter(
      (policy) => judges(policy, command) && this.bindsEndUsers(policy),
    );
  }

  public bindsEndUsers({ roles }: RowPolicy): boolean {
    return roles.some((role) => this.endUsers.has(role));
  }

  /** Whether some end user may do this to rows of a table: they have the right, and a policy lets them. */
  public canDo(table: Table, command: "select" | "insert" | "update" | "delete"): boolean {
    return (
      this.isGranted(table, command) &&
      this.policiesFor(table, command).some(({ permissive }) => permissive)
    );
  }

  /** Whether end users can write rows of a table. */
  public canWrite(table: Table): boolean {
    return writes.some((command) => this.canDo(table, command));
  }

  /** Whether end users have a right to write to a table or view. */
  public mayWrite(relation: Pick<Table, "grants">): boolean {
    return writes.some((command) => this.isGranted(relation, command));
  }

  /** The triggers that run a function. */
  public triggersOf(item: DatabaseFunction): Trigger[] {
    return this.triggers.filter((trigger) => isSame(trigger.function, item));
  }

  /**
   * The columns that a column leads to by foreign keys of its table and of theirs, itself included, by a
   * name that is theirs alone.
   */
  public references(table: ObjectName, column: string): ReadonlyMap<string, Place> {
    const start = columnKey(table, column);
    const known = this.#references.get(start);
    if (known) return known;
    const found = new Map<string, Place>([[start, { table, column }]]);
    for (const place of found.values()) {
      for (const key of this.#foreignKeys.get(quoteName(place.table)) ?? []) {
        const target = key.references[key.columns.indexOf(place.column)];
        if (target === undefined) continue;
        found.set(columnKey(key.table, target), { table: key.table, column: target });
      }
    }
    this.#references.set(start, found);
    return found;
  }

  /** Whether a column leads to the key of a table of users, or is that key. */
  public namesUser(table: ObjectName, column: string): boolean {
    const references = this.references(table, column);
    return this.contract.usersTables.some((users) => references.has(columnKey(users, users.key)));
  }

  /** The columns whose foreign keys lead to users. */
  public userColumns(table: Table): string[] {
    return (table.columns ?? [])
      .map(({ name }) => name)
      .filter((name) => this.namesUser(table, name));
  }

  /**
   * Whether a column that is compared with the signed-in user may hold the id of one: it leads to users, or it
   * leads nowhere and is not the key of rows that name their user in another column.
   */
  public holdsUser(table: Table, name: string): boolean {
    if (this.namesUser(table, name)) return true;
    const column = (table.columns ?? []).find((one) => one.name === name);
    if (column?.copyOf !== undefined) return this.namesUser(table, column.copyOf);
    if (!column || column.generated || this.references(table, name).size > 1) return false;
    return !isKey(table, name) || this.userColumns(table).length === 0;
  }

  /** Whether a table, or one that it leads to by foreign keys, holds users. */
  public leadsToUsers(table: Table): boolean {
    const users = new Set(this.contract.usersTables.map(quoteName));
    const found = new Set([quoteName(table)]);
    for (const name of found) {
      if (users.has(name)) return true;
      for (const key of this.#foreignKeys.get(name) ?? []) found.add(quoteName(key.table));
      // Who reads a table reads its partitions and inheritance children.
      for (const child of this.#children.get(name) ?? []) found.add(child);
    }
    return false;
  }

  /** The contract says that others than their owners read these rows. */
  public isDeclaredShared(table: ObjectName): boolean {
    return this.contract.sharedTables.some((shared) => isSame(shared, table));
  }

  /** The roles whose rights a role has without SET ROLE, itself and PUBLIC among them. */
  public inheritedRoles(name: string): ReadonlySet<string> {
    const found = new Set([name, everyone]);
    for (const member of found) {
      for (const { role, inherit } of this.#roles.get(member)?.memberOf ?? []) {
        if (inherit) found.add(role);
      }
    }
    return found;
  }

  /** How a role becomes another, outermost first; undefined where it cannot. */
  public pathTo(from: string, isWanted: (role: string) => boolean): string[] | undefined {
    const paths = new Map([[from, [from]]]);
    for (const [name, path] of paths) {
      if (name !== from && isWanted(name)) return path;
      for (const { role, inherit, set, admin } of this.#roles.get(name)?.memberOf ?? []) {
        if ((inherit || set || admin) && !paths.has(role)) paths.set(role, [...path, role]);
      }
    }
    return undefined;
  }

  #endUsers(): ReadonlySet<string> {
    const { contract } = this;
    const trusted = [
      ...contract.backOfficeRoles,
      ...contract.platformRoles,
      contract.migrationRole,
    ];
    const found = new Set([
      everyone,
      contract.loginRole,
      ...requestRolesOf({ ...contract, backOfficeRoles: [] }),
    ]);
    for (const name of found) {
      for (const { role } of this.#roles.get(name)?.memberOf ?? []) {
        if (!trusted.includes(role) && !role.startsWith("pg_")) found.add(role);
      }
    }
    return found;
  }
}

/** Whether a column alone is a key of its table. */
export function isKey({ keys = [] }: Table, column: string): boolean {
  return keys.some(([first, second]) => first === column && second === undefined);
}

const writes = ["insert", "update", "delete"] as const;

/** The commands that a policy can judge. */
export const commands = ["select", "insert", "update", "delete"] as const;

/** Whether a policy judges a command. */
export function judges(policy: RowPolicy, command: RowPolicyCommand): boolean {
  return policy.command === "all" || policy.command === command;
}

/** Who holds some grants, each once. */
export function holdersOf(grants: readonly Grant[]): string[] {
  return [...new Set(grants.map(({ grantee }) => grantee))];
}

/** Roles as a sentence names them. */
export function listRoles(roles: readonly string[]): string {
  return roles.map((role) => (role === everyone ? "PUBLIC" : role)).join(", ");
}

/** What is granted, or granted to one role, as a list of words: "select, insert (id)". */
export function privilegesOf(grants: readonly Grant[], role?: string): string {
  const words = grants
    .filter(({ grantee }) => role === undefined || grantee === role)
    .map(({ privilege, columns }) =>
      columns ? `${privilege} (${columns.join(", ")})` : privilege,
    );
  return [...new Set(words)].join(", ");
}

function columnKey(table: ObjectName, column: string): string {
  return `${table.schema}\0${table.name}\0${column}`;
}
