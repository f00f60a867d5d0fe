import type { Node } from "libpg-query";
import type { Body } from "./body-statements";
import { identitySchema } from "./contract";
import { expressionTree } from "./function-bodies";
import type { Known } from "./own-rows";
import type { OwnerProof } from "./owner-proof";
import type { Table } from "./schema";
import { writerColumns } from "./writer-columns";

/** What is known of the signed-in user in the body of a trigger's function: by the written row, and in variables. */
export function knownOfWriter(table: Table | undefined, body: Body, proof: OwnerProof): Known {
  if (!table || !body.parameters.includes("new")) return {};
  const { owners, parents } = writerColumns(table, proof);
  const { variables } = body;
  const isUser = (value: Node, known: Known) => proof.ownRows.isUser(value, known);
  // What the function itself puts there was not there when policies were asked.
  const written = owners.filter((name) => {
    const given = variables.has(`new.${name}`) ? (variables.get(`new.${name}`) ?? null) : [];
    return given?.every((value) => isUser(value, { written: owners })) ?? false;
  });
  const itself = owners.length > 0 ? proof.ownership.keyColumns(table) : [];
  const leading = [...parents, ...itself.map((key) => ({ column: key, parent: table, key }))];
  const kept = leading.filter(({ column }) => !variables.has(`new.${column}`));
  const identity = expressionTree(`${identitySchema}.uid()`);
  const users = new Map<string, Node>();
  for (let before = -1; before < users.size;) {
    before = users.size;
    for (const [name, values = []] of variables) {
      if (!identity || values.length === 0 || name.includes(".")) continue;
      if (values.every((value) => isUser(value, { written, users }))) users.set(name, identity);
    }
  }
  return { written, parents: kept, users };
}
