/** A column, as the generator describes it. */
export interface ColumnMetadata {
  id: string;
  schema: string;
  table: string;
  name: string;
  /** Name of its type in `pg_type`, of the base type for a domain; `_` leads an array's. */
  format: string;
  /** Schema of that type. */
  type_schema: string;
  is_nullable: boolean;
  is_updatable: boolean;
  is_generated: boolean;
  identity_generation: string | null;
  default_value: unknown;
}

/** A type, as the generator describes it. */
export interface TypeMetadata {
  id: number;
  schema: string;
  name: string;
  format: string;
  /** Labels, in order; empty when it is no enum. */
  enums: string[];
  /** Fields of a composite type. */
  attributes: { name: string; type_id: number }[];
  comment: string | null;
  type_relation_id: number | null;
}

/** A function, as the generator describes it. */
export interface FunctionMetadata {
  schema: string;
  name: string;
  argument_types: string;
  return_type: string;
}

/**
 * What is used here of the generator's description of a database; the rest is carried along. Its own
 * types need a module resolution that CommonJS does not have; it checks the shape when it runs.
 */
export interface Metadata {
  schemas: { name: string }[];
  columns: ColumnMetadata[];
  types: TypeMetadata[];
  functions: FunctionMetadata[];
  relationships: unknown[];
}

/** The generator's functions. It is an ES module, which a CommonJS module cannot import. */
export interface Generator {
  /** Describes the schemas, each list in an order that does not depend on OIDs. */
  describe(database: Queryable, schemas: string[]): Promise<Metadata>;
  /** Writes TypeScript, not laid out. */
  write(metadata: Metadata): Promise<string>;
  /** Lays TypeScript out as the project does. */
  format(source: string): Promise<string>;
}

/** What the generator asks its questions. */
export interface Queryable {
  query(sql: string): Promise<{ rows: unknown[] }>;
}
