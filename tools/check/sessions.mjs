// Connections of the checks, each as one of the stack's logins.

/**
 * How to log in: a variable of the environment with a URL, or settings that name a secret.
 * @typedef {{ variable: string } | import("@app-data/migrator").ConnectionSettings} Login
 * @typedef {{ migrator: Login, app: Login, monitor: Login }} Logins
 */

/**
 * Runs `work` in a transaction that is rolled back.
 * @template T
 * @param {Login} login
 * @param {(client: import("pg").Client) => Promise<T>} work
 * @returns {Promise<T>}
 * @throws MigratorError when the variable is not set, or the database cannot be reached.
 */
export async function inRolledBackTransaction(login, work) {
  const { settingsFromUrl, withConnection } = await import("@app-data/migrator/migrated-database");
  const settings = "variable" in login ? settingsFromUrl(login.variable) : login;
  return withConnection(settings, async (client) => {
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
