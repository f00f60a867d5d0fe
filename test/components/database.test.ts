import { Database, masterSecretOf } from "../../components/database";
import type { Environment } from "../../components/config";
import { named, ownStack } from "../policy/own-stack";
import { configOf, type Settings } from "./environments";
import {
  countTypes,
  only,
  policyOf,
  protectedNames,
  record,
  valueOf,
  type RecordedProgram,
} from "./recorded-program";

const tags = { Project: "app-data" };
const KEY = "arn:aws:kms:eu-central-1:123456789012:key/database-key";
const ADDRESS = "db.example.eu-central-1.rds.amazonaws.com";

function program(
  environment: Environment,
  changes: Settings = {},
): Promise<RecordedProgram<Database>> {
  return record(environment, (options) => {
    const { database: settings, protect } = configOf(environment, changes);
    const network = { subnetIds: ["subnet-a", "subnet-b"], securityGroupId: "sg-database" };
    return new Database("database", { ...network, settings, protect, tags }, options);
  });
}

describe("Database", () => {
  it("is these resources, with a role to measure and a name for the final snapshot where there are", async () => {
    const always = {
      "app-data:database:Database": 1,
      "aws:cloudwatch/logGroup:LogGroup": 2,
      "aws:kms/alias:Alias": 1,
      "aws:kms/key:Key": 1,
      "aws:rds/instance:Instance": 1,
      "aws:rds/parameterGroup:ParameterGroup": 1,
      "aws:rds/subnetGroup:SubnetGroup": 1,
    };
    const measured = {
      "aws:iam/role:Role": 1,
      "aws:iam/rolePolicyAttachment:RolePolicyAttachment": 1,
    };
    expect(countTypes(await program("local"))).toEqual(always);
    expect(countTypes(await program("dev"))).toEqual({ ...always, ...measured });
    expect(countTypes(await program("prod"))).toEqual({
      ...always,
      ...measured,
      "random:index/randomId:RandomId": 1,
    });
  });

  it("asks RDS for this instance in prod", async () => {
    expect(only(await program("prod"), "aws:rds/instance:Instance").inputs).toEqual({
      identifier: "app-data-prod",
      engine: "postgres",
      engineVersion: "17",
      autoMinorVersionUpgrade: true,
      allowMajorVersionUpgrade: false,
      maintenanceWindow: "sun:03:30-sun:04:30",
      parameterGroupName: "app-data-prod-postgres17",
      instanceClass: "db.m7g.large",
      storageType: "gp3",
      allocatedStorage: 100,
      maxAllocatedStorage: 1000,
      storageEncrypted: true,
      kmsKeyId: KEY,
      dbSubnetGroupName: "app-data-prod",
      vpcSecurityGroupIds: ["sg-database"],
      publiclyAccessible: false,
      port: 5432,
      caCertIdentifier: "rds-ca-rsa2048-g1",
      iamDatabaseAuthenticationEnabled: true,
      username: "master",
      manageMasterUserPassword: true,
      masterUserSecretKmsKeyId: KEY,
      backupRetentionPeriod: 35,
      backupWindow: "02:00-03:00",
      copyTagsToSnapshot: true,
      deleteAutomatedBackups: false,
      deletionProtection: true,
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: "app-data-prod-final-0a1b2c3d",
      enabledCloudwatchLogsExports: ["postgresql", "upgrade"],
      performanceInsightsEnabled: true,
      performanceInsightsKmsKeyId: KEY,
      performanceInsightsRetentionPeriod: 7,
      monitoringInterval: 60,
      monitoringRoleArn: "arn:aws:iam::123456789012:role/database-monitoring",
      applyImmediately: false,
      multiAz: true,
      tags,
    });
  });

  it("differs in local in what lets it go down at once and what the emulator cannot keep", async () => {
    const inputs = async (environment: Environment): Promise<Record<string, unknown>> =>
      only(await program(environment), "aws:rds/instance:Instance").inputs;
    const [local, prod] = [await inputs("local"), await inputs("prod")];
    const keys = [...new Set([...Object.keys(local), ...Object.keys(prod)])].sort();
    const differing = keys.filter(
      (key) => JSON.stringify(local[key]) !== JSON.stringify(prod[key]),
    );
    expect(Object.fromEntries(differing.map((key) => [key, local[key]]))).toEqual({
      allocatedStorage: 20,
      applyImmediately: true,
      backupRetentionPeriod: 1,
      dbSubnetGroupName: "app-data-local",
      deleteAutomatedBackups: true,
      deletionProtection: false,
      finalSnapshotIdentifier: undefined,
      identifier: "app-data-local",
      instanceClass: "db.t4g.micro",
      maxAllocatedStorage: 100,
      monitoringInterval: undefined,
      monitoringRoleArn: undefined,
      multiAz: false,
      parameterGroupName: "app-data-local-postgres17",
      performanceInsightsEnabled: undefined,
      performanceInsightsKmsKeyId: undefined,
      performanceInsightsRetentionPeriod: undefined,
      skipFinalSnapshot: true,
    });
  });

  it("does not let storage grow where the configuration says so", async () => {
    const recorded = await program("dev", { "database.maxAllocatedStorageGib": 0 });
    const { inputs } = only(recorded, "aws:rds/instance:Instance");
    expect(inputs).not.toHaveProperty("maxAllocatedStorage");
  });

  it("forces TLS and keeps bind values out of the log", async () => {
    const { inputs } = only(await program("dev"), "aws:rds/parameterGroup:ParameterGroup");
    const now = (name: string, value: string): Record<string, string> => ({
      name,
      value,
      applyMethod: "immediate",
    });
    expect(inputs).toEqual({
      name: "app-data-dev-postgres17",
      family: "postgres17",
      description: "TLS forced, and no bind values in logs",
      parameters: [
        now("rds.force_ssl", "1"),
        now("rds.accepted_password_auth_method", "scram"),
        now("password_encryption", "scram-sha-256"),
        now("log_connections", "1"),
        now("log_disconnections", "1"),
        now("log_statement", "ddl"),
        now("log_lock_waits", "1"),
        now("log_min_duration_statement", "500"),
        now("log_temp_files", "0"),
        now("log_parameter_max_length", "0"),
        now("log_parameter_max_length_on_error", "0"),
        now("idle_in_transaction_session_timeout", "300000"),
        now("track_io_timing", "1"),
        now("track_functions", "pl"),
        {
          name: "shared_preload_libraries",
          value: "pg_stat_statements",
          applyMethod: "pending-reboot",
        },
      ],
      tags,
    });
  });

  it("makes the log groups first, encrypted and with an end", async () => {
    const recorded = await program("prod");
    const groups = recorded.resources.filter(({ type }) => type.endsWith(":LogGroup"));
    expect(groups.map(({ inputs }) => inputs)).toEqual(
      ["postgresql", "upgrade"].map((log) => ({
        name: `/aws/rds/instance/app-data-prod/${log}`,
        retentionInDays: 365,
        kmsKeyId: KEY,
        tags,
      })),
    );
    const instance = recorded.options.find(({ type }) => type === "aws:rds/instance:Instance");
    expect(instance?.dependsOn).toBe(2);
  });

  it("measures with a role that is the service's for this instance alone, and writes measurements", async () => {
    const recorded = await program("prod", { "database.monitoringIntervalSeconds": 15 });
    const { inputs } = only(recorded, "aws:rds/instance:Instance");
    expect(inputs["monitoringInterval"]).toBe(15);
    const role = only(recorded, "aws:iam/role:Role");
    expect(role.inputs).toEqual({
      name: "app-data-prod-database-monitoring",
      description: "RDS writes what it measures under the database",
      assumeRolePolicy: expect.any(String),
      tags,
    });
    expect(policyOf(role, "assumeRolePolicy")).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "MeasureInstance",
          Effect: "Allow",
          Principal: { Service: "monitoring.rds.amazonaws.com" },
          Action: "sts:AssumeRole",
          Condition: {
            StringEquals: { "aws:SourceAccount": "123456789012" },
            ArnEquals: {
              "aws:SourceArn": "arn:aws:rds:eu-central-1:123456789012:db:app-data-prod",
            },
          },
        },
      ],
    });
    expect(only(recorded, "aws:iam/rolePolicyAttachment:RolePolicyAttachment").inputs).toEqual({
      role: "app-data-prod-database-monitoring",
      policyArn: "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
    });
  });

  it("names the role to RDS when it has the policy: without, RDS refuses it", async () => {
    const { inputs } = named(await ownStack("prod"), "aws:rds/instance:Instance database");
    expect(inputs.propertyDependencies?.["monitoringRoleArn"]?.toSorted()).toEqual([
      "database-monitoring",
      "database-monitoring-policy",
    ]);
  });

  it("names the final snapshot anew when the instance is made anew", async () => {
    const { inputs } = only(await program("prod"), "random:index/randomId:RandomId");
    expect(inputs).toEqual({
      byteLength: 4,
      keepers: { identifier: "app-data-prod", keyArn: KEY },
    });
  });

  it("protects instance and key in staging and prod alone", async () => {
    const both = ["aws:kms/key:Key database-key", "aws:rds/instance:Instance database"];
    expect(protectedNames(await program("prod"))).toEqual(both);
    expect(protectedNames(await program("staging"))).toEqual(both);
    expect(protectedNames(await program("dev"))).toEqual([]);
  });

  it("has a key that rotates, can be found and encrypts its own logs alone", async () => {
    const recorded = await program("prod");
    const key = only(recorded, "aws:kms/key:Key");
    expect(key.inputs).toEqual({
      description: "Database of app-data: storage, snapshots, logs and secrets of its roles",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: expect.any(String),
      tags,
    });
    expect(only(recorded, "aws:kms/alias:Alias").inputs).toEqual({
      name: "alias/app-data-prod-database",
      targetKeyId: "database-key-key-id",
    });
    const root = { AWS: "arn:aws:iam::123456789012:root" };
    const services = {
      "kms:CallerAccount": "123456789012",
      "kms:ViaService": [
        "rds.eu-central-1.amazonaws.com",
        "secretsmanager.eu-central-1.amazonaws.com",
      ],
    };
    const use = [
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey*",
      "kms:ReEncrypt*",
    ];
    const logGroups = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/rds/instance";
    expect(policyOf(key)).toEqual({
      Version: "2012-10-17",
      Statement: [
        expect.objectContaining({ Sid: "AdministerAsAccount", Principal: root }),
        {
          Sid: "UseThroughServices",
          Effect: "Allow",
          Principal: root,
          Action: use,
          Resource: "*",
          Condition: { StringEquals: services },
        },
        {
          Sid: "GrantToServices",
          Effect: "Allow",
          Principal: root,
          Action: "kms:CreateGrant",
          Resource: "*",
          Condition: {
            Bool: { "kms:GrantIsForAWSResource": "true" },
            StringEquals: services,
          },
        },
        {
          Sid: "EncryptLogs",
          Effect: "Allow",
          Principal: { Service: "logs.eu-central-1.amazonaws.com" },
          Action: use,
          Resource: "*",
          Condition: {
            ArnEquals: {
              "kms:EncryptionContext:aws:logs:arn": [
                `${logGroups}/app-data-prod/postgresql`,
                `${logGroups}/app-data-prod/upgrade`,
              ],
            },
          },
        },
      ],
    });
  });
});

describe("the stack's connection", () => {
  const verified = { mode: "verify-full", serverName: ADDRESS };

  it("goes to the instance and verifies its name", async () => {
    const { result } = await program("prod");
    expect(await valueOf(result.connection)).toEqual({ host: ADDRESS, port: 5432, tls: verified });
    expect(await valueOf(result.applicationEndpoint)).toEqual({ host: ADDRESS, port: 5432 });
    expect(await valueOf(result.masterSecretArn)).toBe("arn:of:managed:secret");
    expect(await valueOf(result.resourceId)).toBe("db-RESOURCE");
    expect(await valueOf(result.keyArn)).toBe(KEY);
  });

  it("goes through a tunnel and still verifies the instance's name", async () => {
    const { result } = await program("prod", { "database.tunnel": "127.0.0.1:6432" });
    expect(await valueOf(result.connection)).toEqual({
      host: "127.0.0.1",
      port: 6432,
      tls: verified,
    });
    expect(await valueOf(result.applicationEndpoint)).toEqual({ host: ADDRESS, port: 5432 });
  });

  it("is the migrator's, too, where there is no bastion", async () => {
    const { result } = await program("prod", { "database.tunnel": "127.0.0.1:6432" });
    const connection = await valueOf(result.connection);
    expect(await valueOf(result.migratorConnection)).toEqual(connection);
  });

  it("leads the migrator to the instance itself through a bastion, others through the tunnel", async () => {
    const bastion = "tag:Role=bastion";
    const { result } = await program("prod", {
      "database.tunnel": "127.0.0.1:6432",
      "database.bastion": bastion,
    });
    expect(await valueOf(result.migratorConnection)).toEqual({
      host: ADDRESS,
      port: 5432,
      tls: verified,
      transport: { kind: "tunnel", target: bastion, region: "eu-central-1" },
    });
    expect(await valueOf(result.connection)).toMatchObject({ host: "127.0.0.1", port: 6432 });
  });

  it("is without TLS in local, and applications share it", async () => {
    const { result } = await program("local", { "database.tunnel": "127.0.0.1:6432" });
    const endpoint = { host: "127.0.0.1", port: 6432 };
    expect(await valueOf(result.connection)).toEqual({ ...endpoint, tls: { mode: "disable" } });
    expect(await valueOf(result.applicationEndpoint)).toEqual(endpoint);
    expect(await valueOf(result.masterSecretArn)).toBe("app-data-local/master");
  });
});

describe("masterSecretOf", () => {
  it("is the secret that RDS manages", () => {
    expect(masterSecretOf([{ secretArn: "arn:of:managed:secret" }])).toBe("arn:of:managed:secret");
  });

  it("cannot be found where RDS manages none", () => {
    expect(() => masterSecretOf([])).toThrow(
      "CFG042 the RDS instance has no secret of its master: it is not managed by RDS. " +
        "Set app-data:database.masterSecret, or let RDS manage the password again.",
    );
  });
});
