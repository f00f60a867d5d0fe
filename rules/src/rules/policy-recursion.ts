import type { JudgedSchema } from "../model/judged-schema";
import { partObject, quoteName } from "../model/names";
import type { RowPolicy, Table } from "../model/schema";
import { below, parseExpression, parseQuery } from "../sql/expressions";
import { type Found, defineRule } from "./rule";

/** PostgreSQL refuses to read a table whose policies ask for it again (SQLSTATE 42P17). */
export const policyRecursionRule = defineRule({
  name: "policy-recursion",
  code: "POL138",
  description: "No policy asks, directly or through others, for a table that is being asked for.",
  severity: "high",
  level: "mandatory",
  remediation: "Ask through a `security definer` function, which reads past the policies.",
  find: (judged) =>
    judged.allTables.flatMap((table) =>
      (table.policies ?? [])
        .filter((policy) => judged.bindsEndUsers(policy))
        .flatMap((policy) => find(table, policy, judged)),
    ),
});

function find(table: Table, policy: RowPolicy, judged: JudgedSchema): Found[] {
  const cycle = cycleFrom([policy], [quoteName(table)], new Set(), judged);
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

/** Follows sub-queries and the policies of what they read. @param path the tables that are being read. */
function cycleFrom(
  policies: readonly RowPolicy[],
  path: readonly string[],
  done: Set<string>,
  judged: JudgedSchema,
): string[] | undefined {
  for (const next of policies.flatMap((policy) => tablesIn(policy, judged))) {
    const name = quoteName(next);
    const asked = judged
      .policiesFor(next, "select")
      .filter((policy) => tablesIn(policy, judged).length > 0);
    if (asked.length === 0) continue;
    const at = path.indexOf(name);
    if (at >= 0) return [...path.slice(at), name];
    if (done.has(name)) continue;
    done.add(name);
    const found = cycleFrom(asked, [...path, name], done, judged);
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
  return below({ tree }, "RangeVar").flatMap((node) => {
    if (typeof node !== "object" || node === null || !("schemaname" in node)) return [];
    const name = {
      schema: String(node.schemaname),
      name: "relname" in node ? String(node.relname) : "",
    };
    const table = judged.table(name);
    if (table) return [table];
    const view = judged.views.find((one) => quoteName(one) === quoteName(name));
    return view?.securityInvoker && view.definition !== undefined && depth < 5
      ? tablesBelow(parseQuery(view.definition), judged, depth + 1)
      : [];
  });
}
