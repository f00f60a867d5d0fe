import { isDistinguishing } from "./candidate-values";
import type { Column, Relation } from "./catalog";
import { wordsOf } from "./hints";
import type { Links } from "./links";
import { quoteText, writableColumns } from "./statements";
import type { World } from "./worlds";

/** Columns that constraints tie together, and what must hold of them. */
export interface Group {
  columns: Column[];
  condition: string;
  /** Whose rows it is about. */
  worlds: readonly World[];
}

/** That a generated column names the user, by what it is made of. */
export interface GeneratedIdentity {
  columns: string[];
  /** What has to hold of them for the row to be of a world. */
  condition: (world: World) => string;
}

/** The generated columns of a table that policies compare with who asks. */
export function generatedIdentities(relation: Relation, links: Links): GeneratedIdentity[] {
  return relation.columns.flatMap((column) => {
    const { expression } = column;
    if (expression === null || links.identityClauses(relation, column).length === 0) return [];
    const words = wordsOf(expression);
    return [
      {
        columns: relation.columns.map(({ name }) => name).filter((name) => words.has(name)),
        condition: ({ id }: World) => `((${expression})::text = ${quoteText(id)}) is true`,
      },
    ];
  });
}

const PLAIN_KINDS = new Set(["b", "e"]);

/** The groups of a table's columns that are given their values together. */
export function constrainedGroups(
  relation: Relation,
  generated: readonly GeneratedIdentity[],
  worlds: readonly World[],
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
    if (owners.length === 0) return [{ columns, worlds, condition: conditions.join(" and ") }];
    // Whose row it is, is asked for each world.
    return worlds.map((world) => ({
      columns,
      worlds: [world],
      condition: [...conditions, ...owners.map((owner) => owner.condition(world))].join(" and "),
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
