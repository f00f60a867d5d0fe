import { everyone } from "./contract";
import { quoteName } from "./names";
import { defineRule } from "./rule";

/** PostgreSQL lets PUBLIC execute every new function. */
export const publicExecutionRule = defineRule({
  name: "public-execution",
  code: "POL133",
  description: "PUBLIC can not execute the functions of a migration.",
  severity: "low",
  level: "advisory",
  remediation: "Revoke execution from PUBLIC in the migration that makes the function.",
  find: ({ functions = [] }) =>
    functions
      .filter(({ language }) => language !== "c" && language !== "internal")
      .filter(({ executableBy }) => executableBy.includes(everyone))
      .map((item) => {
        const object = `function ${quoteName(item)}(${item.arguments})`;
        return {
          object,
          message: `PUBLIC may execute ${object}; a function should be executable by who needs it`,
          remediation: `Write \`revoke all on ${object} from public;\`.`,
          origin: item.origin,
        };
      }),
});
