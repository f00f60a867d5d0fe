import { type KeyObject, generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A certificate and its private key, as PEM. */
export interface Identity {
  certificate: string;
  key: string;
}

/** An authority that can sign for servers. */
export interface Authority extends Identity {
  /** A certificate for a server. @param days until it expires; negative for one that has. */
  issue(serverName: string, days?: number): Identity;
}

// DER: a tag, a length, contents.
const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT = 0x06;
const TEXT = 0x0c;
const TIME = 0x18;
const BOOLEAN = 0x01;
const COMMON_NAME = "550403";
const ECDSA_WITH_SHA256 = "2a8648ce3d040302";
const ALTERNATIVE_NAME = "551d11";
const BASIC_CONSTRAINTS = "551d13";
const DAY_MS = 86_400_000;

/** Makes an authority. No tool or library here makes certificates, and Node.js itself cannot. */
export function createAuthority(name: string): Authority {
  const keys = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const isAuthority = extension(
    BASIC_CONSTRAINTS,
    der(SEQUENCE, der(BOOLEAN, Buffer.from([0xff]))),
  );
  const build = (subject: string, publicKey: KeyObject, days: number, extra: Buffer) =>
    certificate({ issuer: name, subject, publicKey, days, extra, signer: keys.privateKey });
  return {
    certificate: build(name, keys.publicKey, 30, isAuthority),
    key: pem(keys.privateKey),
    issue(serverName, days = 30) {
      const server = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
      const names = extension(ALTERNATIVE_NAME, der(SEQUENCE, der(0x82, Buffer.from(serverName))));
      return {
        certificate: build(serverName, server.publicKey, days, names),
        key: pem(server.privateKey),
      };
    },
  };
}

function certificate(parts: {
  issuer: string;
  subject: string;
  publicKey: KeyObject;
  days: number;
  extra: Buffer;
  signer: KeyObject;
}): string {
  const algorithm = der(SEQUENCE, object(ECDSA_WITH_SHA256));
  const end = Date.now() + parts.days * DAY_MS;
  const facts = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(parts.issuer),
    der(SEQUENCE, time(end - 60 * DAY_MS), time(end)),
    distinguishedName(parts.subject),
    parts.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(SEQUENCE, parts.extra)),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", facts, parts.signer)]);
  const text = der(SEQUENCE, facts, algorithm, der(BIT_STRING, signature)).toString("base64");
  const lines = text.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function distinguishedName(commonName: string): Buffer {
  const attribute = der(SEQUENCE, object(COMMON_NAME), der(TEXT, Buffer.from(commonName)));
  return der(SEQUENCE, der(SET, attribute));
}

function extension(id: string, value: Buffer): Buffer {
  return der(SEQUENCE, object(id), der(OCTET_STRING, value));
}

function time(moment: number): Buffer {
  const digits = new Date(moment).toISOString().replace(/\D/g, "").slice(0, 14);
  return der(TIME, Buffer.from(`${digits}Z`));
}

function object(hexadecimal: string): Buffer {
  return der(OBJECT, Buffer.from(hexadecimal, "hex"));
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const head =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
