import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { AppDataError } from "../errors.js";
import type { Settings } from "../settings.js";

/** Where AWS is asked. */
export type AwsSettings = Pick<Settings, "region" | "endpoint">;

/** Milliseconds for one attempt of a call of AWS, of which there are three. */
export const AWS_TIMEOUTS = {
  connectionTimeout: 1_000,
  requestTimeout: 2_000,
  throwOnRequestTimeout: true,
};

/**
 * The text of a secret, read again at every call.
 * @param stage Which of its versions: the present one, or the one before it.
 * @throws AppDataError CFG104 where it cannot be read; the text is in no error.
 */
export async function readSecret(
  settings: AwsSettings,
  secretArn: string,
  stage: "AWSCURRENT" | "AWSPREVIOUS" = "AWSCURRENT",
): Promise<string> {
  const client = new SecretsManagerClient({
    region: settings.region,
    requestHandler: AWS_TIMEOUTS,
    ...(settings.endpoint !== undefined && { endpoint: settings.endpoint }),
  });
  try {
    const { SecretString } = await client.send(
      new GetSecretValueCommand({ SecretId: secretArn, VersionStage: stage }),
    );
    if (SecretString === undefined) throw new Error("It holds no text.");
    return SecretString;
  } catch (cause) {
    throw new AppDataError(
      "CFG104",
      `The secret ${secretArn} cannot be read: ${cause instanceof Error ? cause.message : "?"} ` +
        "Check the ARN, the region, and that this process may call secretsmanager:GetSecretValue.",
      { cause },
    );
  } finally {
    client.destroy();
  }
}
