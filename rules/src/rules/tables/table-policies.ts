import { tableObject } from "../../model/names";
import { defineRule } from "../rule";

/** A table without a policy is one that nobody can use. */
export const tablePoliciesRule = defineRule({
  name: "table-policies",
  code: "POL114",
  description: "Every table has at least one policy.",
  severity: "low",
  level: "advisory",
  remediation: "Add the policies of the table in the migration that makes it.",
  find: ({ tables }) =>
    tables
      .filter(({ kind }) => kind === "table" || kind === "partitioned table")
      .filter(({ policies = [], grants = [] }) => policies.length === 0 && grants.length === 0)
      .map((table) => {
        const named = tableObject(table);
        return {
          ...named,
          message:
            `table ${named.object} has no policy, so no role reaches a row, not even its owner; ` +
            "every table should have at least one",
          remediation: `Write \`create policy … on ${named.object}\`, or drop the table.`,
        };
      }),
});
