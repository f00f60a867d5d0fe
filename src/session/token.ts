import { createHmac } from "node:crypto";

/** What a token says, and what it is signed with. */
export interface TokenClaims {
  /** The signing key: the bytes that the stack's secret `tokenSecretArn` holds in Base64. */
  readonly secret: Buffer;
  /** The signed-in user, a UUID. */
  readonly userId: string;
  /** Whom the token is for: the stack's `tokenAudience`. */
  readonly audience: string;
  /**
   * How long a transaction may begin with it, in seconds; one that has begun keeps its user to its end.
   * @default 60
   */
  readonly lifetimeSeconds?: number;
}

const HEADER = encode({ alg: "HS256", typ: "JWT" });

/**
 * Signs a JSON Web Token (RFC 7519, HS256) that `auth.verified_uid()` believes. It is handed to the
 * database as a bind parameter, as `select set_config('request.jwt.token', $1, true)`: the text of a
 * statement is shown to every other session of the same login.
 */
export function signToken({ secret, userId, audience, lifetimeSeconds = 60 }: TokenClaims): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: userId, aud: audience, iat: now, exp: now + lifetimeSeconds };
  const signed = `${HEADER}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
