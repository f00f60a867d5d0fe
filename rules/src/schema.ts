/**
 * What is known of a database's schema. The same shape is read from a live
 * catalog (the attestation) and from the SQL of migrations, so that one set of
 * rules judges both.
 */
export interface Schema {
  tables: Table[];
}

/** A table, partitioned table, partition or inheritance child. */
export interface Table {
  schema: string;
  name: string;
  /** Row level security is enabled. */
  rowSecurity: boolean;
  /** Row level security binds the table's owner too. */
  forced: boolean;
  /** Where the table was made; absent when it was read from a catalog. */
  origin?: { file: string; line: number };
}

/** One thing that a rule found wrong. */
export interface Finding {
  /** The rule's name, kebab-case. */
  rule: string;
  /** Schema-qualified name of the object that is wrong. */
  object: string;
  /** What was found and what was required. */
  message: string;
  /** What to write instead. */
  remediation: string;
  file?: string;
  line?: number;
}
