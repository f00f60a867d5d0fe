// Clients of the AWS emulator. Loaded with `import()`: the SDK is there only after `npm ci`.

/** Credentials and region for every AWS client; the emulator takes any. */
export const AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
  AWS_REGION: "eu-central-1",
  AWS_DEFAULT_REGION: "eu-central-1",
  AWS_EC2_METADATA_DISABLED: "true",
  // Node.js 20 is supported here for as long as the pinned SDK runs on it.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
};

/** Runs `work` with a client of Secrets Manager, and the SDK's module. */
export async function withSecretsManager(endpoint, work) {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
  const sdk = await import("@aws-sdk/client-secrets-manager");
  const client = new sdk.SecretsManagerClient({
    endpoint,
    region: AWS_ENVIRONMENT.AWS_REGION,
    credentials: {
      accessKeyId: AWS_ENVIRONMENT.AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_ENVIRONMENT.AWS_SECRET_ACCESS_KEY,
    },
  });
  try {
    return await work(client, sdk);
  } finally {
    client.destroy();
  }
}
