import * as secretsmanager from "@pulumi/aws/secretsmanager";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { writeCertificateAuthorities } from "./certificate-authorities";
import type { AppDataConfig } from "./config";
import type { DatabaseConnection } from "./database";

const CONNECT_TIMEOUT_SECONDS = 30;

/** Inputs of {@link connectAsMaster}. */
export interface MasterConnectionArgs {
  /** The component that the provider belongs to. */
  readonly parent: pulumi.Resource;
  /** Where the stack connects. */
  readonly connection: pulumi.Output<DatabaseConnection>;
  /** ARN or name of the secret with the master's `username` and `password`. */
  readonly masterSecretArn: pulumi.Output<string>;
  /** The configuration's part `database`. */
  readonly settings: AppDataConfig["database"];
}

/** A provider that connects as the master, with what Secrets Manager holds at the time. */
export function connectAsMaster(name: string, args: MasterConnectionArgs): postgresql.Provider {
  const { parent } = args;
  const secretString = secretsmanager.getSecretVersionOutput(
    { secretId: args.masterSecretArn },
    { parent },
  ).secretString;
  const master = pulumi.secret(secretString).apply(readCredentials);
  return new postgresql.Provider(
    name,
    {
      host: args.connection.host,
      port: args.connection.port,
      // PostgreSQL's own: the stack's database does not exist yet, and is dropped from here.
      database: "postgres",
      username: master.username,
      password: master.password,
      superuser: false,
      connectTimeout: CONNECT_TIMEOUT_SECONDS,
      ...tlsSettings(args.settings),
    },
    { parent },
  );
}

/**
 * The provider compares the name in the server's certificate with the one that it dials, so through a
 * tunnel, where it dials this machine, it can only check who signed: the authorities of RDS, who sign
 * nothing but database instances. The migrator, which can be told the name, checks that too.
 */
function tlsSettings(settings: AppDataConfig["database"]): postgresql.ProviderArgs {
  if (!settings.verifyTls) return { sslmode: "disable" };
  const sslmode = settings.tunnel ? "verify-ca" : "verify-full";
  return { sslmode, sslrootcert: writeCertificateAuthorities() };
}

/**
 * The master's user name and password in the text of its secret.
 *
 * @throws RunError `CFG043`, without the text, when they are not there.
 */
export function readCredentials(secret: string): { username: string; password: string } {
  const credentials = parseObject(secret);
  const username = credentials["username"];
  const password = credentials["password"];
  if (typeof username === "string" && typeof password === "string") return { username, password };
  throw new pulumi.RunError(
    "CFG043 the master's secret must be a JSON object with the texts username and password. " +
      "Correct the secret, or point app-data:database.masterSecret at another one.",
  );
}

// The parser's own message is dropped because it would quote the secret.
function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
