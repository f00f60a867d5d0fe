import { everyone } from "../../model/judged-schema";
import { functionObject } from "../../model/names";
import { defineRule } from "../rule";

/** PostgreSQL lets PUBLIC execute every new function. */
export const publicExecutionRule = defineRule({
  name: "public-execution",
  code: "POL133",
  description: "PUBLIC cannot execute the functions of a migration.",
  severity: "low",
  level: "advisory",
  remediation: "Revoke execution from PUBLIC in the migration that makes the function.",
  judgesPlatformGrants: true,
  find: ({ functions }) =>
    functions
      .filter(({ language }) => language !== "c" && language !== "internal")
      .filter(({ executableBy }) => executableBy.includes(everyone))
      .map((item) => {
        const named = functionObject(item);
        return {
          ...named,
          message: `PUBLIC may execute ${named.object}; only the roles that need a function should execute it`,
          remediation: `Write \`revoke all on ${named.object} from public;\`.`,
        };
      }),
});
