import { tableObject } from "../../model/names";
import type { Table } from "../../model/schema";
import { defineRule } from "../rule";

/**
 * Tables, partitions and inheritance children without row level security, and foreign tables, which cannot
 * have it. A parent's setting does not bind who reads a partition or child by its own name.
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
  find: ({ tables, contract: { forceRowSecurity } }) =>
    tables
      .filter(({ rowSecurity, forced }) => !rowSecurity || (forceRowSecurity && !forced))
      .map((table) => {
        const { object, kind } = tableObject(table);
        const found =
          table.kind === "foreign table"
            ? foreign(object)
            : unprotected(table, object, forceRowSecurity);
        return { kind, object, ...found };
      }),
});

function unprotected({ kind, rowSecurity, forced }: Table, object: string, force: boolean) {
  const missing = [
    ...(rowSecurity ? [] : ["enable row level security"]),
    ...(forced || !force ? [] : ["force row level security"]),
  ];
  let found = "row level security neither enabled nor forced";
  if (rowSecurity)
    found = "row level security enabled but not forced, so its owner reads every row";
  else if (forced) found = "row level security forced but not enabled, so it is off";
  else if (!force) found = "no row level security";
  return {
    message: `${kind} ${object} has ${found}; every table must have it enabled${force ? " and forced" : ""}`,
    remediation: `Write \`alter table ${object} ${missing.join(", ")};\` in the same migration.`,
  };
}

function foreign(object: string) {
  return {
    message: `foreign table ${object} cannot have row level security; every table must have it enabled and forced`,
    remediation: "Copy the rows that are needed into a table of its own, with row level security.",
  };
}
