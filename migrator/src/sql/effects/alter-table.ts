import type { AlterTableCmd, AlterTableStmt, Node } from "libpg-query";
import { addedColumn, addedConstraint, retypedColumn } from "./columns";
import { type Effect, type Hazard, type Lock, type Subeffect, effect, together } from "./effect";
import { type LockMode, strongest } from "../lock-mode";
import { relationName } from "../names";
import { besideNewPartition } from "./partitions";
import { relationOptionsLock } from "./relation-options";

type Subcommand = NonNullable<AlterTableCmd["subtype"]>;

// As `AlterTableGetLockLevel` of PostgreSQL 17 has it. What is not named takes ACCESS EXCLUSIVE.
const SHARE_UPDATE_EXCLUSIVE: readonly Subcommand[] = [
  "AT_SetStatistics",
  "AT_ClusterOn",
  "AT_DropCluster",
  "AT_SetOptions",
  "AT_ResetOptions",
  "AT_ValidateConstraint",
  "AT_AttachPartition",
  "AT_DetachPartitionFinalize",
];
const SHARE_ROW_EXCLUSIVE: readonly Subcommand[] = [
  "AT_EnableTrig",
  "AT_EnableAlwaysTrig",
  "AT_EnableReplicaTrig",
  "AT_EnableTrigAll",
  "AT_EnableTrigUser",
  "AT_DisableTrig",
  "AT_DisableTrigAll",
  "AT_DisableTrigUser",
];

const HAZARDS: Partial<Record<Subcommand, readonly Hazard[]>> = {
  AT_DropColumn: ["deletes data"],
  AT_SetExpression: ["rewrites table"],
  AT_SetLogged: ["rewrites table"],
  AT_SetUnLogged: ["rewrites table"],
  AT_SetTableSpace: ["rewrites table"],
  AT_SetAccessMethod: ["rewrites table"],
  AT_ChangeOwner: ["changes access"],
  AT_EnableRowSecurity: ["changes access"],
  AT_DisableRowSecurity: ["changes access"],
  AT_ForceRowSecurity: ["changes access"],
  AT_NoForceRowSecurity: ["changes access"],
  AT_AddInherit: ["changes access"],
  AT_DropInherit: ["changes access"],
  AT_AttachPartition: ["changes access"],
  AT_DetachPartition: ["changes access"],
};

const NOTES: Partial<Record<Subcommand, string>> = {
  AT_SetNotNull:
    "reads the whole table, unless a valid check constraint proves that nothing is null",
  AT_ValidateConstraint: "reads the whole table; reads and writes go on",
  AT_AttachPartition:
    "reads the whole partition, unless a valid check constraint proves its bounds",
};

/** What `alter table`, and its like for indexes, views and sequences, does. */
export function alterTable({ relation = {}, cmds = [], objtype }: AlterTableStmt): Effect {
  const name = relationName(relation);
  const parts = cmds.flatMap((command) =>
    "AlterTableCmd" in command ? [subcommand(name, command.AlterTableCmd, objtype)] : [],
  );
  const mode = parts
    .map((part) => part.mode ?? "ACCESS EXCLUSIVE")
    .reduce(strongest, "ACCESS SHARE");
  const others = together(parts.map((part) => effect(part)));
  return { ...others, locks: [{ relation: name, mode }, ...others.locks] };
}

function subcommand(
  relation: string,
  command: AlterTableCmd,
  objtype: AlterTableStmt["objtype"],
): Subeffect {
  const { subtype, def, name } = command;
  const common = commonOf(subtype);
  switch (subtype) {
    case "AT_AddColumn":
      return def && "ColumnDef" in def ? addedColumn(def.ColumnDef) : common;
    case "AT_AlterColumnType":
      return def && "ColumnDef" in def
        ? retypedColumn(relation, name ?? "", def.ColumnDef)
        : common;
    case "AT_AddConstraint":
      return def && "Constraint" in def ? addedConstraint(def.Constraint) : common;
    case "AT_DropColumn": {
      const column = name ?? "";
      const through = { what: "referenced tables", column } as const;
      return {
        ...common,
        losses: [{ relation, column }],
        locks: [{ relation, mode: "ACCESS EXCLUSIVE", through }],
        ...cascades(command),
      };
    }
    case "AT_DropConstraint":
      return { ...referenced(relation, "ACCESS EXCLUSIVE", command), ...cascades(command) };
    case "AT_ValidateConstraint":
      return { ...common, ...referenced(relation, "ROW SHARE", command) };
    case "AT_AddInherit":
    case "AT_DropInherit":
      return { ...common, locks: parentLocks(def, subtype) };
    case "AT_AttachPartition":
    case "AT_DetachPartition":
    case "AT_DetachPartitionFinalize":
      return partition(relation, command, common);
    case "AT_SetRelOptions":
    case "AT_ResetRelOptions":
      return relationOptionsLock(def, objtype);
    default:
      return common;
  }
}

function commonOf(subtype: Subcommand | undefined): Subeffect {
  if (!subtype) return { unclear: ["this version does not know the subcommand"] };
  const note = NOTES[subtype];
  return {
    mode: modeOf(subtype),
    hazards: [...(HAZARDS[subtype] ?? [])],
    notes: note ? [note] : [],
  };
}

function modeOf(subtype: Subcommand): LockMode {
  if (SHARE_UPDATE_EXCLUSIVE.includes(subtype)) return "SHARE UPDATE EXCLUSIVE";
  if (SHARE_ROW_EXCLUSIVE.includes(subtype)) return "SHARE ROW EXCLUSIVE";
  return "ACCESS EXCLUSIVE";
}

/** Of a constraint that may be a foreign key: its other table. */
function referenced(relation: string, mode: LockMode, { name }: AlterTableCmd): { locks: Lock[] } {
  const through = { what: "referenced tables", constraint: name ?? "" } as const;
  return { locks: [{ relation, mode, through }] };
}

function cascades({ behavior }: AlterTableCmd): { unclear: string[] } {
  const what = "what else `cascade` drops cannot be told from the text";
  return { unclear: behavior === "DROP_CASCADE" ? [what] : [] };
}

function parentLocks(def: Node | undefined, subtype: Subcommand): Lock[] {
  const mode = subtype === "AT_AddInherit" ? "SHARE UPDATE EXCLUSIVE" : "ACCESS SHARE";
  return def && "RangeVar" in def ? [{ relation: relationName(def.RangeVar), mode }] : [];
}

function partition(
  relation: string,
  { subtype, def }: AlterTableCmd,
  common: Subeffect,
): Subeffect {
  if (!def || !("PartitionCmd" in def)) return common;
  const { name: child, concurrent = false } = def.PartitionCmd;
  const waits = concurrent ? ({ waitsAs: "ACCESS EXCLUSIVE" } as const) : {};
  const own: Lock[] = child
    ? [{ relation: relationName(child), mode: "ACCESS EXCLUSIVE", ...waits }]
    : [];
  const beside = subtype === "AT_AttachPartition" ? besideNewPartition(relation) : [];
  const mode = concurrent ? "SHARE UPDATE EXCLUSIVE" : common.mode;
  const notes = concurrent ? ["waits for transactions that use the table"] : common.notes;
  return { ...common, mode, locks: [...own, ...beside], notes: notes ?? [] };
}
