import type { Outcome } from "../../conditions/classify";
import { expressionOf } from "../../conditions/policies";
import { comparedColumns } from "../../conditions/identity";
import { type JudgedSchema, listRoles } from "../../model/judged-schema";
import { partObject } from "../../model/names";
import type { RowPolicy, Table } from "../../model/schema";
import type { Findings } from "../rule";

/** What the worst of some outcomes says of a policy; nothing where all are "own". */
export function findingOf(
  table: Table,
  policy: RowPolicy,
  part: "using" | "check",
  outcomes: readonly Outcome[],
  judged: JudgedSchema,
): Findings {
  const worst =
    outcomes.find(({ outcome }) => outcome === "open") ??
    outcomes.find(({ outcome }) => outcome === "unknown");
  if (!worst || worst.outcome === "own") return [];
  const named = partObject("policy", policy.name, table);
  const clause = part === "using" ? "using" : "with check";
  const expression = (expressionOf(policy, part) ?? "").replace(/\s+/g, " ").trim();
  const reach = part === "using" ? "reach rows of other users" : "write rows for other users";
  const isOpen = worst.outcome === "open";
  return {
    ...named,
    message:
      `${named.object} ${isOpen ? "lets" : "may let"} ${listRoles(policy.roles)} ${reach}: in \`${clause} (${expression})\` ` +
      `${worst.reason}; every way in which it is true must tie the row to the signed-in user`,
    remediation: isOpen
      ? remedy(table, clause, worst.reason, judged)
      : "The trial tries it: `npm run policy`. What it cannot try needs rows or a waiver.",
    ...(!isOpen && { unknown: true }),
  };
}

function remedy(table: Table, clause: string, reason: string, judged: JudgedSchema): string {
  const setting = /^it trusts the setting (\S+),/.exec(reason)?.[1];
  if (setting !== undefined) {
    return (
      `Where the application sets ${setting} in each transaction, from what it has verified, list it in ` +
      "`trustedSettings` of the contract; otherwise compare with the signed-in user."
    );
  }
  const [column] = [...judged.userColumns(table), ...comparedColumns(table, judged.contract)];
  const [identity = ""] = judged.contract.identity;
  return column === undefined
    ? "Tie the row to the user by a column that refers to the table of users, or by an `exists` over one " +
        "that it refers to; rows that all may read belong into `sharedTables` of the contract."
    : `Write \`${clause} ((select ${identity}) = ${column})\`, with further conditions joined by \`and\`.`;
}
