import type { AlterPolicyStmt, CreatePolicyStmt } from "libpg-query";
import { everyone } from "./contract";
import type { TableName } from "./names";
import { roleNames } from "./nodes";
import { policyExpressions } from "./policy-text";
import type { RowPolicy, RowPolicyCommand } from "./schema";
import type { StatementScope } from "./statement-scope";

const commands: Readonly<Record<string, RowPolicyCommand>> = {
  select: "select",
  insert: "insert",
  update: "update",
  delete: "delete",
};

export function createPolicy(statement: CreatePolicyStmt, scope: StatementScope): void {
  const { table, policy_name: name = "", cmd_name = "", permissive = false, roles } = statement;
  if (!table) return;
  const policy: RowPolicy = {
    name,
    command: commands[cmd_name] ?? "all",
    permissive,
    roles: roles ? roleNames(roles, scope.role) : [everyone],
    ...policyExpressions(scope.sql),
    ...(scope.beforeOwn.length > 0 && { shadowedBy: scope.beforeOwn }),
    origin: scope.origin,
  };
  scope.tables.change(scope.find(table), ({ policies = [] }) => ({
    policies: [...policies.filter((other) => other.name !== name), policy],
  }));
}

export function alterPolicy(statement: AlterPolicyStmt, scope: StatementScope): void {
  const { table, policy_name, roles } = statement;
  if (!table) return;
  const { using, check } = policyExpressions(scope.sql);
  changePolicy(scope, scope.find(table), policy_name, (policy) => ({
    ...policy,
    roles: roles ? roleNames(roles, scope.role) : policy.roles,
    using: using ?? policy.using,
    check: check ?? policy.check,
    origin: scope.origin,
  }));
}

export function renamePolicy(
  scope: StatementScope,
  table: TableName,
  from: string | undefined,
  to: string,
): void {
  changePolicy(scope, table, from, (policy) => ({ ...policy, name: to }));
}

/** In a branch that may not run, a policy that was made before it stays. */
export function dropPolicy(scope: StatementScope, table: TableName, name: string): void {
  if (scope.path.length > 0 || !scope.tables.has(table)) return;
  scope.tables.change(table, ({ policies = [] }) => ({
    policies: policies.filter((policy) => policy.name !== name),
  }));
}

function changePolicy(
  { tables }: StatementScope,
  table: TableName,
  name: string | undefined,
  update: (policy: RowPolicy) => RowPolicy,
): void {
  if (!tables.has(table)) return;
  tables.change(table, ({ policies = [] }) => ({
    policies: policies.map((policy) => (policy.name === name ? update(policy) : policy)),
  }));
}
