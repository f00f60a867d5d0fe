import { createHmac, timingSafeEqual } from "node:crypto";
import { AppDataError, requireUuid } from "../errors.js";
import type { Settings } from "../settings.js";
import { readSecret } from "./aws-secrets.js";
import { signToken } from "./token.js";

/** A rotated secret is taken up after this long; the database believes the one before it meanwhile. */
const KEPT_MS = 300_000;
/** Long enough for a transaction to begin. */
const TRANSACTION_SECONDS = 60;

/** Signs and checks tokens of the stack, where it demands verified identities. */
export class TokenSigner {
  private secret: { readonly bytes: Buffer; readonly until: number } | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly secretArn: string,
    private readonly audience: string,
  ) {}

  /** A token that says that a user is signed in. */
  async sign(userId: string, lifetimeSeconds = TRANSACTION_SECONDS): Promise<string> {
    const secret = await this.read();
    return signToken({ secret, userId, audience: this.audience, lifetimeSeconds });
  }

  /** The user whom a token of {@link TokenSigner.sign} names; undefined where it is none or has run out. */
  async userOf(token: string): Promise<string | undefined> {
    const [header, payload, signature, ...rest] = token.split(".");
    if (header === undefined || payload === undefined || signature === undefined) return undefined;
    const expected = createHmac("sha256", await this.read())
      .update(`${header}.${payload}`)
      .digest();
    const found = Buffer.from(signature, "base64url");
    if (rest.length > 0 || found.length !== expected.length) return undefined;
    if (!timingSafeEqual(found, expected)) return undefined;
    // Signed with our secret, so of our making.
    const claims = new Map(
      Object.entries(JSON.parse(Buffer.from(payload, "base64url").toString()) as object),
    );
    const [sub, aud, exp] = [claims.get("sub"), claims.get("aud"), claims.get("exp")];
    const isGood = aud === this.audience && typeof exp === "number" && exp > Date.now() / 1_000;
    return isGood && typeof sub === "string" ? requireUuid(sub, "The token's sub") : undefined;
  }

  private async read(): Promise<Buffer> {
    if (this.secret === undefined || this.secret.until < Date.now()) {
      const bytes = Buffer.from(await readSecret(this.settings, this.secretArn), "base64");
      if (bytes.length < 32) {
        throw new AppDataError(
          "CFG105",
          `The secret ${this.secretArn} signs tokens, and has to be 32 bytes or more in Base64.`,
        );
      }
      this.secret = { bytes, until: Date.now() + KEPT_MS };
    }
    return this.secret.bytes;
  }
}
