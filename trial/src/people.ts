/** A user of the trial. */
export interface Person {
  index: number;
  name: string;
  /** The `sub` claim. */
  id: string;
}

const NAMES = ["A", "B", "C", "D"];

/** Two who attack each other, and two more, so that a table with one row a user has several kinds. */
export const PEOPLE: readonly Person[] = NAMES.map((name, index) => ({
  index,
  name,
  id: `${"abcd"[index]}0000000-0000-4000-8000-00000000000${index + 1}`,
}));

/** Signed in, but in no table. */
export const STRANGER = "e0000000-0000-4000-8000-00000000000f";

/** How messages call the owners of a row, given their ids. */
export function describeOwners(ids: readonly string[]): string {
  if (ids.length === 0) return "nobody";
  return ids
    .map((id) => {
      const person = PEOPLE.find((one) => one.id === id);
      return person ? `user ${person.name}` : `user ${id}`;
    })
    .join(" and ");
}

/** "1 row", "2 rows". */
export function countRows(count: number): string {
  return count === 1 ? "1 row" : `${count} rows`;
}
