// The two servers that stand in for AWS on this machine: the API emulator and PostgreSQL.
import { withSecretsManager } from "./aws-client.mjs";
import { findEmulator, startEmulator, stopEmulator } from "./emulator.mjs";
import { findPostgres, removePostgres, startPostgres, stopPostgres } from "./postgres.mjs";
import { hasSecret, newSecret, readSecret, writeSecret } from "./secret-file.mjs";

/** Name of the secret that `Pulumi.local.yaml` names as `database.masterSecret`. */
const MASTER_SECRET = "app-data-local/master";
const MASTER = "master";
/** What 005_monitoring reads, as the parameter group of RDS has it. */
const COUNTING = { shared_preload_libraries: "pg_stat_statements", track_functions: "pl" };

/** Starts what does not run. @returns `{ emulator, postgres }`. */
export async function startServers(home, python) {
  const ran = findServers(home);
  const isPasswordKept = hasSecret(home.masterPasswordFile);
  const [postgres, emulator] = await Promise.all([
    startPostgres({ directory: home.postgres, settings: COUNTING }),
    startEmulator({ directory: home.emulator, python }),
  ]);
  const isMasterThere = isPasswordKept && !postgres.isNew;
  if (!isMasterThere) await makeMaster(home, postgres);
  if (!isMasterThere || !ran.emulator) {
    await putMasterSecret(emulator.endpoint, readSecret(home.masterPasswordFile));
  }
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
  return `postgresql://${MASTER}:${readSecret(home.masterPasswordFile)}@${host}:${port}/postgres`;
}

/** What the server has besides that which it is made with: `role:NAME` and `database:NAME`. */
export function listRolesAndDatabases(postgres) {
  return asSuperuser(postgres, async (client) => {
    const sql = `select 'role:' || rolname as name from pg_roles where rolname !~ '^pg_' and rolname not in ('postgres', '${MASTER}')
      union all select 'database:' || datname from pg_database where not datistemplate and datname <> 'postgres'`;
    return (await client.query(sql)).rows.map(({ name }) => name);
  });
}

/** Makes the master, or gives it another password. As on RDS, it is no superuser. */
async function makeMaster(home, postgres) {
  const password = newSecret();
  await asSuperuser(postgres, async (client) => {
    const { rowCount } = await client.query(`select from pg_roles where rolname = '${MASTER}'`);
    const verb = rowCount === 0 ? "create" : "alter";
    await client.query(
      `${verb} role ${MASTER} login nosuperuser createrole createdb password '${password}'`,
    );
  });
  writeSecret(home.masterPasswordFile, password);
}

async function asSuperuser({ host, port, password }, work) {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ host, port, user: "postgres", password, database: "postgres" });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Gives the emulator the master's secret, as RDS gives one to Secrets Manager. */
function putMasterSecret(endpoint, password) {
  return withSecretsManager(endpoint, async (client, sdk) => {
    const SecretString = JSON.stringify({ username: MASTER, password });
    try {
      await client.send(new sdk.CreateSecretCommand({ Name: MASTER_SECRET, SecretString }));
    } catch (error) {
      if (!(error instanceof sdk.ResourceExistsException)) throw error;
      await client.send(new sdk.PutSecretValueCommand({ SecretId: MASTER_SECRET, SecretString }));
    }
  });
}
