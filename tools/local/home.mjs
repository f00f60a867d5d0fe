// The folder of one stack on this machine: Pulumi's state, the passphrase, the servers' files.
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";

/** Where everything of a stack is; `APP_DATA_HOME` moves it, so that a test has its own. */
export function locateHome() {
  const directory = path.resolve(PROJECT, process.env.APP_DATA_HOME || ".local");
  return {
    directory,
    state: path.join(directory, "state"),
    passphraseFile: path.join(directory, "passphrase"),
    masterPasswordFile: path.join(directory, "master-password"),
    configFile: path.join(directory, "Pulumi.local.yaml"),
    /** There while `up` is at work, and afterwards when it did not come to a good end; holds the part that is lost. */
    unfinishedFile: path.join(directory, "unfinished"),
    postgres: path.join(directory, "postgres"),
    emulator: path.join(directory, "emulator"),
  };
}

/** Makes the folder, and the passphrase that encrypts secrets in the state. */
export function makeHome(home) {
  mkdirSync(home.state, { recursive: true, mode: 0o700 });
  if (!hasSecret(home.passphraseFile)) writeSecret(home.passphraseFile, newSecret());
}

/** A random text of 32 characters that no shell or URL has to quote. */
export function newSecret() {
  return randomBytes(24).toString("base64url");
}

/** Writes a secret into a file that only this user can read; a full disk leaves the file as it was. */
export function writeSecret(file, secret) {
  const unfinished = `${file}.new`;
  rmSync(unfinished, { force: true });
  writeFileSync(unfinished, secret, { mode: 0o600 });
  renameSync(unfinished, file);
}

/** Whether a secret is there; a file that a full disk has left empty holds none. */
export function hasSecret(file) {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** The secret in a file. */
export function readSecret(file) {
  return readFileSync(file, "utf8");
}

/**
 * Writes the stack's configuration: the committed one, the address of the server that runs here, and
 * the salt that Pulumi has put into the file.
 * @param adopt roles and databases that are there already and are taken over.
 */
export function writeConfig(home, { host, port }, adopt = []) {
  const committed = readFileSync(path.join(PROJECT, "Pulumi.local.yaml"), "utf8");
  const placeholder = /^(\s+)tunnel: .*$/m;
  if (!placeholder.test(committed)) {
    throw new Error("Pulumi.local.yaml has no line `tunnel:` under app-data:database; restore it.");
  }
  const current = existsSync(home.configFile) ? readFileSync(home.configFile, "utf8") : "";
  const salt = /^encryptionsalt: .*$/m.exec(current)?.[0];
  const lines = [`$1tunnel: ${host}:${port}`, `$1adopt: ${JSON.stringify(adopt)}`];
  const text = committed.replace(placeholder, lines.slice(0, adopt.length > 0 ? 2 : 1).join("\n"));
  const wanted = `# Made of Pulumi.local.yaml by tools/local/home.mjs; edit that one.\n${text}${salt ? `${salt}\n` : ""}`;
  if (wanted !== current) writeFileSync(home.configFile, wanted, { mode: 0o600 });
}
