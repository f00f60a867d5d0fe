import { performance } from "node:perf_hooks";
import {
  type DecryptCommandInput,
  type DecryptCommandOutput,
  type GenerateDataKeyCommandInput,
  type GenerateDataKeyCommandOutput,
  KMS,
} from "@aws-sdk/client-kms";
import { AppDataError } from "../errors.js";
import type { Settings } from "../settings.js";

/** Longest that one operation of the vault waits for KMS, with all repetitions. */
const KMS_DEADLINE_MS = 5_000;
/** The deadline ends the repetitions; this is for a clock that stands. */
const MOST_ATTEMPTS = 50;
const CONNECTION_MS = 1_000;
const ANSWER_MS = 2_000;

/** What KMS says where the key cannot be used as it is now. */
const UNUSABLE_KEY = ["DisabledException", "KMSInvalidStateException", "NotFoundException"];
const DENIED = [
  "AccessDeniedException",
  "CredentialsProviderError",
  "ExpiredTokenException",
  "InvalidSignatureException",
  "UnrecognizedClientException",
];
const WRONG_CIPHERTEXT = ["InvalidCiphertextException", "IncorrectKeyException"];

/** What one operation of the vault asks of KMS, with one deadline; the Encryption SDK's interface. */
export interface KmsOperation {
  /** What KMS or the way to it refused, in the library's terms. The Encryption SDK loses the error itself. */
  readonly failure: () => AppDataError | undefined;
  readonly clientOf: (region: string) => {
    decrypt(input: DecryptCommandInput): Promise<DecryptCommandOutput>;
    encrypt(): Promise<never>;
    generateDataKey(input: GenerateDataKeyCommandInput): Promise<GenerateDataKeyCommandOutput>;
  };
}

/** A call that decrypts, and the time of the operation that has made it. */
interface Decryption {
  readonly output: Promise<DecryptCommandOutput>;
  readonly signal: AbortSignal;
}

/**
 * Calls of KMS. What may pass by (throttling, an error of the service, no connection) is repeated with
 * back-off until the deadline.
 */
export class KmsCalls {
  private readonly clients = new Map<string, KMS>();
  private readonly decryptions = new Map<string, Decryption>();

  constructor(private readonly settings: Settings) {}

  /** Begins an operation, and its time. */
  begin(): KmsOperation {
    const limitMs = Math.min(KMS_DEADLINE_MS, this.settings.deadlineMs);
    const end = performance.now() + limitMs;
    let failure: AppDataError | undefined;
    const call = async <Output>(send: (abortSignal: AbortSignal) => Promise<Output>) => {
      const signal = AbortSignal.timeout(Math.max(1, Math.ceil(end - performance.now())));
      try {
        return await untilAborted(send(signal), signal);
      } catch (cause) {
        failure = explain(cause, limitMs);
        throw failure;
      }
    };
    return {
      failure: () => failure,
      clientOf: (region) => {
        const client = this.clientOf(region);
        return {
          decrypt: (input) => call((abortSignal) => this.decryptOnce(client, input, abortSignal)),
          encrypt: () => Promise.reject(new Error("The vault wraps no data key twice.")),
          generateDataKey: (input) =>
            call((abortSignal) => client.generateDataKey(input, { abortSignal })),
        };
      },
    };
  }

  /** Closes the connections. */
  end(): void {
    for (const client of this.clients.values()) client.destroy();
    this.clients.clear();
  }

  private clientOf(region: string): KMS {
    const known = this.clients.get(region);
    if (known !== undefined) return known;
    const client = new KMS({
      region,
      ...(this.settings.endpoint !== undefined && { endpoint: this.settings.endpoint }),
      maxAttempts: MOST_ATTEMPTS,
      requestHandler: {
        connectionTimeout: CONNECTION_MS,
        requestTimeout: ANSWER_MS,
        throwOnRequestTimeout: true,
      },
    });
    this.clients.set(region, client);
    return client;
  }

  /**
   * Calls that decrypt the same at the same time are one: the Encryption SDK's cache misses them all. Where
   * that ends with the time of who made it, who has time left makes another.
   */
  private async decryptOnce(
    client: KMS,
    input: DecryptCommandInput,
    signal: AbortSignal,
  ): Promise<DecryptCommandOutput> {
    const ciphertext = Buffer.from(input.CiphertextBlob ?? []).toString("base64");
    const name = `${ciphertext} ${JSON.stringify(input.EncryptionContext)}`;
    const running = this.decryptions.get(name) ?? this.beginDecryption(name, client, input, signal);
    try {
      const output = await running.output;
      // The Encryption SDK wipes what it is given.
      return {
        ...output,
        ...(output.Plaintext && { Plaintext: Uint8Array.from(output.Plaintext) }),
      };
    } catch (error) {
      if (!running.signal.aborted || signal.aborted) throw error;
      return this.decryptOnce(client, input, signal);
    }
  }

  private beginDecryption(
    name: string,
    client: KMS,
    input: DecryptCommandInput,
    signal: AbortSignal,
  ): Decryption {
    const calling = client.decrypt(input, { abortSignal: signal });
    const output = untilAborted(calling, signal).finally(() => this.decryptions.delete(name));
    const decryption = { output, signal };
    this.decryptions.set(name, decryption);
    return decryption;
  }
}

/** The SDK's pause before a repetition does not look at the signal. */
async function untilAborted<Output>(calling: Promise<Output>, signal: AbortSignal) {
  return new Promise<Output>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    calling.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function explain(cause: unknown, limitMs: number): AppDataError {
  const name = cause instanceof Error ? cause.name : "";
  const said = cause instanceof Error ? cause.message : "?";
  if (UNUSABLE_KEY.includes(name)) {
    return new AppDataError(
      "KEY005",
      `The KMS key cannot be used: ${said} Enable it, or cancel its deletion; what it encrypted is ` +
        "readable again then.",
      { cause },
    );
  }
  if (DENIED.includes(name)) {
    return new AppDataError(
      "KEY006",
      `KMS refuses this process: ${said} Check its credentials, that apiKeys.users of the stack ` +
        "names its role, and that apiKeysContext is that of the stack.",
      { cause },
    );
  }
  if (WRONG_CIPHERTEXT.includes(name)) {
    return new AppDataError(
      "KEY008",
      "The user's API keys do not decrypt: they were damaged, or encrypted for somebody or something " +
        "else. Restore the row from a backup, or clear the user's keys (`vault.clear`).",
      { cause },
    );
  }
  return new AppDataError(
    "KEY009",
    `KMS could not be used within ${limitMs} ms: ${said} Check the network, the VPC endpoint of KMS ` +
      "and its quotas; nothing was changed.",
    { cause },
  );
}
