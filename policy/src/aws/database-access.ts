import {
  type Judged,
  type ResourceRule,
  type Verdict,
  broken,
  demand,
  demandOff,
  demandOn,
} from "./rule";
import {
  ATTESTATION,
  CLUSTER,
  CLUSTER_INSTANCE,
  DATABASE_PROVIDER,
  INSTANCE,
  MIGRATION,
  MIGRATION_PLAN,
  PROXY,
  TOKEN_SETTINGS,
} from "./types";
import { read } from "../reading";

const topic = { code: "POL174", page: "database-access" };
// Everybody tries these first.
const GUESSED_NAMES = ["admin", "postgres", "root"];

/** Who reaches the database, and as which role. */
export const databaseAccessRules: readonly ResourceRule[] = [
  {
    name: "database-not-public",
    control: {
      id: "RDS.2",
      title: "RDS DB instances should prohibit public access",
    },
    severity: "critical",
    description: "No database has a public address.",
    remediation: "Set `publiclyAccessible: false`; reach the database through a tunnel.",
    topic,
    types: [INSTANCE, CLUSTER_INSTANCE],
    check: (resource) => demandOff(resource, "publiclyAccessible"),
  },
  {
    name: "database-iam-authentication",
    control: { id: "RDS.10", title: "IAM authentication should be configured for RDS instances" },
    severity: "medium",
    description: "Logins with short-lived IAM tokens are possible.",
    remediation: "Set `iamDatabaseAuthenticationEnabled: true`.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: (resource) => demandOn(resource, "iamDatabaseAuthenticationEnabled"),
  },
  {
    name: "database-master-name",
    control: {
      id: "RDS.25",
      title: "RDS database instances should use a custom administrator username",
    },
    severity: "medium",
    description: "The master user's name is not an obvious one.",
    remediation: "Set `username` to a name of your own; a change replaces the instance.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: (resource) =>
      isReplica(resource)
        ? []
        : demand(resource, ["username"], (name) =>
            typeof name === "string" && !GUESSED_NAMES.includes(name.toLowerCase())
              ? undefined
              : `has the username ${typeof name === "string" ? `"${name}"` : "unset"}; it must be ` +
                `none of ${GUESSED_NAMES.join(", ")}. Choose another \`username\`.`,
          ),
  },
  {
    name: "database-password-managed",
    severity: "high",
    description: "RDS makes, keeps and rotates the master's password; no input holds it.",
    remediation: "Set `manageMasterUserPassword: true` and no password.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: (resource) => (isReplica(resource) ? [] : demandManagedPassword(resource)),
  },
  {
    name: "database-certificate",
    severity: "medium",
    description: "The server's certificate comes from an authority that clients trust.",
    remediation: 'Set `caCertIdentifier: "rds-ca-rsa2048-g1"`.',
    topic,
    // The emulator starts an instance with another one.
    levels: { local: "disabled" },
    types: [INSTANCE],
    check: (resource) =>
      demand(resource, ["caCertIdentifier"], (authority) =>
        /^rds-ca-(rsa2048|rsa4096|ecc384)-g1$/.test(String(authority))
          ? undefined
          : `has caCertIdentifier ${authority === undefined ? "unset" : `"${String(authority)}"`}; it ` +
            "must be one of today's, such as rds-ca-rsa2048-g1. Set `caCertIdentifier`.",
      ),
  },
  {
    name: "database-proxy-tls",
    control: {
      id: "RDS.43",
      title: "RDS DB proxies should require TLS encryption for connections",
    },
    severity: "medium",
    description: "A proxy accepts only TLS connections.",
    remediation: "Set `requireTls: true`.",
    topic,
    types: [PROXY],
    check: (resource) => demandOn(resource, "requireTls"),
  },
  {
    name: "database-proxy-log",
    severity: "medium",
    description: "A proxy logs no statements: people's data is in them.",
    remediation: "Leave `debugLogging` off.",
    topic,
    types: [PROXY],
    check: (resource) => demandOff(resource, "debugLogging"),
  },
  {
    name: "database-server-verified",
    severity: "high",
    description: "The stack's own connection checks the server's certificate.",
    remediation: 'Set `sslmode` to "verify-full", or to "verify-ca" through a tunnel.',
    topic,
    // The server of `local` listens on the loopback interface and has no certificate.
    levels: { local: "disabled" },
    types: [DATABASE_PROVIDER],
    check: (resource) =>
      demand(resource, ["sslmode"], (mode) =>
        mode === "verify-full" || mode === "verify-ca"
          ? undefined
          : `has sslmode ${mode === undefined ? "unset" : `"${String(mode)}"`}; it must be ` +
            '"verify-full", or "verify-ca" through a tunnel. Set `sslmode`.',
      ),
  },
  {
    name: "migrator-verifies-server",
    severity: "high",
    description: "The migrator checks the server's certificate and the name in it.",
    remediation: 'Set `connection.tls` to `{ mode: "verify-full", serverName }`.',
    topic,
    levels: { local: "disabled" },
    types: [MIGRATION_PLAN, MIGRATION, ATTESTATION, TOKEN_SETTINGS],
    check: (resource) =>
      demand(resource, ["connection", "tls", "mode"], (mode) =>
        mode === "verify-full"
          ? undefined
          : `connects with TLS mode ${mode === undefined ? "unset" : `"${String(mode)}"`}; it must ` +
            'be "verify-full". Set `connection.tls`.',
      ),
  },
];

function demandManagedPassword(resource: Judged): Verdict[] {
  // Only whether there is one is asked, never what it is.
  const given = ["password", "masterPassword", "passwordWo", "masterPasswordWo"].find(
    (key) => read(resource.props, key).state !== "absent",
  );
  return [
    ...(given === undefined
      ? []
      : [broken(resource, `has a ${given}; RDS must make it. Remove \`${given}\`.`)]),
    ...demandOn(resource, "manageMasterUserPassword"),
  ];
}

/** A replica has the master of its source. */
function isReplica({ props }: Judged): boolean {
  return (
    read(props, "replicateSourceDb").state !== "absent" ||
    read(props, "replicationSourceIdentifier").state !== "absent"
  );
}
