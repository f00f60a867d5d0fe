import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

const ITERATIONS = 4096;
const LENGTH = 32;
const DIGEST = "sha256";

/**
 * What PostgreSQL stores of a password (RFC 5803): given this instead of the password, `create role`
 * sends nothing that a server log or a statement view could give away.
 *
 * @param password ASCII characters alone, of which SASLprep changes none.
 * @param salt 16 random bytes or more, Base64.
 */
export function scramVerifier(password: string, salt: string): string {
  const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), ITERATIONS, LENGTH, DIGEST);
  const keyed = (text: string): Buffer => createHmac(DIGEST, salted).update(text).digest();
  const storedKey = createHash(DIGEST).update(keyed("Client Key")).digest("base64");
  const serverKey = keyed("Server Key").toString("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt}$${storedKey}:${serverKey}`;
}
