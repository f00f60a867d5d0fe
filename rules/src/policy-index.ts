import { quoteName } from "./names";
import { ownerProof } from "./owner-proof";
import { defineRule } from "./rule";

/** A policy's owner test is part of every query. */
export const policyIndexRule = defineRule({
  name: "policy-index",
  code: "POL131",
  description: "The owner column of a table whose policies test it leads an index.",
  severity: "low",
  level: "advisory",
  remediation: "Create an index whose first column is the owner's.",
  find: (schema) => {
    const { ownership } = ownerProof(schema);
    return schema.tables.flatMap((table) => {
      const { policies = [], indexes = [], keys = [], assumed, columns } = table;
      if (assumed || !columns || table.kind === "partition") return [];
      return ownership
        .ownersOf(table)
        .filter((owner) => policies.some(({ using }) => using?.includes(owner)))
        .filter((owner) => ![...indexes, ...keys].some(([first]) => first === owner))
        .map((owner) => ({
          object: quoteName(table),
          message: `policies of ${quoteName(table)} test ${owner}, which no index starts with, so every query reads the whole table`,
          remediation: `Write \`create index on ${quoteName(table)} (${owner});\`.`,
          origin: table.origin,
        }));
    });
  },
});
