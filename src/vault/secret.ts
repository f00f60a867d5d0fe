import { inspect } from "node:util";
import { AppDataError } from "../errors.js";

const SHOWN = "[secret]";

/**
 * An API key in memory. Printed, logged or made JSON it is `[secret]`; only {@link Secret.reveal} gives
 * it. A string cannot be wiped: what {@link Secret.reveal} gave stays until it is collected.
 *
 * @example
 * const secret = await data.vault.get(userId, "openai");
 * const authorization = `Bearer ${secret.reveal()}`;
 * secret.release();
 */
export class Secret {
  readonly #bytes: Buffer;
  #isReleased = false;

  /** Copies the bytes; those that are given stay the caller's to wipe. */
  constructor(bytes: Uint8Array) {
    // Not from Buffer's pool, whose pages other buffers share.
    this.#bytes = Buffer.alloc(bytes.length);
    this.#bytes.set(bytes);
  }

  /**
   * The API key.
   * @throws AppDataError KEY012 after {@link Secret.release}.
   *
   * @example
   * const secret = await data.vault.get(userId, "openai");
   * const authorization = `Bearer ${secret.reveal()}`;
   * secret.release();
   */
  reveal(): string {
    return this.bytes().toString("utf8");
  }

  /** A copy of its bytes, for the caller to wipe. @internal */
  copy(): Buffer {
    const copy = Buffer.alloc(this.#bytes.length);
    copy.set(this.bytes());
    return copy;
  }

  /**
   * Overwrites it. Afterwards it cannot be read.
   *
   * @example
   * const secret = await data.vault.get(userId, "openai");
   * try {
   *   console.log(secret.reveal().length);
   * } finally {
   *   secret.release();
   * }
   */
  release(): void {
    this.#bytes.fill(0);
    this.#isReleased = true;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }

  private bytes(): Buffer {
    if (!this.#isReleased) return this.#bytes;
    throw new AppDataError(
      "KEY012",
      "The secret was released, and cannot be read any more. Get it from the vault again.",
    );
  }
}
