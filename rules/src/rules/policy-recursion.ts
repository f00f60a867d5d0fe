import type { JudgedSchema } from "../model/judged-schema";
import { partObject, quoteName } from "../model/names";
import type { RowPolicy, Table } from "../model/schema";
import { nodesIn, parseExpression, parseQuery } from "../sql/expressions";
import { type Found, defineRule } from "./rule";

/** PostgreSQL refuses to read a table whose policies ask for it again (SQLSTATE 42P17). */
export const policyRecursionRule = defineRule({
  name: "policy-recursion",
  code: "POL138",
  description: "No policy asks, directly or through others, for a table that is being asked for.",
  severity: "high",
  level: "mandatory",
  remediation: "Ask through a `security definer` function, which reads past the policies.",
  find: (judged) => {
    const asks = new Map(judged.allTables.map((table) => [table, askedBy(table, judged)]));
    return judged.allTables.flatMap((table) =>
      (table.policies ?? [])
        .filter((policy) => judged.bindsEndUsers(policy))
        .flatMap((policy) => find(table, policy, asks, judged)),
    );
  },
});

/** What the policies for reading each table read in sub-queries. */
type Asks = ReadonlyMap<Table, readonly Table[]>;

function askedBy(table: Table, judged: JudgedSchema): Table[] {
  const policies = judged.policiesFor(table, "select");
  return [...new Set(policies.flatMap((policy) => tablesIn(policy, judged)))];
}

function find(table: Table, policy: RowPolicy, asks: Asks, judged: JudgedSchema): Found[] {
  const cycle = cycleFrom(tablesIn(policy, judged), [table], new Set(), asks)?.map(quoteName);
  // Said once, of a table that is part of it.
  if (!cycle?.includes(quoteName(table))) return [];
  const named = partObject("policy", policy.name, table);
  return [
    {
      ...named,
      message: `${named.object} leads back to a table that is being read (${cycle.join(" → ")}): PostgreSQL refuses every such query with "infinite recursion detected in policy"`,
      remediation:
        `Let a \`security definer\` function with \`set search_path = ''\` read ` +
        `${cycle[1] ?? quoteName(table)}, and call it in the policy.`,
    },
  ];
}

/**
 * Follows sub-queries and the policies of what they read.
 * @param path the tables that are being read; a table whose policies ask for none is never read twice.
 */
function cycleFrom(
  tables: readonly Table[],
  path: readonly Table[],
  done: Set<Table>,
  asks: Asks,
): Table[] | undefined {
  for (const next of tables) {
    const asked = asks.get(next) ?? [];
    if (asked.length === 0) continue;
    const at = path.indexOf(next);
    if (at >= 0) return [...path.slice(at), next];
    if (done.has(next)) continue;
    done.add(next);
    const found = cycleFrom(asked, [...path, next], done, asks);
    if (found) return found;
  }
  return undefined;
}

/** The tables that a policy reads in sub-queries, with those of security invoker views. */
function tablesIn({ using, check }: RowPolicy, judged: JudgedSchema): Table[] {
  return [using, check].flatMap((expression) =>
    expression === null ? [] : tablesBelow(parseExpression(expression), judged, 0),
  );
}

function tablesBelow(tree: unknown, judged: JudgedSchema, depth: number): Table[] {
  return nodesIn(tree, "RangeVar").flatMap(({ RangeVar: { schemaname, relname = "" } }) => {
    if (schemaname === undefined) return [];
    const name = { schema: schemaname, name: relname };
    const table = judged.table(name);
    if (table) return [table];
    const view = judged.views.find((one) => quoteName(one) === quoteName(name));
    return view?.securityInvoker && view.definition !== undefined && depth < 5
      ? tablesBelow(parseQuery(view.definition), judged, depth + 1)
      : [];
  });
}
