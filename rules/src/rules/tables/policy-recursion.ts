import type { JudgedSchema } from "../../model/judged-schema";
import { isSame, partObject, quoteName } from "../../model/names";
import type { RowPolicy, Table } from "../../model/schema";
import { nodesIn, parseQuery, policyTrees } from "../../sql/expressions";
import { type Findings, defineRule } from "../rule";

/** PostgreSQL refuses to read a table whose policies ask for it again (SQLSTATE 42P17). */
export const policyRecursionRule = defineRule({
  name: "policy-recursion",
  code: "POL138",
  description:
    "No policy reads, directly or through other policies, a table that is already being read.",
  severity: "high",
  level: "mandatory",
  remediation: "Read it through a `security definer` function, which the policies do not bind.",
  find: (judged) =>
    judged.policies
      .filter(({ policy }) => judged.bindsEndUsers(policy))
      .map(({ table, policy }) => find(table, policy, judged)),
});

function find(table: Table, policy: RowPolicy, judged: JudgedSchema): Findings {
  const way = wayBack(table, policy, judged)?.map(quoteName);
  if (!way) return undefined;
  const named = partObject("policy", policy.name, table);
  return {
    ...named,
    message: `${named.object} leads back to a table that is being read (${way.join(" → ")}): PostgreSQL refuses every such query with "infinite recursion detected in policy"`,
    remediation:
      `Let a \`security definer\` function with \`set search_path = ''\` read ` +
      `${way[1] ?? quoteName(table)}, and call it in the policy.`,
  };
}

/** How a policy's sub-queries, and the policies of what they read, lead back to its table. */
function wayBack(table: Table, policy: RowPolicy, judged: JudgedSchema): Table[] | undefined {
  const asked = (from: Table) =>
    judged.policiesFor(from, "select").flatMap((each) => tablesIn(each, judged));
  const ways = new Map<Table, Table[]>();
  const follow = (tables: readonly Table[], way: readonly Table[]) => {
    for (const next of tables) if (!ways.has(next)) ways.set(next, [...way, next]);
  };
  follow(tablesIn(policy, judged), [table]);
  for (const [last, way] of ways) {
    const next = asked(last);
    // A table whose policies ask for none is never read twice.
    if (last === table && next.length > 0) return way;
    follow(next, way);
  }
  return undefined;
}

/** The tables that a policy reads in sub-queries, with those of security invoker views. */
function tablesIn(policy: RowPolicy, judged: JudgedSchema): Table[] {
  return tablesBelow(policyTrees(policy), judged, 0);
}

function tablesBelow(tree: unknown, judged: JudgedSchema, depth: number): Table[] {
  return nodesIn(tree, "RangeVar").flatMap(({ RangeVar: { schemaname, relname = "" } }) => {
    if (schemaname === undefined) return [];
    const name = { schema: schemaname, name: relname };
    const table = judged.table(name);
    if (table) return [table];
    const view = judged.views.find((one) => isSame(one, name));
    return view?.securityInvoker && view.definition !== undefined && depth < 5
      ? tablesBelow(parseQuery(view.definition), judged, depth + 1)
      : [];
  });
}
