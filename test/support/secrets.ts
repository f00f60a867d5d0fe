import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { randomBytes } from "node:crypto";

/** Puts a login into the emulator's Secrets Manager, as the stack does. @returns the secret's ARN. */
export async function createSecret(value: unknown): Promise<string> {
  const Name = `test/${randomBytes(6).toString("hex")}`;
  return withClient(async (client) => {
    const SecretString = JSON.stringify(value);
    const { ARN } = await client.send(new CreateSecretCommand({ Name, SecretString }));
    if (!ARN) throw new Error(`The emulator gave no ARN for ${Name}.`);
    return ARN;
  });
}

/** Gives a secret another value, as a rotation does. */
export async function changeSecret(arn: string, value: unknown): Promise<void> {
  const SecretString = JSON.stringify(value);
  await withClient((client) =>
    client.send(new PutSecretValueCommand({ SecretId: arn, SecretString })),
  );
}

async function withClient<T>(work: (client: SecretsManagerClient) => Promise<T>): Promise<T> {
  const client = new SecretsManagerClient({});
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}
