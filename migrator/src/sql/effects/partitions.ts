import type { Lock } from "./effect";

/**
 * What a new partition of a table locks beside table and partition: the default partition, which may
 * hold rows that belong in the new one, and what the table's foreign keys, which are copied, point to.
 */
export function besideNewPartition(table: string): Lock[] {
  return [
    { relation: table, mode: "ACCESS EXCLUSIVE", through: { what: "default partition" } },
    { relation: table, mode: "SHARE ROW EXCLUSIVE", through: { what: "referenced tables" } },
  ];
}
