import type { CreatePolicyStmt, Node } from "libpg-query";
import { type Effect, effect } from "./effect";
import { relationName } from "../names";
import { readTables } from "./queries";
import { listed } from "./relations";

/** What statements that say who may do what do; undefined for any other statement. */
export function accessEffect(tree: Node): Effect | undefined {
  if ("CreatePolicyStmt" in tree) return policy(tree.CreatePolicyStmt);
  if ("AlterPolicyStmt" in tree) return policy(tree.AlterPolicyStmt);
  if ("GrantStmt" in tree) {
    const { objects } = tree.GrantStmt;
    const changes = listed(objects, "ACCESS SHARE").map(({ relation }) => relation);
    return effect({ hazards: ["changes access"], changes });
  }
  if ("CreateFunctionStmt" in tree) {
    const { options, sql_body } = tree.CreateFunctionStmt;
    // A body that is not a string is looked over when the function is made.
    return { ...routine(options), locks: readTables(sql_body) };
  }
  if ("AlterFunctionStmt" in tree) return routine(tree.AlterFunctionStmt.actions);
  if ("ReassignOwnedStmt" in tree) {
    const unclear = ["what the roles own, which gets another owner, cannot be told from the text"];
    return effect({ hazards: ["changes access"], unclear });
  }
  if (ALWAYS.some((kind) => kind in tree)) return effect({ hazards: ["changes access"] });
  return undefined;
}

const ALWAYS = [
  "AlterDefaultPrivilegesStmt",
  "AlterOwnerStmt",
  "AlterRoleSetStmt",
  "AlterRoleStmt",
  "CreateRoleStmt",
  "CreateUserMappingStmt",
  "AlterUserMappingStmt",
  "DropUserMappingStmt",
  "DropRoleStmt",
  "GrantRoleStmt",
] as const;

function policy({ table = {}, qual, with_check }: CreatePolicyStmt): Effect {
  return effect({
    locks: [
      { relation: relationName(table), mode: "ACCESS EXCLUSIVE" },
      ...readTables(qual, with_check),
    ],
    hazards: ["changes access"],
  });
}

function routine(options: readonly Node[] | undefined): Effect {
  const runsAsOwner = (options ?? []).some(
    (option) => "DefElem" in option && option.DefElem.defname === "security",
  );
  return effect({ hazards: runsAsOwner ? ["changes access"] : [] });
}
