// Connections of the checks, each as one of the stack's logins.

/**
 * How to log in: a variable of the environment with a URL, or settings that name a secret.
 * @typedef {{ variable: string } | import("@app-data/migrator").ConnectionSettings} Login
 * @typedef {{ migrator: Login, app: Login, service: Login, monitor: Login }} Logins
 * @typedef {(userId: string) => Promise<string>} Sign makes the token of a user.
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
 * Makes the transaction that of a request, as the client library does.
 * @param {import("pg").Client} client connected as `app`, or as `service` for the back office.
 * @param {"authenticated" | "service_role"} role
 * @param {{ user?: string, sign?: Sign }} who is signed in; `sign` where the stack has tokens.
 */
export async function actAs(client, role, { user, sign } = {}) {
  await client.query(`set local role ${role}`);
  await client.query(
    "select set_config('request.jwt.claims', $1, true), set_config('request.jwt.token', $2, true)",
    [user ? JSON.stringify({ sub: user, role }) : "", user && sign ? await sign(user) : ""],
  );
}

/**
 * What signs tokens with the stack's key, where it has one.
 * @param {Record<string, any>} outputs of the stack.
 * @param {string} region
 * @returns {Promise<Sign | undefined>}
 */
export async function signerOf({ tokenSecretArn, tokenAudience }, region) {
  if (!tokenSecretArn) return undefined;
  const { TokenSigner } = await import("../../src/dist/session/token-signer.js");
  const signer = new TokenSigner({ region }, tokenSecretArn, tokenAudience);
  return (userId) => signer.sign(userId);
}
