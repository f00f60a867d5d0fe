import { isDistinguishing } from "./candidate-values";
import type { Column, Relation } from "./catalog";
import type { GeneratedOwner } from "./generated-owners";
import { PEOPLE, type Person } from "./people";
import { writableColumns } from "./statements";

/** Columns that constraints tie together, and what must hold of them. */
export interface Group {
  columns: Column[];
  condition: string;
  /** Whose rows it is about. */
  people: readonly Person[];
}

const PLAIN_KINDS = new Set(["b", "e"]);

/** The groups of a table's columns that are given their values together. */
export function constrainedGroups(
  relation: Relation,
  generated: readonly GeneratedOwner[],
): Group[] {
  const writable = writableColumns(relation);
  const checks = [
    ...relation.checks,
    ...(relation.partitionCheck === null
      ? []
      : [
          {
            expression: relation.partitionCheck,
            columns: writable
              .map(({ name }) => name)
              .filter((name) => mentions(relation.partitionCheck, name)),
          },
        ]),
  ].filter(({ columns }) =>
    columns.some((name) => writable.some((column) => column.name === name)),
  );
  const groups: { names: Set<string>; conditions: string[] }[] = [];
  const join = (names: readonly string[], condition: string) => {
    const touching = groups.filter((group) => names.some((name) => group.names.has(name)));
    for (const group of touching) groups.splice(groups.indexOf(group), 1);
    groups.push({
      names: new Set([...touching.flatMap((group) => [...group.names]), ...names]),
      conditions: [...touching.flatMap(({ conditions }) => conditions), condition],
    });
  };
  for (const { columns, expression } of checks) join(columns, `(${expression}) is not false`);
  for (const { columns } of generated) join(columns, "true");
  for (const column of writable) {
    // Domains and rare types: that the text can be read at all is what has to be found out.
    const isOdd = column.isDomain || !PLAIN_KINDS.has(column.typeKind) || column.element !== null;
    if (isOdd || !isKnown(column)) join([column.name], "true");
  }
  return groups.flatMap(({ names, conditions }) => {
    const columns = writable.filter(({ name }) => names.has(name));
    const owners = generated.filter((owner) => owner.columns.some((name) => names.has(name)));
    if (owners.length === 0)
      return [{ columns, people: PEOPLE, condition: conditions.join(" and ") }];
    // Whose row it is, is asked for each person.
    return PEOPLE.map((person) => ({
      columns,
      people: [person],
      condition: [...conditions, ...owners.map((owner) => owner.condition(person))].join(" and "),
    }));
  });
}

function isKnown(column: Column): boolean {
  return (
    column.typeKind === "e" ||
    column.base === "bool" ||
    isDistinguishing(column) ||
    /^json/.test(column.base)
  );
}

function mentions(text: string | null, name: string): boolean {
  return text !== null && new RegExp(`\\b${name.replace(/\W/g, "\\$&")}\\b`).test(text);
}
