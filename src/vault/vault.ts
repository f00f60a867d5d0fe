import { isUtf8 } from "node:buffer";
import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { AppDataError, codeOf, requireUuid, shown } from "../errors.js";
import type { Sessions } from "../session/sessions.js";
import { PROVIDER } from "../settings.js";
import type { Insertable } from "../types/index.js";
import { Envelope, type OpenedKeys } from "./envelope.js";
import type { StoredKey } from "./key-ring.js";
import { type RotationOptions, type RotationResult, rotateKeys } from "./rotation.js";
import { Secret } from "./secret.js";
import { type ValidationOptions, type ValidationResult, validateKeys } from "./validation.js";
import type { ColumnsOver, StoredMessage, UserKeys } from "./user-keys.js";

const MOST_SECRET_BYTES = 16_384;
const MOST_PROVIDERS = 64;
const FOREIGN_KEY_VIOLATION = "23503";

/** What is told of an API key: everything but the key. */
export interface VaultEntry {
  readonly provider: string;
  /** When it was put, ISO 8601. */
  readonly createdAt: string;
  /** When its provider was found to refuse it; until it is put again, it is not given. */
  readonly disabledAt?: string;
}

/**
 * API keys of users to other providers. All keys of a user are one message of the AWS Encryption SDK,
 * bound to that user, environment and application; the database holds nothing else of them.
 *
 * No connection to the database waits for KMS: what changes the keys writes only over the message that
 * it has read, and begins again where another was quicker.
 *
 * All of it may also fail as {@link Sessions.asUser} does.
 */
export class Vault {
  private readonly envelope: Envelope;
  private readonly userKeys: UserKeys;

  constructor(private readonly sessions: Sessions) {
    const envelope = new Envelope(sessions.settings);
    this.envelope = envelope;
    this.userKeys = {
      read: (userId) => this.read(userId),
      open: (userId, { message }) => envelope.open(userId, message),
      change: (userId, edit, columnsOver) => this.change(userId, edit, columnsOver),
      setValidatedAt: (userId, row, validatedAt) => this.setValidatedAt(userId, row, validatedAt),
    };
  }

  /**
   * Stores a user's API key, in place of the one that they have for that provider. The user has to
   * have a row in `users`.
   * @param provider 1 to 64 of the characters a-z, 0-9 and `-`. Any such name is taken, a misspelt one
   * too, unless the setting `providers` lists which there are.
   * @param secret UTF-8, at most 16 KiB.
   * @throws AppDataError DAT001 for an id that is no UUID, KEY001 for a name that is none or not of the
   * setting `providers`, KEY002 for a secret that is empty or too long, KEY005 to KEY010 where it cannot be
   * encrypted, KEY011 for one provider too many, KEY013 for a user without a row, KEY014 where others kept changing the keys.
   *
   * @example
   * await data.vault.put(userId, "openai", "sk-…");
   */
  async put(userId: string, provider: string, secret: string | Uint8Array | Secret): Promise<void> {
    requireProvider(provider, this.sessions.settings.providers);
    const bytes = secretBytes(secret);
    try {
      const add = (keys: readonly StoredKey[]) => {
        const others = keys.filter((key) => key.provider !== provider);
        if (others.length >= MOST_PROVIDERS) throw tooMany();
        const createdAt = new Date().toISOString();
        return [...others, { provider, createdAt, secret: bytes }];
      };
      const unvalidated = () => ({ last_validated_at: null });
      await this.change(requireUuid(userId, "The user's id"), add, unvalidated);
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * A user's API key for a provider. The data key that decrypts it is kept for 30 seconds.
   * @throws AppDataError DAT001, KEY001; KEY003 where there is none, KEY004 where its provider
   * refuses it, KEY005 to KEY010 where it cannot be decrypted.
   *
   * @example
   * const secret = await data.vault.get(userId, "openai");
   * try {
   *   await fetch("https://api.openai.com/v1/models", {
   *     headers: { authorization: `Bearer ${secret.reveal()}` },
   *   });
   * } finally {
   *   secret.release();
   * }
   */
  async get(userId: string, provider: string): Promise<Secret> {
    requireProvider(provider);
    return this.look(userId, (keys) => {
      const key = keys.find((each) => each.provider === provider);
      if (key === undefined) {
        throw new AppDataError(
          "KEY003",
          `The user has no API key for the provider ${shown(provider)}. Have them put one.`,
        );
      }
      if (key.disabledAt !== undefined) {
        throw new AppDataError(
          "KEY004",
          `The provider ${shown(provider)} refuses the user's API key, which was found at ` +
            `${key.disabledAt}. Have them put a new one.`,
        );
      }
      return new Secret(key.secret);
    });
  }

  /**
   * Which API keys a user has, by provider; never the keys.
   * @throws AppDataError DAT001, KEY005 to KEY010: the names are encrypted, too.
   *
   * @example
   * const names = (await data.vault.list(userId)).map(({ provider }) => provider);
   */
  async list(userId: string): Promise<VaultEntry[]> {
    const entries = await this.look(userId, (keys) =>
      keys.map(({ provider, createdAt, disabledAt }) => ({
        provider,
        createdAt,
        ...(disabledAt !== undefined && { disabledAt }),
      })),
    );
    return entries.sort((one, other) => (one.provider < other.provider ? -1 : 1));
  }

  /**
   * Deletes a user's API key for a provider; with the last of them, the row.
   * @returns whether there was one.
   * @throws AppDataError DAT001, KEY001, KEY005 to KEY010, KEY014.
   *
   * @example
   * await data.vault.delete(userId, "openai");
   */
  async delete(userId: string, provider: string): Promise<boolean> {
    requireProvider(provider);
    let wasThere = false;
    await this.change(requireUuid(userId, "The user's id"), (keys) => {
      const others = keys.filter((key) => key.provider !== provider);
      wasThere = others.length < keys.length;
      return wasThere ? others : undefined;
    });
    return wasThere;
  }

  /**
   * Deletes all API keys of a user, also those that cannot be decrypted any more.
   * @returns whether there were any.
   * @throws AppDataError DAT001.
   *
   * @example
   * await data.vault.clear(userId);
   */
  async clear(userId: string): Promise<boolean> {
    const id = requireUuid(userId, "The user's id");
    const { numDeletedRows } = await this.sessions.asUser(id, (db) =>
      db.deleteFrom("user_api_keys").where("user_id", "=", id).executeTakeFirst(),
    );
    return numDeletedRows > 0n;
  }

  /**
   * Encrypts under `apiKeysKeyArn` what is under a key of `apiKeysOtherKeyArns`, user by user as that
   * user. It may be stopped and begun again at any time: whoever is done is not encrypted again.
   * @throws AppDataError KEY006 and KEY009 where KMS cannot be used at all, DAT002 and DAT003.
   *
   * @example
   * const { due } = await data.vault.rotate({ dryRun: true });
   */
  async rotate(options: RotationOptions = {}): Promise<RotationResult> {
    return rotateKeys(this.sessions, this.userKeys, options);
  }

  /**
   * Asks providers whether they still take their users' keys, and disables those that they do not.
   * A provider that fails, is slow or has no validator disables nothing.
   * @throws AppDataError KEY006 and KEY009 where KMS cannot be used at all, DAT002 and DAT003.
   *
   * @example
   * const { disabled } = await data.vault.validate({ olderThanMs: 20 * 3_600_000 });
   */
  async validate(options: ValidationOptions = {}): Promise<ValidationResult> {
    return validateKeys(this.sessions, this.userKeys, options);
  }

  /** Closes the connections to KMS. @internal */
  end(): void {
    this.envelope.end();
  }

  private async look<Result>(
    userId: string,
    use: (keys: readonly StoredKey[]) => Result,
  ): Promise<Result> {
    const id = requireUuid(userId, "The user's id");
    const opened = await this.openRow(id, await this.read(id));
    try {
      return use(opened.keys);
    } finally {
      opened.wipe();
    }
  }

  private async read(userId: string): Promise<StoredMessage | undefined> {
    const row = await this.sessions.asUser(userId, (db) =>
      db
        .selectFrom("user_api_keys")
        .select(["encrypted_keys", "encryption_key_id", "last_validated_at"])
        .where("user_id", "=", userId)
        .executeTakeFirst(),
    );
    return (
      row && {
        message: row.encrypted_keys,
        keyArn: row.encryption_key_id,
        validatedAt: row.last_validated_at && new Date(row.last_validated_at).toISOString(),
      }
    );
  }

  private async openRow(userId: string, row: StoredMessage | undefined): Promise<OpenedKeys> {
    if (row === undefined) return { keys: [], wipe: () => undefined };
    return this.envelope.open(userId, row.message);
  }

  /** Writes what `edit` makes of a user's keys; nothing, where it gives nothing. */
  private async change(
    userId: string,
    edit: (keys: readonly StoredKey[]) => readonly StoredKey[] | undefined,
    columnsOver: ColumnsOver = () => ({}),
  ): Promise<boolean> {
    const end = performance.now() + this.sessions.settings.deadlineMs;
    for (let attempt = 1; ; attempt += 1) {
      const row = await this.read(userId);
      const opened = await this.openRow(userId, row);
      try {
        const edited = edit(opened.keys);
        if (edited === undefined) return false;
        if (await this.write(userId, row, edited, columnsOver(row))) return true;
      } finally {
        opened.wipe();
      }
      const pauseMs = randomInt(1, 10) * Math.min(attempt, 20);
      if (performance.now() + pauseMs >= end) throw changedMeanwhile(attempt);
      await sleep(pauseMs);
    }
  }

  /** Whether the row was still as it was read, and now holds these. */
  private async write(
    userId: string,
    row: StoredMessage | undefined,
    keys: readonly StoredKey[],
    columns: ReturnType<ColumnsOver>,
  ): Promise<boolean> {
    if (keys.length === 0) return row === undefined || this.deleteRow(userId, row);
    const values = {
      ...columns,
      encrypted_keys: await this.envelope.seal(userId, keys),
      encryption_key_id: this.sessions.settings.apiKeysKeyArn,
      is_active: keys.every(({ disabledAt }) => disabledAt === undefined),
    };
    return row === undefined
      ? this.insertRow({ ...values, user_id: userId })
      : this.sessions.asUser(userId, async (db) => {
          const { numUpdatedRows } = await db
            .updateTable("user_api_keys")
            .set(values)
            .where("user_id", "=", userId)
            .where("encrypted_keys", "=", row.message)
            .executeTakeFirst();
          return numUpdatedRows > 0n;
        });
  }

  private async insertRow(values: Insertable<"authenticated", "user_api_keys">): Promise<boolean> {
    try {
      return await this.sessions.asUser(values.user_id, async (db) => {
        const { numInsertedOrUpdatedRows = 0n } = await db
          .insertInto("user_api_keys")
          .values(values)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return numInsertedOrUpdatedRows > 0n;
      });
    } catch (error) {
      if (codeOf(error) === FOREIGN_KEY_VIOLATION) throw noSuchUser(values.user_id, error);
      throw error;
    }
  }

  private async deleteRow(userId: string, { message }: StoredMessage): Promise<boolean> {
    return this.sessions.asUser(userId, async (db) => {
      const { numDeletedRows } = await db
        .deleteFrom("user_api_keys")
        .where("user_id", "=", userId)
        .where("encrypted_keys", "=", message)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    });
  }

  private async setValidatedAt(
    userId: string,
    { message }: StoredMessage,
    validatedAt: string,
  ): Promise<void> {
    await this.sessions.asUser(userId, (db) =>
      db
        .updateTable("user_api_keys")
        .set({ last_validated_at: validatedAt })
        .where("user_id", "=", userId)
        .where("encrypted_keys", "=", message)
        .execute(),
    );
  }
}

/** What was given is not in the error: with the arguments exchanged it is the secret. */
function requireProvider(provider: string, known?: readonly string[]): void {
  if (typeof provider === "string" && PROVIDER.test(provider)) {
    if (known === undefined || known.includes(provider)) return;
    throw new AppDataError(
      "KEY001",
      `The name of the provider is none of the setting providers: ${known.join(", ")}. Correct it, or add ` +
        "it there.",
    );
  }
  const found =
    typeof provider !== "string"
      ? `a ${typeof provider}`
      : provider.length === 0 || provider.length > 64
        ? `a text of ${provider.length} characters`
        : "a text with another character";
  throw new AppDataError(
    "KEY001",
    `The name of the provider is ${found}, and has to be 1 to 64 of the characters a-z, 0-9 and "-".`,
  );
}

/** A copy, for the caller to wipe. Of the secret, no more than its length is in an error. */
function secretBytes(secret: string | Uint8Array | Secret): Buffer {
  const bytes = copyOf(secret);
  const problem =
    bytes === undefined
      ? `a ${typeof secret}`
      : bytes.length === 0
        ? "empty"
        : bytes.length > MOST_SECRET_BYTES
          ? `of ${bytes.length} bytes`
          : isUtf8(bytes)
            ? undefined
            : "no UTF-8";
  if (bytes !== undefined && problem === undefined) return bytes;
  bytes?.fill(0);
  throw new AppDataError(
    "KEY002",
    `The secret is ${problem ?? ""}, and has to be a text of 1 to ${MOST_SECRET_BYTES} bytes in UTF-8.`,
  );
}

function copyOf(secret: string | Uint8Array | Secret): Buffer | undefined {
  if (secret instanceof Secret) return secret.copy();
  if (typeof secret === "string") return Buffer.from(secret);
  return secret instanceof Uint8Array ? Buffer.from(secret) : undefined;
}

function tooMany(): AppDataError {
  return new AppDataError(
    "KEY011",
    `The user has API keys for ${MOST_PROVIDERS} providers, and cannot have more. Delete one first.`,
  );
}

function noSuchUser(userId: string, cause: unknown): AppDataError {
  return new AppDataError(
    "KEY013",
    `The user ${userId} has no row in users, and no API keys without one. Create the user first.`,
    { cause },
  );
}

function changedMeanwhile(attempts: number): AppDataError {
  return new AppDataError(
    "KEY014",
    `The user's API keys were changed by others each of the ${attempts} times that they were to be ` +
      "written. Nothing was changed; try again.",
  );
}
