import { MigratorError } from "./errors";

/** Where a password is kept. */
export interface SecretReference {
  /**
   * ARN of a Secrets Manager secret, or the name of one in the environment's region: a JSON object with
   * a `password`.
   */
  secretId: string;
}

const passwords = new Map<string, Promise<string>>();

/**
 * Reads a password from AWS Secrets Manager, once a process; credentials and endpoint are those of
 * the environment (`AWS_…`).
 * @throws MigratorError MIG004 when the secret cannot be read or holds no password.
 */
export function readPassword(reference: SecretReference): Promise<string> {
  const { secretId } = reference;
  const known = passwords.get(secretId);
  if (known) return known;
  const password = fetchPassword(reference);
  passwords.set(secretId, password);
  password.catch(() => passwords.delete(secretId));
  return password;
}

/** Makes the next {@link readPassword} ask AWS again. */
export function forgetPassword({ secretId }: SecretReference): void {
  passwords.delete(secretId);
}

async function fetchPassword({ secretId }: SecretReference): Promise<string> {
  // Loaded when it is needed: reading migrations from files must not wait for it.
  const { GetSecretValueCommand, SecretsManagerClient } =
    await import("@aws-sdk/client-secrets-manager");
  const region = /^arn:[^:]+:secretsmanager:([^:]+):/.exec(secretId)?.[1];
  const client = new SecretsManagerClient(region ? { region } : {});
  let text: string | undefined;
  try {
    text = (await client.send(new GetSecretValueCommand({ SecretId: secretId }))).SecretString;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new MigratorError(
      "MIG004",
      `Could not read the secret ${secretId}: ${reason}. ` +
        "The AWS credentials in use need secretsmanager:GetSecretValue on it and kms:Decrypt on its key.",
      { cause },
    );
  } finally {
    client.destroy();
  }
  const password = passwordIn(text);
  if (password !== undefined) return password;
  throw new MigratorError(
    "MIG004",
    `The secret ${secretId} holds no password: it must be a JSON object with a text field "password".`,
  );
}

function passwordIn(text: string | undefined): string | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    if (typeof value !== "object" || value === null || !("password" in value)) return undefined;
    return typeof value.password === "string" ? value.password : undefined;
  } catch {
    // The parser's message would quote the secret.
    return undefined;
  }
}
