import { Exports } from "./exports/exports.js";
import { checkLogin } from "./session/login-check.js";
import { readLogin } from "./session/login.js";
import { ConnectionPool } from "./session/pool.js";
import { Sessions } from "./session/sessions.js";
import { TokenSigner } from "./session/token-signer.js";
import { readSettings, type Settings } from "./settings.js";
import { Users } from "./users/users.js";
import { Vault } from "./vault/vault.js";

/**
 * The stack as an application uses it.
 *
 * @example
 * const data = await connect();
 * const sessions = await data.asUser(userId, (db) =>
 *   db.selectFrom("sessions").select(["id", "started_at"]).execute(),
 * );
 * await data.close();
 */
export class AppData extends Sessions {
  /** API keys of users to other providers. */
  public readonly vault = new Vault(this);
  /** Files of a user's rows. */
  public readonly exports = new Exports(this);
  /** Accounts. */
  public readonly users = new Users(this, this.exports);

  /** As {@link Sessions.close}; exports that run are stopped, and fail. */
  override async close(): Promise<void> {
    this.vault.end();
    await this.exports.end();
    await super.close();
  }
}

/**
 * Connects to the stack, and refuses a login that has too many rights.
 * @param given settings in place of those of the environment.
 * @throws AppDataError CFG101 to CFG105 for settings and secrets, DAT005 for a login that owns tables,
 * bypasses row level security, is a superuser or sees a row without claims.
 *
 * @example
 * const data = await connect({ poolSize: 20 });
 */
export async function connect(given: Partial<Settings> = {}): Promise<AppData> {
  const settings = readSettings(given);
  const login = await readLogin(settings, settings.appSecretArn);
  const users = new ConnectionPool(login, settings);
  try {
    await checkLogin(users, settings);
    const service =
      settings.serviceSecretArn === undefined
        ? users
        : new ConnectionPool(await readLogin(settings, settings.serviceSecretArn), settings);
    const streams = new ConnectionPool(login, settings, true);
    const { tokenSecretArn, tokenAudience } = settings;
    const tokens =
      tokenSecretArn !== undefined && tokenAudience !== undefined
        ? new TokenSigner(settings, tokenSecretArn, tokenAudience)
        : undefined;
    return new AppData(settings, users, service, streams, tokens);
  } catch (error) {
    await users.end();
    throw error;
  }
}
