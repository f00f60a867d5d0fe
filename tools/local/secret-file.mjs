// Secrets of the local stack, each in a file that only this user can read. Node.js built-ins alone.
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

/** A random text of 32 characters that no shell, URL or SQL text has to quote. */
export function newSecret() {
  return randomBytes(24).toString("base64url");
}

/** Writes a secret; a full disk leaves the file as it was. */
export function writeSecret(file, secret) {
  const unfinished = `${file}.new`;
  rmSync(unfinished, { force: true });
  writeFileSync(unfinished, secret, { mode: 0o600 });
  renameSync(unfinished, file);
}

/** Whether a secret is there; an empty file holds none. */
export function hasSecret(file) {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** The secret in a file. */
export function readSecret(file) {
  return readFileSync(file, "utf8");
}
