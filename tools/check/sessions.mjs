// Connections of the checks, each as one of the logins that a variable of the environment names.

/**
 * Runs `work` in a transaction that is rolled back.
 * @template T
 * @param {string} variable with the URL, for instance `APP_URL`.
 * @param {(client: import("pg").Client) => Promise<T>} work
 * @returns {Promise<T>}
 * @throws MigratorError when the variable is not set, or the database cannot be reached.
 */
export async function inRolledBackTransaction(variable, work) {
  const { settingsFromUrl, withConnection } = await import("@app-data/migrator/migrated-database");
  return withConnection(settingsFromUrl(variable), async (client) => {
    await client.query("begin");
    try {
      return await work(client);
    } finally {
      await client.query("rollback");
    }
  });
}

/**
 * Makes the transaction that of a request.
 * @param {import("pg").Client} client connected as `app`.
 * @param {"authenticated" | "service_role"} role
 * @param {string} [user] the id of who is signed in.
 */
export async function actAs(client, role, user) {
  await client.query(`set local role ${role}`);
  await client.query("select set_config('request.jwt.claims', $1, true)", [
    user ? JSON.stringify({ sub: user, role }) : "",
  ]);
}
