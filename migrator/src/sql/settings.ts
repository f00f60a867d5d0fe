import { constantText, functionCalls } from "@app-data/rules";
import type { Node } from "libpg-query";
import { isQuery } from "./batch/syntax-tree";

/** The settings that the migrator holds through a whole file, whatever the file sets. */
export const HELD_SETTINGS: readonly string[] = [
  "search_path",
  "lock_timeout",
  "statement_timeout",
  "transaction_timeout",
  "idle_in_transaction_session_timeout",
  "client_connection_check_interval",
  "row_security",
];

/** Which of the settings that the migrator holds a statement sets, by its text: `set`, `reset`, `set_config`. */
export function heldSettingsIn(tree: Node): string[] {
  if ("VariableSetStmt" in tree && tree.VariableSetStmt.kind === "VAR_RESET_ALL")
    return [...HELD_SETTINGS];
  const named = "VariableSetStmt" in tree ? [tree.VariableSetStmt.name] : [];
  const called = functionCalls(tree)
    .filter(({ name }) => name === "set_config")
    .map(({ args: [setting] }) => setting && constantText(setting));
  return HELD_SETTINGS.filter((name) =>
    [...named, ...called].some((each) => each?.toLowerCase() === name),
  );
}

/**
 * Whether a statement may set something, also through a function that it calls. A trigger may, too, which no
 * text tells: it would have to be one that changes the settings of whoever writes to its table.
 */
export function maySet(tree: Node): boolean {
  if (SETTING.some((kind) => kind in tree)) return true;
  return isQuery(tree) && functionCalls(tree).length > 0;
}

const SETTING = ["VariableSetStmt", "DoStmt", "CallStmt", "ExecuteStmt", "DiscardStmt"] as const;
