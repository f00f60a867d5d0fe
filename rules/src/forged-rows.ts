import { isGranted } from "./granted-commands";
import type { OwnerProof } from "./owner-proof";
import { bindsCommand, bindsUsersOf, expressionOf } from "./policy-parts";
import type { RowPolicy, Table } from "./schema";

/** Columns that say when, and nothing in anybody's name. */
const times = /^(timestamp|date|time)/;

/**
 * What is wrong with a policy by which one of two users of a row, such as a message's recipient, may write
 * it in the other's name; undefined where one column is the signed-in user's in every way, or where the row
 * says nothing but who its users are.
 */
export function forgery(table: Table, policy: RowPolicy, proof: OwnerProof): string | undefined {
  const { users } = proof;
  if (!bindsCommand(policy, "insert", users) || !isWritten(table, proof)) return undefined;
  const asked = writersOf(table, policy, proof);
  if (isOneColumn(asked)) return undefined;
  const [first = [], ...others] = asked;
  const other = others.find((columns) => !columns.some((column) => first.includes(column)));
  if (!other) return undefined;
  const isNarrowed = (table.policies ?? []).some(
    (floor) =>
      !floor.permissive &&
      bindsCommand(floor, "insert", users) &&
      bindsUsersOf(floor, policy, users) &&
      isOneColumn(writersOf(table, floor, proof)),
  );
  if (isNarrowed) return undefined;
  return (
    `one of its arms asks for ${first.join(" and ")} and another for ${other.join(" and ")}, so that ` +
    "each may write a new row in the other's name"
  );
}

function isOneColumn([first = [], ...others]: readonly (readonly string[])[]): boolean {
  return first.some((column) => others.every((columns) => columns.includes(column)));
}

/** The columns that hold the signed-in user, for each way in which a new row passes that asks for one. */
function writersOf(table: Table, policy: RowPolicy, proof: OwnerProof): string[][] {
  const expression = expressionOf(policy, "check");
  const ways = expression === null ? [] : proof.userColumns(table, expression);
  return policy.permissive ? ways.filter((columns) => columns.length > 0) : ways;
}

/** Whether end users write more of a new row than its key, what it refers to, and when it was. */
function isWritten(table: Table, { ownership, users }: OwnerProof): boolean {
  const { columns = [], foreignKeys = [] } = table;
  const owners = ownership.ownersOf(table);
  const keys = ownership.keyColumns(table);
  const linked = [...owners, ...foreignKeys.flatMap((key) => key.columns), ...keys];
  const said = columns.filter(({ name, type }) => !linked.includes(name) && !times.test(type));
  return isGranted(
    table,
    "insert",
    users,
    said.map(({ name }) => name),
  );
}
