import { createHmac, timingSafeEqual } from "node:crypto";
import { AppDataError, requireUuid } from "../errors.js";
import { type AwsSettings, readSecret } from "./aws-secrets.js";
import { signToken } from "./token.js";

/**
 * After this long the secret is read again, while the key goes on; after twice as long, nobody signs before
 * that. The database, told seconds after a rotation, believes both keys.
 */
const KEPT_MS = 300_000;
/** Where the secret cannot be read again, the key that is there goes on for this long. */
const RETRY_MS = 60_000;
/** For a token that the key did not sign, the others are asked for no more often. */
const OTHERS_KEPT_MS = 10_000;
/** Long enough for a transaction to begin. */
const TRANSACTION_SECONDS = 60;

/** What HMAC with SHA-256 is as strong as. */
const LEAST_KEY_BYTES = 32;
/** Of HMAC with SHA-256. */
const SIGNATURE_BYTES = 32;

/** Signs and checks tokens of the stack, where it demands verified identities. */
export class TokenSigner {
  private secret: { readonly bytes: Buffer; readonly until: number } | undefined;
  private reading: Promise<Buffer> | undefined;
  private others: { readonly keys: Promise<Buffer[]>; readonly until: number } | undefined;

  constructor(
    private readonly settings: AwsSettings,
    private readonly secretArn: string,
    private readonly audience: string,
  ) {}

  /** A token that says that a user is signed in. */
  async sign(userId: string, lifetimeSeconds = TRANSACTION_SECONDS): Promise<string> {
    const secret = await this.read();
    return signToken({ secret, userId, audience: this.audience, lifetimeSeconds });
  }

  /**
   * The user whom a token of {@link TokenSigner.sign} names; undefined where it is none or has run out. One
   * that another process signed counts, too, and one of the key before the present.
   */
  async userOf(token: string): Promise<string | undefined> {
    const [header, payload, signature, ...rest] = token.split(".");
    if (header === undefined || payload === undefined || signature === undefined) return undefined;
    const found = Buffer.from(signature, "base64url");
    if (rest.length > 0 || found.length !== SIGNATURE_BYTES) return undefined;
    const isSignedBy = (key: Buffer) =>
      timingSafeEqual(found, createHmac("sha256", key).update(`${header}.${payload}`).digest());
    if (!isSignedBy(await this.read()) && !(await this.readOthers()).some(isSignedBy)) {
      return undefined;
    }
    // Signed with our secret, so of our making.
    const claims = new Map(
      Object.entries(JSON.parse(Buffer.from(payload, "base64url").toString()) as object),
    );
    const [sub, aud, exp] = [claims.get("sub"), claims.get("aud"), claims.get("exp")];
    const isGood = aud === this.audience && typeof exp === "number" && exp > Date.now() / 1_000;
    return isGood && typeof sub === "string" ? requireUuid(sub, "The token's sub") : undefined;
  }

  /**
   * The secret's present key, which this process may not have taken up yet, and the one before it. Of what
   * cannot be read there is none, as before the first rotation.
   */
  private readOthers(): Promise<Buffer[]> {
    if (this.others === undefined || this.others.until < Date.now()) {
      const found = Promise.allSettled(
        (["AWSCURRENT", "AWSPREVIOUS"] as const).map(async (stage) =>
          keyIn(await readSecret(this.settings, this.secretArn, stage), this.secretArn),
        ),
      );
      const keys = found.then((all) =>
        all.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])),
      );
      this.others = { keys, until: Date.now() + OTHERS_KEPT_MS };
    }
    return this.others.keys;
  }

  /** The key; who has to wait while it is being read waits for the same answer. */
  private async read(): Promise<Buffer> {
    const overdueMs = this.secret === undefined ? Infinity : Date.now() - this.secret.until;
    if (this.secret !== undefined && overdueMs <= 0) return this.secret.bytes;
    this.reading ??= this.readAgain().finally(() => (this.reading = undefined));
    return this.secret !== undefined && overdueMs < KEPT_MS ? this.secret.bytes : this.reading;
  }

  private async readAgain(): Promise<Buffer> {
    try {
      const bytes = keyIn(await readSecret(this.settings, this.secretArn), this.secretArn);
      this.secret = { bytes, until: Date.now() + KEPT_MS };
      return bytes;
    } catch (error) {
      if (this.secret === undefined) throw error;
      this.secret = { ...this.secret, until: Date.now() + RETRY_MS };
      return this.secret.bytes;
    }
  }
}

/** The secret is JSON, as the stack writes it; no word of it is in an error. */
function keyIn(text: string, secretArn: string): Buffer {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "key" in value) {
      const bytes = Buffer.from(String(value.key), "base64");
      if (bytes.length >= LEAST_KEY_BYTES) return bytes;
    }
  } catch {
    // Said below.
  }
  throw new AppDataError(
    "CFG105",
    `The secret ${secretArn} holds no key for tokens: it has to be JSON with the text key, ` +
      `${LEAST_KEY_BYTES} bytes or more in Base64.`,
  );
}
