import {
  type ColumnType,
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import type pg from "pg";
import { AppDataError } from "../errors.js";
import type {
  GrantedRole,
  GrantedTable,
  Insertable,
  Selectable,
  Tables,
  Updatable,
} from "../types/index.js";
import type { Database } from "../types/index.js";

type Writable<
  Role extends GrantedRole,
  Table extends GrantedTable<Role>,
> = Table extends keyof Database["public"]["Tables"]
  ? { insert: Insertable<Role, Table>; update: Updatable<Role, Table> }
  : { insert: object; update: object };

type Of<Columns, Name> = Name extends keyof Columns ? Columns[Name] : never;

/** The tables and views that a role has rights on, with the columns that it may read and write. */
export type TablesOf<Role extends GrantedRole> = {
  [Table in GrantedTable<Role>]: {
    [Column in keyof Tables<Table>]: ColumnType<
      Of<Selectable<Role, Table>, Column>,
      Of<Writable<Role, Table>["insert"], Column>,
      Of<Writable<Role, Table>["update"], Column>
    >;
  };
};

/** Typed queries of one transaction, good until its work has ended. */
export type Queries<Role extends GrantedRole> = Kysely<TablesOf<Role>>;

/**
 * Queries on one connection, in the transaction that is open there.
 * @param isOver whether it has ended: the connection is another's then, and so are its rows.
 */
export function queriesOn<Role extends GrantedRole>(
  client: pg.ClientBase,
  isOver: () => boolean,
): Queries<Role> {
  return new Kysely<TablesOf<Role>>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new OneTransaction(client, isOver),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

/** One connection, whose transaction is another's to begin and to end. */
class OneTransaction implements Driver {
  constructor(
    private readonly client: pg.ClientBase,
    private readonly isOver: () => boolean,
  ) {}

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const { client, isOver } = this;
    return {
      async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
        if (isOver()) throw afterEnd();
        const { rows, rowCount } = await client.query(sql, [...parameters]);
        return { rows, ...(rowCount !== null && { numAffectedRows: BigInt(rowCount) }) };
      },
      streamQuery() {
        throw new AppDataError("DAT006", "Rows are not streamed here. Read pages by a key.");
      },
    };
  }

  async beginTransaction(): Promise<void> {
    refuseTransaction();
  }
  async commitTransaction(): Promise<void> {
    refuseTransaction();
  }
  async rollbackTransaction(): Promise<void> {
    refuseTransaction();
  }
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}

function afterEnd(): AppDataError {
  return new AppDataError(
    "DAT008",
    "A query was made after its transaction had ended. Await every query within the work, and do not " +
      "keep its queries.",
  );
}

function refuseTransaction(): never {
  throw new AppDataError(
    "DAT006",
    "All of the work is one transaction already. Throw to roll it back; for a second transaction call " +
      "asUser() or asService() again.",
  );
}
