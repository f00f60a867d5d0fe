import { identitySchema, identityFunctions } from "./contract";
import { statementsOf } from "./body-statements";
import { unconfinedStatement } from "./definer-writes";
import { bodyQuery } from "./function-bodies";
import { ownerProof } from "./owner-proof";
import type { DatabaseFunction, Schema } from "./schema";

/**
 * Says why a function with its owner's rights may tell an end user something of others.
 * @returns undefined where it only reads and writes rows of the signed-in user, which is proven of its body.
 */
export function definerProof(schema: Schema, item: DatabaseFunction): string | undefined {
  if (item.returns === "trigger") return "a trigger of any table could call it";
  if (item.schema === identitySchema && identityFunctions.includes(item.name)) return undefined;
  const proof = ownerProof(schema);
  const query = bodyQuery(item);
  if (query && proof.ownRows.areRead(query)) return undefined;
  const body = statementsOf(item);
  if (!body) return "what it does can not be proven from its body";
  return unconfinedStatement(proof, body);
}
