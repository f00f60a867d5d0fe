import { outcomeOf } from "../../conditions/policies";
import { isShared } from "../../conditions/shared-tables";
import { type JudgedSchema, judges } from "../../model/judged-schema";
import { isSame } from "../../model/names";
import type { RowPolicy, Table } from "../../model/schema";
import { findingOf } from "./policy-findings";
import { type Findings, defineRule } from "../rule";

const commands = ["select", "update", "delete"] as const;

/** What a user reads, changes or deletes is their own. */
export const policyConfinementRule = defineRule({
  name: "policy-confinement",
  code: "POL110",
  description: "No permissive policy lets an end user reach rows of another.",
  severity: "critical",
  level: "mandatory",
  remediation:
    "Compare the row's user with the signed-in user, and join further conditions by `and`.",
  find: (judged) =>
    judged.policies.map(({ table, policy }) =>
      policy.permissive ? find(table, policy, judged) : undefined,
    ),
});

function find(table: Table, policy: RowPolicy, judged: JudgedSchema): Findings {
  const isSealed = judged.contract.sealedTables.some((sealed) => isSame(sealed, table));
  const bound = isSealed
    ? policy.roles.some((role) => role !== judged.contract.migrationRole)
    : judged.bindsEndUsers(policy);
  if (!bound) return [];
  const reached = commands.filter(
    (command) =>
      judges(policy, command) &&
      (isSealed || judged.isGranted(table, command)) &&
      !(command === "select" && isShared(table, judged)),
  );
  const outcomes = reached.map((command) => outcomeOf(table, policy, "using", command, judged));
  return findingOf(table, policy, "using", outcomes, judged);
}
