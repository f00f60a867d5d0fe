// The folder of one stack on this machine: Pulumi's state, the passphrase, the servers' files.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { PROJECT } from "../prepare.mjs";
import { hasSecret, newSecret, writeSecret } from "./secret-file.mjs";

/** Where everything of a stack is; `APP_DATA_HOME` moves it, so that a test has its own. */
export function locateHome() {
  const directory = path.resolve(PROJECT, process.env.APP_DATA_HOME || ".local");
  return {
    directory,
    state: path.join(directory, "state"),
    passphraseFile: path.join(directory, "passphrase"),
    masterPasswordFile: path.join(directory, "master-password"),
    configFile: path.join(directory, "Pulumi.local.yaml"),
    /** There from the start of `up` until it has succeeded; names the part that it found lost. */
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
