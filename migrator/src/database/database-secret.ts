import { awsReasonOf } from "./aws-reason";
import { CODES, MigratorError } from "../errors";

// What HMAC with SHA-256 is as strong as; a longer key makes it no stronger (RFC 2104).
const LEAST_KEY_BYTES = 32;

const passwords = new Map<string, Promise<string>>();

/**
 * Reads a password from AWS Secrets Manager, once a process; AWS credentials and endpoint are those of
 * the environment (`AWS_…`).
 * @param secretId ARN of the secret, or its name in the environment's region.
 * @throws MigratorError MIG004 when the secret cannot be read or holds no password.
 */
export function readSecret(secretId: string): Promise<string> {
  const known = passwords.get(secretId);
  if (known) return known;
  const password = fetchPassword(secretId);
  passwords.set(secretId, password);
  password.catch(() => passwords.delete(secretId));
  return password;
}

/** Makes the next {@link readSecret} ask AWS again. */
export function forgetSecret(secretId: string): void {
  passwords.delete(secretId);
}

/** AWS region in an ARN; undefined for a name. */
export function regionOfArn(secretId: string): string | undefined {
  return /^arn:[^:]+:secretsmanager:([^:]+):/.exec(secretId)?.[1];
}

async function fetchPassword(secretId: string): Promise<string> {
  const password = fieldIn(await fetchText(secretId), "password");
  if (password !== undefined) return password;
  throw new MigratorError(
    CODES.passwordNotReadable,
    `The secret ${secretId} holds no password: it must be a JSON object with a text field "password".`,
  );
}

/**
 * Reads the key that tokens are signed with, at each call.
 * @param secretId ARN of the secret: a JSON object with a text field `key`, the key in Base64.
 * @throws MigratorError MIG004 when the secret cannot be read or holds no key of 32 bytes or more.
 */
export async function readSigningKey(secretId: string): Promise<Buffer> {
  const key = Buffer.from(fieldIn(await fetchText(secretId), "key") ?? "", "base64");
  if (key.length >= LEAST_KEY_BYTES) return key;
  throw new MigratorError(
    CODES.passwordNotReadable,
    `The secret ${secretId} holds no signing key: it must be a JSON object with a text field "key", ` +
      `${LEAST_KEY_BYTES} random bytes or more in Base64.`,
  );
}

async function fetchText(secretId: string): Promise<string | undefined> {
  // Loaded when it is needed: reading migrations from files must not wait for it.
  const { GetSecretValueCommand, SecretsManagerClient } =
    await import("@aws-sdk/client-secrets-manager");
  const region = regionOfArn(secretId);
  const client = new SecretsManagerClient(region ? { region } : {});
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: secretId }))).SecretString;
  } catch (cause) {
    throw new MigratorError(
      CODES.passwordNotReadable,
      `Could not read the secret ${secretId}: ${awsReasonOf(cause)}. ` +
        "The AWS credentials in use need secretsmanager:GetSecretValue on it and kms:Decrypt on its key.",
      { cause },
    );
  } finally {
    client.destroy();
  }
}

function fieldIn(text: string | undefined, name: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    const field = new Map(Object.entries(value ?? {})).get(name);
    return typeof field === "string" ? field : undefined;
  } catch {
    // The parser's message would quote the secret.
    return undefined;
  }
}
