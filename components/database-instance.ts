import type * as rds from "@pulumi/aws/rds";
import type * as pulumi from "@pulumi/pulumi";
import type { AppDataConfig } from "./config";
import { POSTGRESQL_MAJOR_VERSION } from "./database-parameters";
import { DATABASE_PORT } from "./network";

const MASTER_USERNAME = "master";
const PERFORMANCE_INSIGHTS_RETENTION_DAYS = 7;
// The two windows do not overlap: a backup has to be over before maintenance begins.
const BACKUP_WINDOW_UTC = "02:00-03:00";
const MAINTENANCE_WINDOW_UTC = "sun:03:30-sun:04:30";
// Signed by a root of its own in each region; the file of authorities holds these roots alone.
const CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1";

type Settings = AppDataConfig["database"];

/** What the RDS instance is told of itself; names and places come from the component. */
export function instanceSettings(
  settings: Settings,
  keyArn: pulumi.Input<string>,
): rds.InstanceArgs {
  return {
    // The major version alone: a pinned minor one would be a downgrade after RDS has upgraded.
    engine: "postgres",
    engineVersion: POSTGRESQL_MAJOR_VERSION,
    autoMinorVersionUpgrade: true,
    allowMajorVersionUpgrade: false,
    maintenanceWindow: MAINTENANCE_WINDOW_UTC,
    instanceClass: settings.instanceClass,
    multiAz: settings.multiAz,
    ...storage(settings, keyArn),
    ...access(settings, keyArn),
    ...backups(settings),
    ...performanceInsights(settings, keyArn),
  };
}

function storage(settings: Settings, keyArn: pulumi.Input<string>): Partial<rds.InstanceArgs> {
  return {
    storageType: "gp3",
    allocatedStorage: settings.allocatedStorageGib,
    maxAllocatedStorage: settings.maxAllocatedStorageGib || undefined,
    storageEncrypted: true,
    // The key's ARN: its alias would replace the instance.
    kmsKeyId: keyArn,
  };
}

function access(settings: Settings, keyArn: pulumi.Input<string>): Partial<rds.InstanceArgs> {
  return {
    publiclyAccessible: settings.publiclyAccessible,
    port: DATABASE_PORT,
    // The emulator starts an instance with another one, and the provider then waits for a second change
    // of the instance, 80 s, for a certificate that nobody verifies.
    caCertIdentifier: settings.verifyTls ? CERTIFICATE_AUTHORITY : undefined,
    iamDatabaseAuthenticationEnabled: true,
    username: MASTER_USERNAME,
    // RDS makes, keeps and rotates the password; no input of Pulumi's holds it.
    manageMasterUserPassword: true,
    masterUserSecretKmsKeyId: keyArn,
  };
}

function backups(settings: Settings): Partial<rds.InstanceArgs> {
  return {
    backupRetentionPeriod: settings.backupRetentionDays,
    backupWindow: BACKUP_WINDOW_UTC,
    copyTagsToSnapshot: true,
    deleteAutomatedBackups: !settings.finalSnapshot,
    deletionProtection: settings.deletionProtection,
    skipFinalSnapshot: !settings.finalSnapshot,
  };
}

function performanceInsights(
  settings: Settings,
  keyArn: pulumi.Input<string>,
): Partial<rds.InstanceArgs> {
  if (!settings.performanceInsights) return {};
  return {
    performanceInsightsEnabled: true,
    performanceInsightsKmsKeyId: keyArn,
    performanceInsightsRetentionPeriod: PERFORMANCE_INSIGHTS_RETENTION_DAYS,
  };
}
