// The two servers that stand in for AWS on this machine: the API emulator and PostgreSQL.
import { withSecretsManager } from "./aws-client.mjs";
import { findEmulator, startEmulator, stopEmulator } from "./emulator.mjs";
import { secretFile } from "./home.mjs";
import { findPostgres, removePostgres, startPostgres, stopPostgres } from "./postgres.mjs";

/** Name of the secret that `Pulumi.local.yaml` names as `database.masterSecret`. */
const MASTER_SECRET = "app-data-local/master";
const MASTER = "master";

/** Starts what does not run. @returns `{ emulator, postgres }`. */
export async function startServers(home, python) {
  const password = secretFile(home.masterPasswordFile);
  // The master user of an RDS instance is no superuser either.
  const role = `create role ${MASTER} login nosuperuser createrole createdb password '${password}'`;
  const [postgres, emulator] = await Promise.all([
    startPostgres({ directory: home.postgres, initialSql: [role] }),
    startEmulator({ directory: home.emulator, python }),
  ]);
  await putMasterSecret(emulator.endpoint, password);
  return { postgres, emulator };
}

/** What runs: `{ emulator, postgres }`, each undefined when it does not. */
export function findServers(home) {
  return {
    emulator: findEmulator({ directory: home.emulator }),
    postgres: findPostgres({ directory: home.postgres }),
  };
}

/** Stops the emulator, which forgets what it held. */
export function endEmulator(home) {
  return stopEmulator({ directory: home.emulator });
}

/** Stops both servers. The emulator forgets what it held, PostgreSQL keeps it. */
export async function stopServers(home) {
  await Promise.all([endEmulator(home), stopPostgres({ directory: home.postgres })]);
}

/** Stops both servers and deletes the database's files. */
export async function removeServers(home) {
  await endEmulator(home);
  await removePostgres({ directory: home.postgres });
}

/** The PostgreSQL URL of the master user. */
export function masterUrl(home, { host, port }) {
  return `postgresql://${MASTER}:${secretFile(home.masterPasswordFile)}@${host}:${port}/postgres`;
}

/** Gives the emulator the master's secret, as RDS gives one to Secrets Manager. */
function putMasterSecret(endpoint, password) {
  return withSecretsManager(endpoint, async (client, { CreateSecretCommand, ...sdk }) => {
    const SecretString = JSON.stringify({ username: MASTER, password });
    try {
      await client.send(new CreateSecretCommand({ Name: MASTER_SECRET, SecretString }));
    } catch (error) {
      if (!(error instanceof sdk.ResourceExistsException)) throw error;
    }
  });
}
