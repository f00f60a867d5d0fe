import { isSystemSchema, quoteName } from "./names";
import { defineRule } from "./rule";
import type { Table } from "./schema";

/**
 * Tables, partitions and inheritance children that do not both enable and force
 * row level security, and foreign tables, which can not. A parent's setting does
 * not bind who reads a partition or child by its own name.
 */
export const rowSecurityRule = defineRule({
  name: "row-level-security",
  code: "POL101",
  description: "Every table of every application schema has row level security enabled and forced.",
  severity: "critical",
  level: "mandatory",
  // Everything else that protects rows stands on it.
  waivable: false,
  remediation:
    "Enable and force row level security in the migration that makes the table: " +
    "`alter table … enable row level security, force row level security;`.",
  find: ({ tables }) =>
    tables
      .filter((table) => !isSystemSchema(table.schema) && !(table.rowSecurity && table.forced))
      .map((table) => {
        const object = quoteName(table);
        const found = table.kind === "foreign table" ? foreign(object) : unprotected(table, object);
        return { object, ...found, origin: table.origin };
      }),
});

function unprotected({ kind, rowSecurity, forced }: Table, object: string) {
  const missing = [
    ...(rowSecurity ? [] : ["enable row level security"]),
    ...(forced ? [] : ["force row level security"]),
  ];
  let found = "row level security neither enabled nor forced";
  if (rowSecurity)
    found = "row level security enabled but not forced, so its owner reads every row";
  else if (forced) found = "row level security forced but not enabled, so it is off";
  return {
    message: `${kind} ${object} has ${found}; every table must have it enabled and forced`,
    remediation: `Write \`alter table ${object} ${missing.join(", ")};\` in the same migration.`,
  };
}

function foreign(object: string) {
  return {
    message: `foreign table ${object} can not have row level security; every table must have it enabled and forced`,
    remediation: "Copy the rows that are needed into a table of its own, with row level security.",
  };
}
