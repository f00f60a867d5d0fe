import type { ConnectionSettings } from "./connection";
import { forgetSecret, readSecret, regionOfArn } from "./database-secret";
import { passwordInVariable } from "./environment-url";
import { signToken } from "./iam-token";

/** Where a password comes from; never the password itself. */
export type Credentials = SecretCredentials | IamCredentials | EnvironmentCredentials;

/** A password that AWS Secrets Manager keeps. */
export interface SecretCredentials {
  kind: "secret";
  /**
   * ARN of a Secrets Manager secret, or the name of one in the environment's region: a JSON object with
   * a `password`.
   */
  secretId: string;
}

/** A token in place of a password, signed with the AWS credentials of the environment, for 15 minutes. */
export interface IamCredentials {
  kind: "iam";
  /** AWS region of the instance. @default the one in the instance's name, else the environment's */
  region?: string;
  /** Port of the instance, where `port` is that of a port-forward. @default `port` */
  instancePort?: number;
}

/** A password from a variable of the process's environment. */
export interface EnvironmentCredentials {
  kind: "environment";
  /** Name of a variable that holds a PostgreSQL URL with a password, or a password alone. */
  variable: string;
}

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
