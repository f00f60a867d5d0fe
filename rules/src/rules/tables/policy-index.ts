import { comparedColumns } from "../../conditions/identity";
import { tableObject } from "../../model/names";
import { quoteIdentifier } from "../../model/names";
import { defineRule } from "../rule";

/** Every query includes the policies' test of the user. */
export const policyIndexRule = defineRule({
  name: "policy-index",
  code: "POL131",
  description: "A column that policies compare with the signed-in user leads an index.",
  severity: "low",
  level: "advisory",
  remediation: "Create an index whose first column it is.",
  find: (judged) =>
    judged.tables
      .filter(({ kind }) => kind !== "partition" && kind !== "foreign table")
      .flatMap((table) => {
        const named = tableObject(table);
        const leading = [...(table.indexes ?? []), ...(table.keys ?? [])].map(([first]) => first);
        return comparedColumns(table, judged.contract)
          .filter((column) => !leading.includes(column))
          .map((column) => ({
            ...named,
            message: `policies of ${named.object} test ${column}, which leads no index, so every query reads the whole table`,
            remediation: `Write \`create index on ${named.object} (${quoteIdentifier(column)});\`.`,
          }));
      }),
});
