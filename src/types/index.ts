import type { Database, Grants, Tables, TablesInsert, TablesUpdate } from "./database.generated.js";

export type {
  CompositeTypes,
  Database,
  Enums,
  Grants,
  Json,
  Tables,
  TablesInsert,
  TablesUpdate,
} from "./database.generated.js";
export { DatabaseValueError, databaseTypes } from "./parsers.js";

/** A role that a request runs as and that has a right on some table of schema `public`; `anon` has none. */
export type GrantedRole = {
  [Role in keyof Grants]: Grants[Role] extends { public: object } ? Role : never;
}[keyof Grants];

/** A table or view of schema `public` on which a role has a right. */
export type GrantedTable<Role extends GrantedRole> = keyof Grants[Role]["public"] &
  keyof (Database["public"]["Tables"] & Database["public"]["Views"]);

/** What a role may read of a row: the columns that were granted to it. */
export type Selectable<Role extends GrantedRole, Table extends GrantedTable<Role>> = Pick<
  Tables<Table>,
  ColumnsOf<Role, Table, "Select"> & keyof Tables<Table>
>;

/** What a role may put into a new row: the columns that were granted to it, without generated ones. */
export type Insertable<
  Role extends GrantedRole,
  Table extends GrantedTable<Role> & keyof Database["public"]["Tables"],
> = Pick<TablesInsert<Table>, ColumnsOf<Role, Table, "Insert"> & keyof TablesInsert<Table>>;

/** What a role may change in a row: the columns that were granted to it, without generated ones. */
export type Updatable<
  Role extends GrantedRole,
  Table extends GrantedTable<Role> & keyof Database["public"]["Tables"],
> = Pick<TablesUpdate<Table>, ColumnsOf<Role, Table, "Update"> & keyof TablesUpdate<Table>>;

type ColumnsOf<
  Role extends GrantedRole,
  Table extends GrantedTable<Role>,
  Command extends "Select" | "Insert" | "Update",
> = Grants[Role]["public"][Table] extends Record<Command, infer Columns> ? Columns : never;
