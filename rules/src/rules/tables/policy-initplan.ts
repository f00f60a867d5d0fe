import { isIdentity } from "../../conditions/identity";
import type { Contract } from "../../model/contract";
import { partObject } from "../../model/names";
import { isNode, policyTrees } from "../../sql/expressions";
import { defineRule } from "../rule";

/** An identity evaluated once for each query costs nothing; evaluated for every row, it costs a scan. */
export const policyInitplanRule = defineRule({
  name: "policy-initplan",
  code: "POL130",
  description: "Policies read the signed-in user in a sub-select.",
  severity: "low",
  level: "advisory",
  remediation: "Write `(select …)` around the identity of the signed-in user.",
  find: ({ policies, contract }) =>
    policies.map(({ table, policy }) => {
      if (!policyTrees(policy).some((tree) => asksEachRow(tree, contract))) return undefined;
      const named = partObject("policy", policy.name, table);
      return {
        ...named,
        message: `${named.object} evaluates the signed-in user for every row; once for each query is enough`,
        remediation: `Write \`(select ${contract.identity[0] ?? ""})\` in its place.`,
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
