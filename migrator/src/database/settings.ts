/** How to reach a database, and as whom. Holds no secret. */
export interface ConnectionSettings {
  /** Name or address of the server, or of a port-forward that somebody else keeps open to it. */
  host: string;
  port: number;
  database: string;
  user: string;
  /** Where the password comes from. */
  credentials: Credentials;
  tls: TlsSettings;
  /** Which way connections take. @default direct */
  transport?: TransportSettings;
}

/** Whether the connection is encrypted, and the server has to prove who it is. */
export type TlsSettings = { mode: "disable" } | EncryptedTls;

/** The connection is encrypted. */
export interface EncryptedTls {
  /**
   * What of the certificate is checked, in PostgreSQL's words: that an authority has signed it for this
   * server (`verify-full`), that one has signed it (`verify-ca`), or nothing (`require`).
   */
  mode: "verify-full" | "verify-ca" | "require";
  /** The name that the server's certificate must carry, also when `host` is a tunnel. */
  serverName: string;
  /**
   * PEM file of the authorities to trust, or `system` for those that web browsers trust.
   * @default those of RDS
   */
  authoritiesFile?: string;
}

/** Where a password comes from; never the password itself. */
export type Credentials = SecretCredentials | IamCredentials | EnvironmentCredentials;

/** A password that AWS Secrets Manager keeps. */
export interface SecretCredentials {
  kind: "secret";
  /**
   * ARN of a Secrets Manager secret, or the name of one in the environment's region: a JSON object with
   * a `password`.
   */
  secretId: string;
}

/** A token in place of a password, signed with the AWS credentials of the environment, for 15 minutes. */
export interface IamCredentials {
  kind: "iam";
  /** AWS region of the instance. @default the one in the instance's name, else the environment's */
  region?: string;
  /** Port of the instance, where `port` is that of a port-forward. @default `port` */
  instancePort?: number;
}

/** A password from a variable of the process's environment. */
export interface EnvironmentCredentials {
  kind: "environment";
  /** Name of a variable that holds a PostgreSQL URL with a password, or a password alone. */
  variable: string;
}

/** Which way connections take. */
export type TransportSettings = DirectSettings | TunnelSettings;

/** The address is dialled as it is. */
export interface DirectSettings {
  kind: "direct";
}

/** A port-forward of AWS Systems Manager, which this process opens and closes. */
export interface TunnelSettings {
  kind: "tunnel";
  /**
   * An instance in the database's network that Systems Manager manages: `i-…`, `mi-…`, or
   * `tag:NAME=VALUE` for any that carries the tag and is online.
   */
  target: string;
  /** AWS region of the instance. */
  region: string;
  /** How long the tunnel may take to open, until PostgreSQL answers at its end. @default 20 */
  openSeconds?: number;
}
