import { Exports } from "./exports/exports.js";
import { checkIdentity, checkLogin, checkServiceLogin } from "./session/login-check.js";
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

  /**
   * As {@link Sessions.close}; exports that run are stopped, and fail.
   *
   * @example
   * process.once("SIGTERM", () => void data.close());
   */
  override async close(): Promise<void> {
    this.vault.end();
    await this.exports.end();
    await super.close();
  }
}

/**
 * Connects to the stack, refuses logins that have too many rights, and makes sure that the database
 * knows who asks.
 * @param given settings in place of those of the environment.
 * @throws AppDataError CFG101 to CFG105 for settings and secrets, DAT002 where the database does not
 * answer, DAT005 for a login that owns tables, bypasses row level security, is a superuser or sees a row
 * without claims, DAT009 where auth.uid() is not who was asked for.
 *
 * @example
 * const data = await connect({ poolSize: 20 });
 */
export async function connect(given: Partial<Settings> = {}): Promise<AppData> {
  const settings = readSettings(given);
  const { appSecretArn, serviceSecretArn, tokenSecretArn, tokenAudience } = settings;
  const [login, serviceLogin] = await Promise.all([
    readLogin(settings, appSecretArn),
    serviceSecretArn === undefined ? undefined : readLogin(settings, serviceSecretArn),
  ]);
  const users = new ConnectionPool(login, settings);
  const service = serviceLogin === undefined ? users : new ConnectionPool(serviceLogin, settings);
  const streams = new ConnectionPool(login, settings, true);
  const tokens =
    tokenSecretArn !== undefined && tokenAudience !== undefined
      ? new TokenSigner(settings, tokenSecretArn, tokenAudience)
      : undefined;
  const data = new AppData(settings, users, service, streams, tokens);
  try {
    await Promise.all([
      checkLogin(users, settings),
      service === users ? undefined : checkServiceLogin(service, settings),
    ]);
    await checkIdentity(data);
    return data;
  } catch (error) {
    await data.close();
    throw error;
  }
}
