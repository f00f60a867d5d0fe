import { type JudgedSchema, judges } from "../model/judged-schema";
import { perTable } from "../model/per-table";
import type { RowPolicy, RowPolicyCommand, Table } from "../model/schema";
import { type Outcome, allOf, classify } from "./classify";
import { comparedColumns } from "./identity";

/** The expression that holds: `using` stands in for a `with check` that is left out. */
export function expressionOf(policy: RowPolicy, part: "using" | "check"): string | null {
  if (part === "using") return policy.command === "insert" ? null : policy.using;
  if (policy.command === "select" || policy.command === "delete") return null;
  return policy.check ?? (policy.command === "insert" ? null : policy.using);
}

/**
 * What a permissive policy lets through for a command, beside the restrictive policies that bind everybody
 * whom it binds.
 */
export function outcomeOf(
  table: Table,
  policy: RowPolicy,
  part: "using" | "check",
  command: RowPolicyCommand,
  judged: JudgedSchema,
): Outcome {
  const restricting = (table.policies ?? []).filter(
    (other) =>
      !other.permissive &&
      judges(other, command) &&
      (other.roles.includes("public") || policy.roles.every((role) => other.roles.includes(role))),
  );
  return allOf(
    [policy, ...restricting].flatMap((each): Outcome[] => {
      const expression = expressionOf(each, part);
      return expression === null ? [] : [classify(expression, { table, judged })];
    }),
  );
}

/** The columns by which a row says whose it is, or what it belongs to. */
export const namingColumns = perTable(findNamingColumns);

function findNamingColumns(table: Table, judged: JudgedSchema): string[] {
  const compared = comparedColumns(table, judged.contract);
  return (table.columns ?? [])
    .map(({ name }) => name)
    .filter(
      (name) =>
        compared.includes(name) ||
        judged.namesUser(table, name) ||
        judged.references(table, name).size > 1,
    );
}
