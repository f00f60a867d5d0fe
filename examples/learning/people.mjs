// The two people who can sign in. A real application has a sign-in of its own here, which signs the
// same tokens.

export const PEOPLE = {
  ada: { id: "00000000-0000-4000-8000-0000000000a1", name: "Ada", email: "ada@example.org" },
  ben: { id: "00000000-0000-4000-8000-0000000000b2", name: "Ben", email: "ben@example.org" },
};

/** Makes the row of somebody who signs in for the first time. */
export async function signUp(data, { id, email }) {
  await data.asUser(id, (db) =>
    db
      .insertInto("users")
      .values({ id, email })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute(),
  );
}
