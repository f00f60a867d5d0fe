// The PostgreSQL URLs of the login roles, from the secrets that the stack keeps.
import { withSecretsManager } from "./aws-client.mjs";

/**
 * @param outputs the stack's outputs.
 * @returns `{ MIGRATOR_URL, APP_URL }`.
 */
export function loginUrls({ databaseName, databaseHost, databasePort, ...outputs }, endpoint) {
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
    };
  });
}
