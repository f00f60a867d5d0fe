import type { Node } from "libpg-query";
import { type Effect, effect, hidden } from "./effect";
import { nameParts, sqlName } from "../names";

/** Statements that are known, and whose doing is elsewhere than in their text. */
export function opaqueEffect(tree: Node): Effect | undefined {
  const unclear = (reason: string) => effect({ unclear: [reason] });
  if ("CallStmt" in tree) {
    const name = sqlName(nameParts(tree.CallStmt.funccall?.funcname));
    return hidden(`what ${name}() does cannot be told from the text`);
  }
  if ("ExecuteStmt" in tree) {
    return hidden(`what the prepared statement ${tree.ExecuteStmt.name} does`);
  }
  if ("CreateExtensionStmt" in tree || "AlterExtensionStmt" in tree) {
    return hidden("what the extension's own script does cannot be told from the text");
  }
  if ("ImportForeignSchemaStmt" in tree) {
    return unclear("which tables it makes, only the other server knows");
  }
  if ("AlterDomainStmt" in tree || "AlterTypeStmt" in tree) {
    const { typeName } = "AlterDomainStmt" in tree ? tree.AlterDomainStmt : tree.AlterTypeStmt;
    const type = sqlName(nameParts(typeName));
    const through = { what: "tables of the type" } as const;
    const subtype = "AlterDomainStmt" in tree ? tree.AlterDomainStmt.subtype : undefined;
    if (!CHECKED_DOMAIN_CHANGES.includes(subtype ?? "")) return effect();
    return effect({
      locks: [{ relation: type, mode: "SHARE", through }],
      notes: ["every row of the tables with such a column is checked"],
    });
  }
  if ("AlterTableMoveAllStmt" in tree) {
    const reason = "which tables of the tablespace it locks, each ACCESS EXCLUSIVE, and copies";
    return { ...unclear(reason), hazards: ["rewrites table"] };
  }
  if (PUBLICATIONS.some((kind) => kind in tree)) {
    return unclear("it takes SHARE UPDATE EXCLUSIVE on the tables that it publishes");
  }
  return undefined;
}

// `set not null`, `add constraint`, `validate constraint`.
const CHECKED_DOMAIN_CHANGES: readonly string[] = ["O", "C", "V"];

const PUBLICATIONS = ["CreatePublicationStmt", "AlterPublicationStmt"] as const;

/** Statements that lock no relation and have no hazard. */
const QUIET = [
  "AlterCollationStmt",
  "AlterDatabaseRefreshCollStmt",
  "AlterDatabaseSetStmt",
  "AlterDatabaseStmt",
  "AlterEnumStmt",
  "AlterEventTrigStmt",
  "AlterExtensionContentsStmt",
  "AlterFdwStmt",
  "AlterForeignServerStmt",
  "AlterObjectDependsStmt",
  "AlterOpFamilyStmt",
  "AlterOperatorStmt",
  "AlterStatsStmt",
  "AlterSubscriptionStmt",
  "AlterSystemStmt",
  "AlterTSConfigurationStmt",
  "AlterTSDictionaryStmt",
  "AlterTableSpaceOptionsStmt",
  "CheckPointStmt",
  "ClosePortalStmt",
  "CompositeTypeStmt",
  "ConstraintsSetStmt",
  "CreateAmStmt",
  "CreateCastStmt",
  "CreateConversionStmt",
  "CreateDomainStmt",
  "CreateEnumStmt",
  "CreateEventTrigStmt",
  "CreateFdwStmt",
  "CreateForeignServerStmt",
  "CreateOpClassStmt",
  "CreateOpFamilyStmt",
  "CreatePLangStmt",
  "CreateRangeStmt",
  "CreateSubscriptionStmt",
  "CreateTableSpaceStmt",
  "CreateTransformStmt",
  "CreatedbStmt",
  "DeallocateStmt",
  "DefineStmt",
  "DiscardStmt",
  "DropSubscriptionStmt",
  "DropTableSpaceStmt",
  "FetchStmt",
  "ListenStmt",
  "LoadStmt",
  "NotifyStmt",
  "TransactionStmt",
  "UnlistenStmt",
  "VariableShowStmt",
] as const;

/** The effect of a statement that no other reader knows: nothing, or nothing that is known. */
export function otherEffect(tree: Node): Effect {
  if (QUIET.some((kind) => kind in tree)) return effect();
  const [kind = "unknown"] = Object.keys(tree);
  return hidden(`this version does not know what a ${kind} does`);
}
