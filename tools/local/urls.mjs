// The PostgreSQL URLs of the login roles, from the secrets that the stack keeps.
import { withSecretsManager } from "./aws-client.mjs";

/**
 * @param outputs the stack's outputs.
 * @returns `{ MIGRATOR_URL, APP_URL, SERVICE_URL, MONITOR_URL }`.
 * @throws Error where the stack has not come so far.
 */
export function loginUrls({ databaseName, databaseHost, databasePort, ...outputs }, endpoint) {
  for (const name of [
    "migratorSecretArn",
    "appSecretArn",
    "serviceSecretArn",
    "monitorSecretArn",
  ]) {
    if (outputs[name] !== undefined) continue;
    throw new Error(
      `The stack is up half-way: it has no output ${name} yet. Run \`npm run up\` again.`,
    );
  }
  return withSecretsManager(endpoint, async (client, { GetSecretValueCommand }) => {
    const url = async (secretArn) => {
      const answer = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
      const { username, password } = JSON.parse(answer.SecretString);
      const login = `${username}:${encodeURIComponent(password)}`;
      return `postgresql://${login}@${databaseHost}:${databasePort}/${databaseName}`;
    };
    return {
      MIGRATOR_URL: await url(outputs.migratorSecretArn),
      APP_URL: await url(outputs.appSecretArn),
      SERVICE_URL: await url(outputs.serviceSecretArn),
      MONITOR_URL: await url(outputs.monitorSecretArn),
    };
  });
}
