import type { Node } from "libpg-query";
import { identityFunctions, identitySchema } from "./contract";
import { functionCalls } from "./expressions";
import { expressionTree } from "./function-bodies";
import { quoteName } from "./names";
import { defineRule } from "./rule";

/** Asked once a query, an identity costs nothing; asked once a row, it costs a scan. */
export const policyInitplanRule = defineRule({
  name: "policy-initplan",
  code: "POL130",
  description: "Policies ask for the signed-in user in a sub-select.",
  severity: "low",
  level: "advisory",
  remediation: "Write `(select auth.uid())` instead of `auth.uid()`.",
  find: ({ tables }) =>
    tables.flatMap((table) =>
      (table.policies ?? []).flatMap((policy) => {
        const bare = [policy.using, policy.check].some((expression) => {
          const tree = expression === null ? undefined : expressionTree(expression);
          return tree !== undefined && asksEachRow(tree);
        });
        if (!bare) return [];
        const object = `policy ${policy.name} on ${quoteName(table)}`;
        return [
          {
            object,
            message: `${object} asks for the signed-in user once a row; once a query is enough`,
            remediation: "Write `(select auth.uid())` instead of `auth.uid()`.",
            origin: policy.origin ?? table.origin,
          },
        ];
      }),
    ),
});

/** Whether an identity function is called outside every sub-select. */
function asksEachRow(tree: Node): boolean {
  return functionCalls(withoutSubLinks(tree)).some(
    ({ schema, name }) =>
      (schema === identitySchema && identityFunctions.includes(name)) || name === "current_setting",
  );
}

function withoutSubLinks(tree: unknown): unknown {
  if (Array.isArray(tree)) return tree.map(withoutSubLinks);
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([key]) => key !== "SubLink")
      .map(([key, value]: [string, unknown]) => [key, withoutSubLinks(value)]),
  );
}
