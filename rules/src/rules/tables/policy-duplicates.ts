import { commands, judges } from "../../model/judged-schema";
import { tableObject } from "../../model/names";
import type { RowPolicyCommand, Table } from "../../model/schema";
import { type Findings, defineRule } from "../rule";

/** PostgreSQL evaluates all permissive policies, and the widest decides. */
export const policyDuplicatesRule = defineRule({
  name: "policy-duplicates",
  code: "POL132",
  description: "For each role and command a table has one permissive policy.",
  severity: "low",
  level: "advisory",
  remediation: "Join them into one policy, or make one of them restrictive.",
  find: ({ tables }) => tables.flatMap(findTwice),
});

function findTwice(table: Table): Findings {
  const permissive = (table.policies ?? []).filter((policy) => policy.permissive);
  const covering = (command: RowPolicyCommand, role: string) =>
    permissive.filter((policy) => policy.roles.includes(role) && judges(policy, command));
  return [...new Set(permissive.flatMap(({ roles }) => roles))].flatMap((role) => {
    const twice = commands.filter((command) => covering(command, role).length > 1);
    const [first] = twice;
    if (!first) return [];
    const named = tableObject(table);
    const names = covering(first, role).map(({ name }) => name);
    return {
      ...named,
      message: `${names.join(" and ")} of ${named.object} are permissive policies for ${twice.join(", ")} to ${role}, and the wider one decides; one is enough`,
    };
  });
}
