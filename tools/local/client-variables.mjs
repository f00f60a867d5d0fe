// The settings of the client library (src/settings.ts) for the local stack, from its outputs.

/**
 * @param outputs the stack's outputs.
 * @returns {Record<string, string>}
 */
export function clientVariables(outputs) {
  const variables = {
    APP_DATA_APP_SECRET_ARN: outputs.appSecretArn,
    APP_DATA_SERVICE_SECRET_ARN: outputs.serviceSecretArn,
    APP_DATA_DATABASE_HOST: outputs.databaseHost,
    APP_DATA_DATABASE_PORT: outputs.databasePort,
    APP_DATA_DATABASE_TLS: "off",
    APP_DATA_API_KEYS_KEY_ARN: outputs.apiKeysKeyArn,
    // A state from before there were several has no such output.
    APP_DATA_API_KEYS_OTHER_KEY_ARNS: outputs.apiKeysOtherKeyArns?.join(","),
    APP_DATA_API_KEYS_CONTEXT: JSON.stringify(outputs.apiKeysEncryptionContext),
    APP_DATA_EXPORTS_BUCKET: outputs.exportsBucket,
    APP_DATA_MONITOR_SECRET_ARN: outputs.monitorSecretArn,
    APP_DATA_TOKEN_SECRET_ARN: outputs.tokenSecretArn,
    APP_DATA_TOKEN_AUDIENCE: outputs.tokenAudience,
  };
  const known = Object.entries(variables).filter(
    ([, value]) => value !== undefined && value !== "",
  );
  return Object.fromEntries(known.map(([name, value]) => [name, String(value)]));
}
