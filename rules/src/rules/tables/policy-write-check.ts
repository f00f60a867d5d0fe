import type { Outcome } from "../../conditions/classify";
import { namingColumns, outcomeOf } from "../../conditions/policies";
import { type JudgedSchema, judges } from "../../model/judged-schema";
import type { RowPolicy, Table } from "../../model/schema";
import { findingOf } from "./policy-findings";
import { type Findings, defineRule } from "../rule";

const commands = ["insert", "update"] as const;

/** What a user writes is their own: nothing is given away, nothing written for another. */
export const policyWriteCheckRule = defineRule({
  name: "policy-write-check",
  code: "POL111",
  description: "No permissive policy lets an end user write a row for somebody else.",
  severity: "critical",
  level: "mandatory",
  remediation:
    "Write the test of the user into `with check`, too, or leave `with check` out where `using` holds it.",
  find: (judged) =>
    judged.policies.map(({ table, policy }) =>
      policy.permissive && judged.bindsEndUsers(policy) ? find(table, policy, judged) : undefined,
    ),
});

function find(table: Table, policy: RowPolicy, judged: JudgedSchema): Findings {
  const naming = namingColumns(table, judged);
  const outcomes = commands.flatMap((command): Outcome[] => {
    if (!judges(policy, command) || !judged.isGranted(table, command)) return [];
    const outcome = outcomeOf(table, policy, "check", command, judged);
    if (outcome.outcome !== "open" || judged.isGranted(table, command, naming)) return [outcome];
    // Whose a row is cannot be written where no column says it; a new row may be nobody's.
    if (command === "update") return naming.length > 0 ? [outcome] : [];
    return [{ outcome: "unknown", reason: `${outcome.reason}, and a new row names nobody` }];
  });
  return findingOf(table, policy, "check", outcomes, judged);
}
