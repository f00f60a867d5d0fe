import { isGranted } from "./granted-commands";
import { quoteName } from "./names";
import { type OwnerProof, ownerProof } from "./owner-proof";
import { bindsCommand, expressionOf } from "./policy-parts";
import { type Found, defineRule } from "./rule";
import type { RowPolicy, Table } from "./schema";

/** A row may be of two users, of whom one wrote what it says. */
export const sharedContentsRule = defineRule({
  name: "shared-contents",
  code: "POL136",
  description: "Of two users to whom a row belongs, the one does not rewrite what the other wrote.",
  severity: "medium",
  level: "advisory",
  remediation: "Grant each party to update what is theirs to say: `grant update (read_at)`.",
  find: (schema) => {
    const proof = ownerProof(schema);
    return schema.tables.flatMap((table) => rewritten(table, proof));
  },
});

function rewritten(table: Table, proof: OwnerProof): Found[] {
  const owners = proof.ownership.ownersOf(table);
  if (owners.length < 2) return [];
  const writer = writerOf(table, owners, proof);
  const other = writer === undefined ? undefined : rewriterOf(table, writer, proof);
  if (writer === undefined || other === undefined) return [];
  const told = (table.columns ?? [])
    .map(({ name }) => name)
    .filter((name) => !owners.includes(name) && !proof.ownership.keyColumns(table).includes(name))
    .filter((name) =>
      (["insert", "update"] as const).every((command) =>
        isGranted(table, command, proof.users, [name]),
      ),
    );
  if (told.length === 0) return [];
  const columns = told.join(", ");
  return [
    {
      object: quoteName(table),
      message:
        `policies of ${quoteName(table)} let ${other} update ${columns}, which ${writer} alone writes into a ` +
        "new row: one of its two users may change what the other said",
      remediation:
        `Take ${columns} out of the columns that are granted for update, or let ${writer} alone update: ` +
        `\`using ((select auth.uid()) = ${writer})\`.`,
      origin: table.origin,
    },
  ];
}

/** The one owner's column that holds whoever inserts a row. */
function writerOf(table: Table, owners: readonly string[], proof: OwnerProof): string | undefined {
  const ways = policiesFor(table, "insert", proof)
    .filter(({ permissive }) => permissive)
    .flatMap((policy) => partiesOf(table, policy, "check", proof));
  const [writer, another] = owners.filter((owner) => ways.every((way) => way.includes(owner)));
  return ways.length > 0 && another === undefined ? writer : undefined;
}

/** Another owner's column that holds a user who may update the row by it. */
function rewriterOf(table: Table, writer: string, proof: OwnerProof): string | undefined {
  const policies = policiesFor(table, "update", proof);
  const isKept = policies.some((policy) => {
    const ways = partiesOf(table, policy, "using", proof);
    return !policy.permissive && ways.length > 0 && ways.every((way) => way.includes(writer));
  });
  if (isKept) return undefined;
  return policies
    .filter(({ permissive }) => permissive)
    .flatMap((policy) => {
      const written = partiesOf(table, policy, "check", proof).flat();
      return partiesOf(table, policy, "using", proof)
        .filter((way) => !way.includes(writer))
        .flatMap((way) => way.filter((column) => written.includes(column)));
    })[0];
}

/** For each way in which a policy's expression is true, the owners' columns that hold the user. */
function partiesOf(
  table: Table,
  policy: RowPolicy,
  part: "using" | "check",
  proof: OwnerProof,
): string[][] {
  return proof.userColumns(table, expressionOf(policy, part) ?? "");
}

function policiesFor(table: Table, command: "insert" | "update", proof: OwnerProof): RowPolicy[] {
  return (table.policies ?? []).filter((policy) => bindsCommand(policy, command, proof.users));
}
