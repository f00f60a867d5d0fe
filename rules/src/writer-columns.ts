import { isGranted } from "./granted-commands";
import type { OwnerProof } from "./owner-proof";
import { bindsCommand, expressionOf } from "./policy-parts";
import type { RowPolicy, Table } from "./schema";
import type { WayLinks } from "./way-links";

/** What policies tie of a row that an end user writes. */
export interface WriterColumns {
  /** Columns that hold whoever writes the row. */
  owners: readonly string[];
  /** Columns that name a row of whoever writes it in another table, and by which column of that. */
  parents: readonly ParentColumn[];
}

export interface ParentColumn {
  column: string;
  parent: Table;
  key: string;
}

/** What every policy by which end users write a table's rows ties to who does. */
export function writerColumns(table: Table, proof: OwnerProof): WriterColumns {
  if (!table.rowSecurity) return { owners: [], parents: [] };
  const { ownership, users } = proof;
  const isList = (name: string) =>
    (table.columns ?? []).some((column) => column.name === name && column.type.endsWith("[]"));
  const named = [...ownership.ownersOf(table), ...ownership.guestsOf(table)];
  const linked = (table.foreignKeys ?? []).flatMap(({ columns, table: name, references }) => {
    const [column, another] = columns;
    const parent = ownership.table(name);
    if (column === undefined || another !== undefined || !parent) return [];
    const key = references[0] ?? ownership.keyColumns(parent)[0];
    return key === undefined ? [] : [{ column, parent, key }];
  });
  const isTied = (asks: Asks) =>
    commands.every(
      (command) => !isGranted(table, command, users) || isAsked(table, command, asks, proof),
    );
  return {
    owners: named.filter((name) => !isList(name) && isTied((way) => way.isUsers(0, [name]))),
    parents: linked.filter((link) => isTied((way) => leadsToOwn(way, link, proof))),
  };
}

type Asks = (way: WayLinks) => boolean;

const commands = ["insert", "update", "delete"] as const;

/** Whether policies let a command past only where something holds: of the row before, and of the row after. */
function isAsked(
  table: Table,
  command: (typeof commands)[number],
  asks: Asks,
  proof: OwnerProof,
): boolean {
  const binding = (table.policies ?? []).filter((policy) =>
    bindsCommand(policy, command, proof.users),
  );
  const parts = (["using", "check"] as const).filter((part) =>
    part === "using" ? command !== "insert" : command !== "delete",
  );
  return parts.every((part) => {
    const confines = (policy: RowPolicy) => {
      const expression = expressionOf(policy, part);
      return expression !== null && (proof.waysOf(table, expression)?.every(asks) ?? false);
    };
    const isNarrowed = binding.some(
      (policy) => !policy.permissive && policy.roles.includes("public") && confines(policy),
    );
    return isNarrowed || binding.every((policy) => !policy.permissive || confines(policy));
  });
}

/** Whether a row that is written leads, by a key, to one of the signed-in user's. */
function leadsToOwn(
  way: WayLinks,
  { column, parent, key }: ParentColumn,
  proof: OwnerProof,
): boolean {
  return way.sources.some(
    ({ id, table }) =>
      table === parent &&
      way.isUsers(id, proof.ownership.ownersOf(parent)) &&
      way.equalTo(id, 0, column).includes(key),
  );
}
