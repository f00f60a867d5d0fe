import type { SSMClient } from "@aws-sdk/client-ssm";

const ATTEMPTS = 2;

/** Runs `work` with a client of AWS Systems Manager; credentials and endpoint are the environment's. */
export async function withSystemsManager<T>(
  region: string,
  work: (client: SSMClient) => Promise<T>,
): Promise<T> {
  // Loaded when it is needed: most connections take no tunnel.
  const { SSMClient } = await import("@aws-sdk/client-ssm");
  const client = new SSMClient({ region, maxAttempts: ATTEMPTS });
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}
