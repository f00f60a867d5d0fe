import { finished } from "node:stream/promises";
import {
  AlgorithmSuiteIdentifier,
  CommitmentPolicy,
  KmsKeyringNode,
  NodeCachingMaterialsManager,
  NodeDefaultCryptographicMaterialsManager,
  type NodeMaterialsManager,
  buildClient,
  getLocalCryptographicMaterialsCache,
} from "@aws-crypto/client-node";
import { AppDataError, shown } from "../errors.js";
import type { Settings } from "../settings.js";
import { type StoredKey, decodeKeys, encodeKeys } from "./key-ring.js";
import { KmsCalls } from "./kms-calls.js";

/** How long a data key may be used without asking KMS again: so long does a disabled key still work. */
const MOST_AGE_MS = 30_000;
/** Data keys at once, so users; the one that was not used for longest makes room. More are wiped more often. */
const MOST_DATA_KEYS = 250;
/**
 * How often one that is too old is wiped. The cache looks only at the one that was not used for longest, so
 * as many have to be looked at in the time that they last: all are gone a minute after their last use.
 */
const WIPE_MS = MOST_AGE_MS / MOST_DATA_KEYS;

/** Name in the encryption context of the user's id; the key's policy demands it. */
const USER_CONTEXT_NAME = "user_id";
const KEY_ARN = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/\S+$/;

const { encrypt, decryptStream } = buildClient({
  commitmentPolicy: CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
  // A message names one wrapped data key: a stranger's cannot make us ask KMS for many.
  maxEncryptedDataKeys: 1,
});

/** The keys of a user, readable until they are wiped. */
export interface OpenedKeys {
  readonly keys: readonly StoredKey[];
  /** Overwrites the plain text. */
  wipe(): void;
}

/** Messages of the AWS Encryption SDK: all API keys of a user are one. */
export class Envelope {
  private readonly kms: KmsCalls;
  /** Made at the first use, since it looks for what to wipe for good. */
  private cache: ReturnType<typeof getLocalCryptographicMaterialsCache> | undefined;

  constructor(private readonly settings: Settings) {
    this.kms = new KmsCalls(settings);
  }

  /**
   * Encrypts a user's keys under the stack's key, with a data key of their own.
   * @throws AppDataError KEY005, KEY006, KEY009, CFG102.
   */
  async seal(userId: string, keys: readonly StoredKey[]): Promise<Buffer> {
    const operation = this.kms.begin();
    const keyring = new KmsKeyringNode({
      clientProvider: operation.clientOf,
      generatorKeyId: requireKeyArn(this.settings.apiKeysKeyArn, "apiKeysKeyArn"),
    });
    const plainText = encodeKeys(keys);
    try {
      const { result } = await encrypt(keyring, plainText, {
        suiteId: AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
        encryptionContext: this.contextOf(userId),
      });
      return result;
    } catch (error) {
      throw operation.failure() ?? error;
    } finally {
      plainText.fill(0);
    }
  }

  /**
   * Decrypts the keys of a user.
   * @throws AppDataError KEY005 to KEY010, CFG102.
   */
  async open(userId: string, message: Buffer): Promise<OpenedKeys> {
    const operation = this.kms.begin();
    const keyIds = [
      requireKeyArn(this.settings.apiKeysKeyArn, "apiKeysKeyArn"),
      ...this.settings.apiKeysOtherKeyArns.map((arn) => requireKeyArn(arn, "apiKeysOtherKeyArns")),
    ];
    this.cache ??= getLocalCryptographicMaterialsCache(MOST_DATA_KEYS, WIPE_MS);
    const cached = new NodeCachingMaterialsManager({
      backingMaterials: new NodeDefaultCryptographicMaterialsManager(
        new KmsKeyringNode({ clientProvider: operation.clientOf, keyIds }),
      ),
      cache: this.cache,
      partition: userId,
      maxAge: MOST_AGE_MS,
    });
    // Asked before KMS or the cache: the SDK proves that a context was not changed, not that it is ours.
    const checked: NodeMaterialsManager = {
      getEncryptionMaterials: (request) => cached.getEncryptionMaterials(request),
      decryptMaterials: async (request) => {
        requireContext(request.encryptionContext, this.contextOf(userId));
        for (const { providerInfo } of request.encryptedDataKeys) {
          requireKnownKey(providerInfo, keyIds);
        }
        return cached.decryptMaterials(request);
      },
    };
    let plainText: Buffer;
    try {
      plainText = await decrypt(checked, message);
    } catch (cause) {
      throw operation.failure() ?? (cause instanceof AppDataError ? cause : damaged(cause));
    }
    const wipe = () => void plainText.fill(0);
    try {
      return { keys: decodeKeys(plainText), wipe };
    } catch (error) {
      wipe();
      throw error;
    }
  }

  /** Closes the connections to KMS. The cache goes on wiping: it gives nothing to stop it by. */
  end(): void {
    this.kms.end();
  }

  private contextOf(userId: string): Record<string, string> {
    return { ...this.settings.apiKeysContext, [USER_CONTEXT_NAME]: userId };
  }
}

/**
 * As the SDK's own `decrypt`, which leaves the parts of the plain text in memory. They are taken as they come:
 * who reads a stream is given copies of them.
 */
async function decrypt(materials: NodeMaterialsManager, message: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [];
  try {
    const stream = decryptStream(materials).on("data", (part: Buffer) => parts.push(part));
    stream.end(message);
    await finished(stream);
    if (parts.length === 0) throw new Error("The message ends before its body.");
    return Buffer.concat(parts);
  } finally {
    for (const part of parts) part.fill(0);
  }
}

function requireContext(
  found: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string>>,
): void {
  const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])].sort();
  const wrong = names.filter((name) => found[name] !== expected[name]);
  if (wrong.length === 0) return;
  throw new AppDataError(
    "KEY007",
    `The user's API keys were encrypted in another context (${wrong.join(", ")}): for another user, ` +
      "environment or application. A row was copied, or apiKeysContext is not that of the stack.",
  );
}

function requireKnownKey(arn: string, known: readonly string[]): void {
  if (known.includes(arn)) return;
  // Whole, so that it can be looked up, where it looks like one: the row may hold any text.
  const found = /^[\w:/-]{1,120}$/.test(arn) ? arn : shown(arn);
  throw new AppDataError(
    "KEY010",
    `The user's API keys are encrypted under the KMS key ${found}, which is neither apiKeysKeyArn ` +
      "nor one of apiKeysOtherKeyArns. If the stack has that key, the settings of this process are older " +
      "than a rotation: start it with the stack's present outputs. Otherwise name it in " +
      "apiKeysOtherKeyArns until `vault rotate` has gone through.",
  );
}

function requireKeyArn(arn: string, name: string): string {
  if (KEY_ARN.test(arn)) return arn;
  throw new AppDataError(
    "CFG102",
    `${name} is ${shown(arn)}, and has to be the ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/ID.`,
  );
}

function damaged(cause: unknown): AppDataError {
  return new AppDataError(
    "KEY008",
    "The user's API keys do not decrypt: the message was damaged. Restore the row from a backup, or " +
      "clear the user's keys (`vault.clear`) and have them put anew.",
    { cause },
  );
}
