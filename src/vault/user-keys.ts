import type { OpenedKeys } from "./envelope.js";
import type { StoredKey } from "./key-ring.js";

/** A user's row of `user_api_keys`. */
export interface StoredMessage {
  readonly message: Buffer;
  /** The key that the row says it is encrypted under. */
  readonly keyArn: string;
  /** ISO 8601 time in UTC, null where it was never validated. */
  readonly validatedAt: string | null;
}

/** What else is written over the message that a user has now, undefined where there is none. */
export type ColumnsOver = (row: StoredMessage | undefined) => {
  last_validated_at?: string | null;
};

/** What rotation and validation do with the keys of one user, as that user. */
export interface UserKeys {
  read(userId: string): Promise<StoredMessage | undefined>;
  open(userId: string, row: StoredMessage): Promise<OpenedKeys>;
  /** Encrypts anew what `edit` gives; nothing is written where it gives nothing. */
  change(
    userId: string,
    edit: (keys: readonly StoredKey[]) => readonly StoredKey[] | undefined,
    columnsOver?: ColumnsOver,
  ): Promise<boolean>;
  /** Of the message that was looked at; where there is another by now, nothing is written. */
  setValidatedAt(userId: string, row: StoredMessage, validatedAt: string): Promise<void>;
}
