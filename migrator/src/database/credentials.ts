import type { ConnectionSettings, Credentials } from "./settings";
import { forgetSecret, readSecret, regionOfArn } from "./database-secret";
import { passwordInVariable } from "./environment-url";
import { signToken } from "./iam-token";

/**
 * The password to log in with: a secret is read once a process, a token is signed for each connection.
 * @throws MigratorError MIG004 when the secret cannot be read or holds none, MIG030 when the variable
 * holds none, MIG031 when no token can be signed.
 */
export async function readPassword(settings: ConnectionSettings): Promise<string> {
  const { credentials } = settings;
  switch (credentials.kind) {
    case "secret":
      return readSecret(credentials.secretId);
    case "iam":
      return signToken(settings, credentials);
    case "environment":
      return passwordInVariable(credentials.variable);
  }
}

/** Makes the next {@link readPassword} ask AWS again. */
export function forgetPassword({ credentials }: ConnectionSettings): void {
  if (credentials.kind === "secret") forgetSecret(credentials.secretId);
}

/** AWS region that the credentials are of; undefined when they do not say, and it is the environment's. */
export function regionOf(credentials: Credentials): string | undefined {
  switch (credentials.kind) {
    case "secret":
      return regionOfArn(credentials.secretId);
    case "iam":
      return credentials.region;
    case "environment":
      return undefined;
  }
}
