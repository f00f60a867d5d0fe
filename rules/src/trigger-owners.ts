import type { Node } from "libpg-query";
import { type Body, statementsOnUpdate } from "./body-statements";
import { identifiers } from "./expressions";
import { expressionTree } from "./function-bodies";
import { isGranted } from "./granted-commands";
import { quoteName } from "./names";
import { type OwnerProof, ownerProof } from "./owner-proof";
import { bindsCommand } from "./policy-parts";
import { type Found, defineRule } from "./rule";
import type { DatabaseFunction, RowPolicy, Schema, Table, Trigger } from "./schema";
import { originOf } from "./trigger-origin";

/** Policies ask for the owner that a row had; a trigger may give it another, whatever rights there are. */
export const triggerOwnersRule = defineRule({
  name: "trigger-owners",
  code: "POL128",
  description: "No trigger gives a row that others than its owner may update another owner.",
  severity: "critical",
  level: "mandatory",
  remediation: "Set the owner in a trigger `before insert` alone.",
  find: (schema) =>
    (schema.triggers ?? [])
      .filter(({ beforeUpdate }) => beforeUpdate)
      .flatMap((trigger) =>
        (schema.functions ?? [])
          .filter((item) => quoteName(item) === quoteName(trigger.function))
          .flatMap((item) => takeOver(schema, trigger, item)),
      ),
});

function takeOver(schema: Schema, trigger: Trigger, item: DatabaseFunction): Found[] {
  const proof = ownerProof(schema);
  const table = proof.ownership.table(trigger.relation);
  if (!table || !isGranted(table, "update", proof.users)) return [];
  const shared = proof.ownership.ownersOf(table).filter((owner) => isShared(table, owner, proof));
  const body = shared.length > 0 ? statementsOnUpdate(item) : undefined;
  const column = shared.find((owner) => !body || isChanged(owner, body));
  if (column === undefined) return [];
  const object = `trigger ${trigger.name} on ${quoteName(table)}`;
  const found = body ? `sets new.${column}` : `may set new.${column}, since it can not be read`;
  return [
    {
      object,
      message:
        `${object} runs before updates, and ${quoteName(item)}() ${found}, the row's owner, while policies ` +
        "let others than the owner update the row: they could take it over; it must keep the owner",
      remediation:
        `Fire it \`before insert\` alone, or write \`new.${column} := old.${column}\` in a trigger for ` +
        "updates; another column may say who wrote last.",
      origin: originOf(trigger, item),
    },
  ];
}

/** Whether a user may update a row of which the column says that it is another's. */
function isShared(table: Table, column: string, proof: OwnerProof): boolean {
  const binding = (table.policies ?? []).filter((policy) =>
    bindsCommand(policy, "update", proof.users),
  );
  const confines = ({ using }: RowPolicy) => {
    const tree = using === null ? undefined : expressionTree(using);
    return tree !== undefined && proof.ownRows.isConfined(table, column, tree);
  };
  const isNarrowed = binding.some(
    (policy) => !policy.permissive && policy.roles.includes("public") && confines(policy),
  );
  return !isNarrowed && binding.some((policy) => policy.permissive && !confines(policy));
}

function isChanged(column: string, { variables, parameters }: Body): boolean {
  // The row as a whole is no longer what the trigger was called with.
  if (!parameters.includes("new")) return true;
  const name = `new.${column}`;
  if (!variables.has(name)) return false;
  return !variables.get(name)?.every((value) => keeps(value, column));
}

function keeps(value: Node, column: string): boolean {
  if (!("ColumnRef" in value)) return false;
  const [row, name] = identifiers(value.ColumnRef.fields ?? []);
  return (row === "old" || row === "new") && name === column;
}
