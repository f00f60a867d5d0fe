import { identitySchema, identityFunctions } from "./contract";
import { bodyQuery } from "./function-bodies";
import { ownerProof } from "./owner-proof";
import type { DatabaseFunction, Schema } from "./schema";

/**
 * Says why a function with its owner's rights may tell an end user something of others.
 * @returns undefined where it only reads rows of the signed-in user, which is proven of its body.
 */
export function definerProof(schema: Schema, item: DatabaseFunction): string | undefined {
  if (item.returns === "trigger") return "a trigger of any table could call it";
  if (item.schema === identitySchema && identityFunctions.includes(item.name)) return undefined;
  const query = bodyQuery(item);
  if (!query) return "what it does can not be proven from its body";
  return ownerProof(schema).readsOwnRows(query)
    ? undefined
    : "its query is not confined to the signed-in user's rows";
}
