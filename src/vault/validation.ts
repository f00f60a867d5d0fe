import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sessions } from "../session/sessions.js";
import type { StoredKey } from "./key-ring.js";
import { type RunOptions, type RunResult, runOverUsers } from "./run.js";
import { Secret } from "./secret.js";
import type { StoredMessage, UserKeys } from "./user-keys.js";
import { KNOWN_VALIDATORS, type KeyValidator, type Verdict } from "./validators.js";

/** How keys are validated. */
export interface ValidationOptions extends RunOptions {
  /** @default {@link KNOWN_VALIDATORS} */
  readonly validators?: readonly KeyValidator[];
  /**
   * Looks at users whose keys were last found good or bad so long ago, or never.
   * @default 20 hours
   */
  readonly olderThanMs?: number;
  /**
   * Requests to one provider at a time.
   * @default 4
   */
  readonly atOnce?: number;
  /**
   * Milliseconds that a provider has for an answer.
   * @default 10000
   */
  readonly timeoutMs?: number;
}

/** What a validation found, in keys. */
export interface ValidationResult extends RunResult {
  readonly valid: number;
  /** Refused by their provider, and disabled. */
  readonly disabled: number;
  /** Their provider failed, or did not say; they stay as they were, and are asked of again. */
  readonly undecided: number;
  /** Of providers without a validator. */
  readonly unknown: number;
}

/** Less than a day, so that a run each night finds also those that the one before asked about last. */
const OLD_MS = 20 * 3_600_000;
const MOST_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 200;
/** So many failures in a row: the provider is down, and is left alone. */
const MOST_FAILURES = 5;
const USERS_AT_ONCE = 8;

/** As {@link Vault.validate} says. */
export async function validateKeys(
  sessions: Sessions,
  userKeys: UserKeys,
  {
    validators = KNOWN_VALIDATORS,
    olderThanMs = OLD_MS,
    atOnce = 4,
    timeoutMs = 10_000,
    ...options
  }: ValidationOptions,
): Promise<ValidationResult> {
  const providers = new Map(
    validators.map((validator) => [
      validator.provider,
      new AskedProvider(validator, atOnce, timeoutMs, options.signal),
    ]),
  );
  const counts = { valid: 0, disabled: 0, undecided: 0, unknown: 0 };
  const before = Date.now() - olderThanMs;
  const validate = async (userId: string) => {
    const row = await userKeys.read(userId);
    if (row === undefined || (row.validatedAt !== null && Date.parse(row.validatedAt) >= before))
      return;
    const { keys, wipe } = await userKeys.open(userId, row);
    try {
      const enabled = keys.filter(({ disabledAt }) => disabledAt === undefined);
      const asked = await Promise.all(
        enabled.map(async (key) => ({
          key,
          verdict: await providers.get(key.provider)?.ask(key.secret),
        })),
      );
      const refused = asked.filter(({ verdict }) => verdict === "invalid").map(({ key }) => key);
      const valid = asked.filter(({ verdict }) => verdict === "valid").length;
      counts.valid += valid;
      const undecided = asked.filter(({ verdict }) => verdict === "undecided").length;
      counts.undecided += undecided;
      counts.unknown += asked.filter(({ verdict }) => verdict === undefined).length;
      const now = new Date().toISOString();
      if (refused.length === 0) {
        // Where nobody was asked, who knows other providers asks sooner.
        if (undecided === 0 && valid > 0) await userKeys.setValidatedAt(userId, row, now);
        return;
      }
      let disabled = 0;
      const disable = (present: readonly StoredKey[]) => {
        // Of what was asked about, not of what was put since.
        const edited = present.map((key) =>
          key.disabledAt === undefined && refused.some((other) => isSame(key, other))
            ? { ...key, disabledAt: now }
            : key,
        );
        disabled = edited.filter((key, at) => key !== present[at]).length;
        return disabled > 0 ? edited : undefined;
      };
      // Another message may hold a key that nobody was asked about.
      const validated = (over: StoredMessage | undefined) =>
        undecided === 0 && over?.message.equals(row.message) ? { last_validated_at: now } : {};
      await userKeys.change(userId, disable, validated);
      counts.disabled += disabled;
    } finally {
      wipe();
    }
  };
  const result = await runOverUsers(sessions, validate, USERS_AT_ONCE, options);
  return { ...result, ...counts };
}

function isSame(one: StoredKey, other: StoredKey): boolean {
  return one.provider === other.provider && Buffer.compare(one.secret, other.secret) === 0;
}

/** One provider, which is asked so many times at once, and no more once it fails. */
class AskedProvider {
  private readonly waiting: (() => void)[] = [];
  private failuresInARow = 0;

  constructor(
    private readonly validator: KeyValidator,
    private free: number,
    private readonly timeoutMs: number,
    private readonly stop: AbortSignal | undefined,
  ) {}

  async ask(bytes: Uint8Array): Promise<Verdict> {
    if (this.free === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.free -= 1;
    try {
      return await this.askInTurn(bytes);
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }

  private async askInTurn(bytes: Uint8Array): Promise<Verdict> {
    for (let attempt = 1; this.mayAsk(); attempt += 1) {
      const verdict = await this.askOnce(bytes);
      if (verdict !== undefined) {
        this.failuresInARow = 0;
        return verdict;
      }
      if (attempt === MOST_ATTEMPTS) {
        this.failuresInARow += 1;
        break;
      }
      // Half of the pause is left to chance, so that not all come back at once.
      const pauseMs = FIRST_PAUSE_MS * 4 ** (attempt - 1);
      await sleep(pauseMs / 2 + randomInt(pauseMs / 2));
    }
    return "undecided";
  }

  private mayAsk(): boolean {
    return this.failuresInARow < MOST_FAILURES && this.stop?.aborted !== true;
  }

  /** Undefined where the provider failed, or the run was stopped. */
  private async askOnce(bytes: Uint8Array): Promise<Verdict | undefined> {
    const secret = new Secret(bytes);
    try {
      const late = AbortSignal.timeout(this.timeoutMs);
      const signal = this.stop === undefined ? late : AbortSignal.any([late, this.stop]);
      return await this.validator.check(secret, signal);
    } catch {
      // Not told: a validator's error may quote the key.
      return undefined;
    } finally {
      secret.release();
    }
  }
}
