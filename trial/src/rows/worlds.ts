/**
 * One user, and rows of every table that refer to nothing outside of their world. Whatever another user
 * gets at in it is a leak.
 */
export interface World {
  index: number;
  name: string;
  /** The id of its user, and what it is called wherever policies compare an id with the user's token. */
  id: string;
  /** Where that is a number. */
  number: string;
  /** The address of its user. */
  email: string;
}

/** Worlds whose users nobody names. */
export const WORLDS: readonly World[] = worldsWith([]);

/** Two that attack each other, and two more, whose users have the ids that migrations name. */
export function worldsWith(namedIds: readonly string[]): World[] {
  return ["A", "B", "C", "D"].map((name, index) => ({
    index,
    name,
    id: namedIds[3 - index] ?? `${"abcd"[index]}0000000-0000-4000-8000-00000000000${index + 1}`,
    number: String(910_001 + index),
    email: `${name.toLowerCase()}@${name.toLowerCase()}.example.test`,
  }));
}

/** How many ids of users that migrations name are some world's. */
export const MOST_NAMED_USERS = 2;

/** Signed in, and in no world. */
export const NOWHERE: World = {
  index: -1,
  name: "N",
  id: "e0000000-0000-4000-8000-00000000000f",
  number: "910009",
  email: "n@n.example.test",
};

/** Whose world the rows of a user are attacked in: B's by A, A's by everybody else. */
export function victimOf(attacker: World | null): World {
  const victim = WORLDS[attacker?.index === 1 ? 0 : 1];
  if (!victim) throw new Error("The trial needs two worlds.");
  return victim;
}

/** How messages call whose rows they are, given the numbers of worlds. */
export function describeWorlds(indexes: readonly number[]): string {
  const names = WORLDS.filter(({ index }) => indexes.includes(index)).map(
    ({ name }) => `user ${name}`,
  );
  return names.length === 0 ? "nobody" : names.join(" and ");
}

/** "1 row", "2 rows". */
export function countRows(count: number): string {
  return count === 1 ? "1 row" : `${count} rows`;
}
