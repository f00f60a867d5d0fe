import { createHash, createHmac } from "node:crypto";
import { scramVerifier } from "../../components/scram-verifier";

// The exchange that RFC 7677, section 3, prints: user "user", password "pencil".
const SALT = "W22ZaJ0SNY7soEsUEjb6gQ==";
const NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const EXCHANGE = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${NONCE},s=${SALT},i=4096,c=biws,r=${NONCE}`;
const CLIENT_PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

function keysIn(verifier: string): { storedKey: Buffer; serverKey: Buffer } {
  const [storedKey = "", serverKey = ""] = (verifier.split("$")[2] ?? "").split(":");
  return {
    storedKey: Buffer.from(storedKey, "base64"),
    serverKey: Buffer.from(serverKey, "base64"),
  };
}

/** Whether a server that holds the verifier takes the client's proof for right. */
function accepts(verifier: string): boolean {
  const { storedKey } = keysIn(verifier);
  const signature = createHmac("sha256", storedKey).update(EXCHANGE).digest();
  const clientKey = Buffer.from(CLIENT_PROOF, "base64").map(
    (byte, i) => byte ^ (signature[i] ?? 0),
  );
  return createHash("sha256").update(clientKey).digest().equals(storedKey);
}

describe("scramVerifier", () => {
  const verifier = scramVerifier("pencil", SALT);

  it("has the form in which PostgreSQL stores passwords", () => {
    expect(verifier).toMatch(
      /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/,
    );
  });

  it("signs what the server of the RFC signs", () => {
    const { serverKey } = keysIn(verifier);
    const signature = createHmac("sha256", serverKey).update(EXCHANGE).digest("base64");
    expect(signature).toBe(SERVER_SIGNATURE);
  });

  it("accepts the proof of the client of the RFC, and not under another password", () => {
    expect(accepts(verifier)).toBe(true);
    expect(accepts(scramVerifier("Pencil", SALT))).toBe(false);
  });

  it("does not contain the password", () => {
    expect(verifier).not.toContain("pencil");
  });
});
