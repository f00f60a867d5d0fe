import type { AlterTableStmt, Node } from "libpg-query";
import type { Subeffect } from "./effect";

// Options of tables and indexes that change how they are kept, not what queries see
// (`reloptions.c` of PostgreSQL 17); every other one takes ACCESS EXCLUSIVE.
const QUIET_OPTIONS =
  /^(fillfactor|toast_tuple_target|parallel_workers|log_autovacuum_min_duration|autovacuum_\w+|vacuum_\w+|deduplicate_items|n_distinct\w*)$/;

/** `set (…)` and `reset (…)` of a table, an index or a view. */
export function relationOptionsLock(
  def: Node | undefined,
  objtype: AlterTableStmt["objtype"],
): Subeffect {
  const options = def && "List" in def ? (def.List.items ?? []) : [];
  const names = options.flatMap((node) => ("DefElem" in node ? [node.DefElem.defname ?? ""] : []));
  const isQuiet = names.every((name) => QUIET_OPTIONS.test(name));
  return {
    mode: isQuiet ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE",
    hazards:
      objtype === "OBJECT_VIEW" || names.includes("security_invoker") ? ["changes access"] : [],
  };
}
