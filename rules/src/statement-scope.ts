import type { RangeVar } from "libpg-query";
import type { TableName } from "./names";
import type { Objects } from "./object-model";
import type { Origin } from "./schema";
import type { BranchPath, TableModel } from "./table-model";

/** What a statement can see and change while it is read. */
export interface StatementScope {
  tables: TableModel;
  objects: Objects;
  /** The role that runs it, who owns what it makes. */
  role: string;
  origin: Origin;
  path: BranchPath;
  /** The statement as written. */
  sql: string;
  /** Schemas that are searched before PostgreSQL's own. */
  beforeOwn: string[];
  /** The relation that a name means. */
  find: (relation: RangeVar) => TableName;
  /** The relation that a `create` makes. */
  target: (relation: RangeVar) => TableName;
  /** The schema of a function or type that is made without one. */
  schemaOf: (parts: readonly string[]) => string;
}
