import type { AlterSubscriptionStmt, Node } from "libpg-query";
import { findOption, isOptionOn } from "./options";

/**
 * Whether a statement may run in a transaction with others. False for what PostgreSQL refuses in a
 * transaction block, and for `alter type … add value`, whose new value the same transaction cannot
 * use. Whether a table is partitioned is not in the text: `cluster` and `reindex table` of a
 * partitioned table, which PostgreSQL refuses too, are taken for transactional.
 */
export function isTransactional(tree: Node): boolean {
  if ("IndexStmt" in tree) return !tree.IndexStmt.concurrent;
  if ("DropStmt" in tree) return !tree.DropStmt.concurrent;
  if ("AlterTableStmt" in tree) return !(tree.AlterTableStmt.cmds ?? []).some(detachesConcurrently);
  if ("ReindexStmt" in tree) {
    const { kind, params } = tree.ReindexStmt;
    const single = kind === "REINDEX_OBJECT_INDEX" || kind === "REINDEX_OBJECT_TABLE";
    return single && !isOptionOn(params, "concurrently");
  }
  if ("VacuumStmt" in tree) return !tree.VacuumStmt.is_vacuumcmd;
  if ("ClusterStmt" in tree) return tree.ClusterStmt.relation !== undefined;
  if ("AlterEnumStmt" in tree) return tree.AlterEnumStmt.oldVal !== undefined;
  if ("DiscardStmt" in tree) return tree.DiscardStmt.target !== "DISCARD_ALL";
  if ("AlterDatabaseStmt" in tree) {
    return findOption(tree.AlterDatabaseStmt.options, "tablespace") === undefined;
  }
  if ("CreateSubscriptionStmt" in tree) {
    const { options } = tree.CreateSubscriptionStmt;
    return !isOptionOn(options, "create_slot", isOptionOn(options, "connect", true));
  }
  if ("AlterSubscriptionStmt" in tree) return !refreshes(tree.AlterSubscriptionStmt);
  return !NEVER_IN_A_TRANSACTION.some((kind) => kind in tree);
}

const NEVER_IN_A_TRANSACTION = [
  "AlterSystemStmt",
  "CreatedbStmt",
  "DropdbStmt",
  "CreateTableSpaceStmt",
  "DropTableSpaceStmt",
  // It drops the slot on the other server, unless it has none, which the text does not say.
  "DropSubscriptionStmt",
] as const;

function detachesConcurrently(command: Node): boolean {
  if (!("AlterTableCmd" in command)) return false;
  const { subtype, def } = command.AlterTableCmd;
  return (
    subtype === "AT_DetachPartition" &&
    def !== undefined &&
    "PartitionCmd" in def &&
    def.PartitionCmd.concurrent === true
  );
}

/** Asks the other server for its tables, or changes the slot there. */
function refreshes({ kind, options }: AlterSubscriptionStmt): boolean {
  switch (kind) {
    case "ALTER_SUBSCRIPTION_REFRESH":
      return true;
    case "ALTER_SUBSCRIPTION_SET_PUBLICATION":
    case "ALTER_SUBSCRIPTION_ADD_PUBLICATION":
    case "ALTER_SUBSCRIPTION_DROP_PUBLICATION":
      return isOptionOn(options, "refresh", true);
    case "ALTER_SUBSCRIPTION_OPTIONS":
      return ["failover", "two_phase"].some((name) => findOption(options, name) !== undefined);
    default:
      return false;
  }
}
