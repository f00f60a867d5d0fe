import { AppDataError } from "../errors.js";

/** One provider's API key in the message of a user. */
export interface StoredKey {
  readonly provider: string;
  /** When it was put, ISO 8601. */
  readonly createdAt: string;
  /** When its provider was found to refuse it. */
  readonly disabledAt?: string | undefined;
  /** A view into the plain text, good until that is wiped. */
  readonly secret: Uint8Array;
}

// One byte of version, four of the header's length, the header as JSON, and the secrets one after the
// other. In JSON they would become strings, which nobody can wipe.
const VERSION = 1;
const HEADER_AT = 5;

interface Described {
  provider: string;
  createdAt: string;
  disabledAt?: string;
  length: number;
}

/** The plain text of a message, for the caller to wipe. */
export function encodeKeys(keys: readonly StoredKey[]): Buffer {
  const described = keys.map(({ provider, createdAt, disabledAt, secret }): Described => ({
    provider,
    createdAt,
    ...(disabledAt !== undefined && { disabledAt }),
    length: secret.length,
  }));
  const header = Buffer.from(JSON.stringify(described));
  const length = keys.reduce((sum, { secret }) => sum + secret.length, HEADER_AT + header.length);
  const plainText = Buffer.alloc(length);
  plainText.writeUInt8(VERSION, 0);
  plainText.writeUInt32BE(header.length, 1);
  plainText.set(header, HEADER_AT);
  let at = HEADER_AT + header.length;
  for (const { secret } of keys) {
    plainText.set(secret, at);
    at += secret.length;
  }
  return plainText;
}

/**
 * The keys of a plain text, whose secrets are views into it.
 * @throws AppDataError KEY008 for one of another form.
 */
export function decodeKeys(plainText: Buffer): StoredKey[] {
  const version = plainText.at(0);
  if (version !== VERSION || plainText.length < HEADER_AT) throw ofAnotherForm(version);
  let at = HEADER_AT + plainText.readUInt32BE(1);
  const keys = readHeader(plainText.subarray(HEADER_AT, at)).map(({ length, ...rest }) => {
    const secret = plainText.subarray(at, at + length);
    at += length;
    return { ...rest, secret };
  });
  if (at !== plainText.length) throw ofAnotherForm(version);
  return keys;
}

function readHeader(header: Buffer): Described[] {
  let value: unknown;
  try {
    value = JSON.parse(header.toString("utf8"));
  } catch {
    value = undefined;
  }
  if (Array.isArray(value) && value.every(isDescribed)) return value;
  throw ofAnotherForm(VERSION);
}

function isDescribed(value: unknown): value is Described {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return (
    typeof fields.get("provider") === "string" &&
    typeof fields.get("createdAt") === "string" &&
    ["string", "undefined"].includes(typeof fields.get("disabledAt")) &&
    typeof fields.get("length") === "number"
  );
}

function ofAnotherForm(version: number | undefined): AppDataError {
  return new AppDataError(
    "KEY008",
    `The user's API keys decrypt to a form that this version of the library does not know (version ` +
      `${version ?? "none"}, expected ${VERSION}). Use the library that wrote them, or a newer one.`,
  );
}
