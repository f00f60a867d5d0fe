import { isIdentity } from "../../conditions/identity";
import type { Contract } from "../../model/contract";
import { partObject } from "../../model/names";
import { isNode, policyTrees } from "../../sql/expressions";
import { defineRule } from "../rule";

/** Asked once a query, an identity costs nothing; asked once a row, it costs a scan. */
export const policyInitplanRule = defineRule({
  name: "policy-initplan",
  code: "POL130",
  description: "Policies ask for the signed-in user in a sub-select.",
  severity: "low",
  level: "advisory",
  remediation: "Write `(select …)` around what says who is signed in.",
  find: ({ policies, contract }) =>
    policies.map(({ table, policy }) => {
      if (!policyTrees(policy).some((tree) => asksEachRow(tree, contract))) return undefined;
      const named = partObject("policy", policy.name, table);
      return {
        ...named,
        message: `${named.object} asks for the signed-in user once a row; once a query is enough`,
        remediation: `Write \`(select ${contract.identity[0] ?? ""})\`.`,
      };
    }),
});

/** Whether the identity is asked for outside every sub-select. */
function asksEachRow(node: unknown, contract: Contract): boolean {
  if (typeof node !== "object" || node === null || "SubLink" in node) return false;
  const isValue = isNode(node, "FuncCall") || isNode(node, "A_Expr");
  if (isValue && isIdentity(node, contract)) return true;
  return Object.values(node).some((part) => asksEachRow(part, contract));
}
