export type { Finding, Schema, Table } from "./schema";
export {
  type Position,
  type Statement,
  SqlSyntaxError,
  positionAt,
  significantTokens,
  splitStatements,
} from "./statements";
