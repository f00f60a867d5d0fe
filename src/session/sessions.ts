import { AppDataError, requireUuid } from "../errors.js";
import type { Settings } from "../settings.js";
import type { ConnectionPool } from "./pool.js";
import type { Queries } from "./queries.js";
import type { TokenSigner } from "./token-signer.js";
import { runTransaction, type Transaction, type TransactionOptions } from "./transaction.js";

/** Transactions as users and as the back office. */
export class Sessions {
  constructor(
    /** What it was connected with. */
    public readonly settings: Settings,
    private readonly userPool: ConnectionPool,
    private readonly servicePool: ConnectionPool,
    private readonly streamPool: ConnectionPool,
    private readonly tokens: TokenSigner | undefined,
  ) {}

  /**
   * Runs one transaction as a user: `authenticated`, and `auth.uid()` is the id.
   * @param userId a UUID.
   * @throws AppDataError DAT001 for an id that is no UUID, DAT002 to DAT004 as
   * {@link TransactionOptions} says; with signed tokens CFG104 and CFG105 where their key cannot be read or
   * is none, DAT009 where the database does not believe a token any more; whatever the work throws, after a
   * rollback.
   *
   * @example
   * const sessions = await data.asUser(
   *   userId,
   *   (db) => db.selectFrom("sessions").select("id").execute(),
   *   { deadlineMs: 5_000 },
   * );
   */
  async asUser<Result>(
    userId: string,
    work: (queries: Queries<"authenticated">) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    return this.runAsUser(this.userPool, userId, ({ queries }) => work(queries), options);
  }

  /**
   * Runs one transaction as the back office, `service_role`, which sees rows of all users.
   * @throws AppDataError DAT002 to DAT004; whatever the work throws, after a rollback.
   *
   * @example
   * const failed = await data.asService((db) =>
   *   db.selectFrom("export_history").select("id").where("status", "=", "failed").execute(),
   * );
   */
  async asService<Result>(
    work: (queries: Queries<"service_role">) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    return this.transactionAsService(({ queries }) => work(queries), options);
  }

  /**
   * A token for a browser or another service, which says that a user is signed in; the application has
   * made sure of that. The database believes it, too.
   * @param userId a UUID.
   * @param lifetimeSeconds how long {@link Sessions.userOf} and the database believe it.
   * @throws AppDataError DAT001 for an id that is no UUID, DAT007 where the stack has no signed tokens,
   * CFG104 and CFG105 where their key cannot be read or is none.
   *
   * @example
   * const token = await data.signToken(userId, 3600);
   */
  async signToken(userId: string, lifetimeSeconds: number): Promise<string> {
    return this.signer().sign(requireUuid(userId, "The user's id"), lifetimeSeconds);
  }

  /**
   * The user whom a token of {@link Sessions.signToken} names, undefined where it is none, was changed or
   * has run out.
   * @throws AppDataError DAT007 where the stack has no signed tokens, CFG104 and CFG105 where their key
   * cannot be read or is none.
   *
   * @example
   * const user = await data.userOf(await data.signToken(userId, 3600));
   */
  async userOf(token: string): Promise<string | undefined> {
    return this.signer().userOf(token);
  }

  private async runAsUser<Result>(
    pool: ConnectionPool,
    userId: string,
    work: (transaction: Transaction<"authenticated">) => Promise<Result>,
    options: TransactionOptions,
  ): Promise<Result> {
    const sub = requireUuid(userId, "The user's id");
    const claims = JSON.stringify({ sub, role: "authenticated" });
    return runTransaction(
      pool,
      async () => ({
        role: "authenticated",
        claims,
        signed: this.tokens && { userId: sub, token: await this.tokens.sign(sub) },
      }),
      work,
      { deadlineMs: this.settings.deadlineMs, ...options },
    );
  }

  /** As {@link Sessions.asUser}, on a connection that streams with `COPY`. @internal */
  async streamAsUser<Result>(
    userId: string,
    work: (transaction: Transaction<"authenticated">) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    return this.runAsUser(this.streamPool, userId, work, options);
  }

  /** As {@link Sessions.asService}, with the connection. @internal */
  async transactionAsService<Result>(
    work: (transaction: Transaction<"service_role">) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    return runTransaction(
      this.servicePool,
      async () => ({
        role: "service_role",
        claims: JSON.stringify({ role: "service_role" }),
      }),
      work,
      { deadlineMs: this.settings.deadlineMs, ...options },
    );
  }

  private signer(): TokenSigner {
    if (this.tokens) return this.tokens;
    throw new AppDataError(
      "DAT007",
      "The stack has no signed tokens: the setting tokenSecretArn is missing. Switch on verified " +
        "identities in the stack (docs/migrations/006-verified-identity.md).",
    );
  }

  /**
   * Closes all connections, once the transactions that run have ended.
   *
   * @example
   * process.once("SIGTERM", () => void data.close());
   */
  async close(): Promise<void> {
    await Promise.all(
      [...new Set([this.userPool, this.servicePool, this.streamPool])].map((pool) => pool.end()),
    );
  }
}
