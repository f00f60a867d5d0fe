import type { Value } from "./candidate-values";
import type { Column, Relation } from "./catalog";
import { type Hints, wordsOf } from "./hints";
import type { Person } from "./people";
import { quoteText } from "./statements";

/** That columns of a row, put together, say whose it is. */
export interface GeneratedOwner {
  /** The columns that it is generated from. */
  columns: string[];
  /** What has to hold of them for the row to be a person's. */
  condition: (person: Person) => string;
}

/** The owners of a table that are generated from other columns. @param owners names of the owner's columns. */
export function generatedOwners(
  { columns }: Relation,
  owners: readonly string[],
): GeneratedOwner[] {
  return columns.flatMap(({ name, expression }) => {
    if (expression === null || !owners.includes(name)) return [];
    const words = wordsOf(expression);
    return [
      {
        columns: columns.map((column) => column.name).filter((other) => words.has(other)),
        condition: ({ id }) => `((${expression})::text = ${quoteText(id)}) is true`,
      },
    ];
  });
}

/** Values that a person's id may be read off, for the server to say which are. */
export function valuesOfOwner(
  { base }: Column,
  { id }: Person,
  { object = {} }: Hints,
  seed: number,
): Value[] {
  if (base === "json" || base === "jsonb") {
    return [JSON.stringify(Object.fromEntries(Object.keys(object).map((key) => [key, id])))];
  }
  const marks = ["/", ":", ".", "_", "@", " ", "|", ","];
  const parts = [
    ...marks.map((mark) => `${id}${mark}${seed}`),
    ...marks.map((mark) => `${seed}${mark}${id}`),
    `files/${id}/${seed}`,
    `${id}@${seed}.example.test`,
  ];
  return [...parts, id];
}
