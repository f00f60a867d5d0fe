// The folder of one stack on this machine: Pulumi's state, the passphrase, the servers' files.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
    postgres: path.join(directory, "postgres"),
    emulator: path.join(directory, "emulator"),
  };
}

/** Makes the folder, and the passphrase that encrypts secrets in the state. */
export function makeHome(home) {
  mkdirSync(home.state, { recursive: true, mode: 0o700 });
  secretFile(home.passphraseFile);
}

/** The secret in a file that only this user can read; a new one when there is none. */
export function secretFile(file) {
  if (!existsSync(file))
    writeFileSync(file, randomBytes(24).toString("base64url"), { mode: 0o600 });
  return readFileSync(file, "utf8");
}

/**
 * Writes the stack's configuration: the committed one, the address of the server that runs here, and
 * the salt that Pulumi has put into the file.
 */
export function writeConfig(home, tunnel) {
  const committed = readFileSync(path.join(PROJECT, "Pulumi.local.yaml"), "utf8");
  const placeholder = /^(\s+tunnel: ).*$/m;
  if (!placeholder.test(committed)) {
    throw new Error("Pulumi.local.yaml has no line `tunnel:` under app-data:database; restore it.");
  }
  const current = existsSync(home.configFile) ? readFileSync(home.configFile, "utf8") : "";
  const salt = /^encryptionsalt: .*$/m.exec(current)?.[0];
  const text = committed.replace(placeholder, `$1${tunnel}`);
  const wanted = `# Made of Pulumi.local.yaml by tools/local/home.mjs; edit that one.\n${text}${salt ? `${salt}\n` : ""}`;
  if (wanted !== current) writeFileSync(home.configFile, wanted, { mode: 0o600 });
}
