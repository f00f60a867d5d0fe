import type { RowPolicy, RowPolicyCommand } from "./schema";

/** The expression that holds: `using` stands in for a `with check` that is left out. */
export function expressionOf(policy: RowPolicy, part: "using" | "check"): string | null {
  if (part === "using") return policy.command === "insert" ? null : policy.using;
  if (policy.command === "select" || policy.command === "delete") return null;
  return policy.check ?? (policy.command === "insert" ? null : policy.using);
}

/** Whether a policy binds every end user whom another binds. */
export function bindsUsersOf(
  { roles }: RowPolicy,
  other: RowPolicy,
  users: ReadonlySet<string>,
): boolean {
  return (
    roles.includes("public") ||
    other.roles.every((role) => !users.has(role) || roles.includes(role))
  );
}

/** Whether a policy judges a command of one of these roles. */
export function bindsCommand(
  { command, roles }: RowPolicy,
  wanted: RowPolicyCommand,
  users: ReadonlySet<string>,
): boolean {
  return (command === "all" || command === wanted) && roles.some((role) => users.has(role));
}
