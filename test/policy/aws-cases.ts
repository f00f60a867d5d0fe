import type { Fixture } from "./judging";

/** What a rule on AWS resources says of a wrong stack, and that it is silent of a right one. */
export interface AwsCase {
  readonly right: readonly Fixture[];
  readonly wrong: readonly Fixture[];
  /** The whole message, from the code on. */
  readonly message: string;
}

const KEY_ARN = "arn:aws:kms:eu-central-1:111122223333:key/1";
const resource = (type: string, name: string, props: Record<string, unknown> = {}): Fixture => ({
  type,
  name,
  props,
});
const instance = (props: Record<string, unknown>) =>
  resource("aws:rds/instance:Instance", "main", props);
const key = (props: Record<string, unknown> = {}, name = "main") =>
  resource("aws:kms/key:Key", name, { arn: KEY_ARN, ...props });
const secret = (props: Record<string, unknown>) =>
  resource("aws:secretsmanager/secret:Secret", "app", props);
const bucket = resource("aws:s3/bucket:Bucket", "exports", { bucket: "exports" });
const ofBucket = (type: string, props: Record<string, unknown> = {}) =>
  resource(`aws:s3/${type[0]?.toLowerCase()}${type.slice(1)}:${type}`, "exports-part", {
    bucket: "exports",
    ...props,
  });
const logGroup = (props: Record<string, unknown>) =>
  resource("aws:cloudwatch/logGroup:LogGroup", "log", props);
const role = (props: Record<string, unknown>) =>
  resource("postgresql:index/role:Role", "app", props);
const policy = (...statements: Record<string, unknown>[]) =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
const group = (...parameters: [string, string][]) =>
  resource("aws:rds/parameterGroup:ParameterGroup", "group", {
    name: "group",
    parameters: parameters.map(([name, value]) => ({ name, value })),
  });
const grouped = instance({ parameterGroupName: "group" });

const off = (name: string, property: string): string =>
  `${name} has ${property} off; it must be true. Set \`${property}: true\`.`;
const on = (name: string, property: string): string =>
  `${name} has ${property} on; it must be false. Set \`${property}: false\`.`;
const few = (name: string, property: string, found: number | string, least: number): string =>
  `${name} has ${property} ${found}; it must be at least ${least}. Set \`${property}: ${least}\`.`;

/** One property of an instance, right and wrong. */
const property = (
  right: Record<string, unknown>,
  wrong: Record<string, unknown>,
  message: string,
  make = instance,
): AwsCase => ({ right: [make(right)], wrong: [make(wrong)], message });

const database = (props: Record<string, unknown>) =>
  resource("postgresql:index/database:Database", "main", props);
const powerCase = (name: string): AwsCase =>
  property({ [name]: false }, { [name]: true }, `POL185 ${on("Role app", name)}`, role);
const parameterCase = (name: string, right: string, wrong: string): AwsCase => ({
  right: [grouped, group([name, right])],
  wrong: [grouped, group([name, wrong])],
  message:
    `POL182 ParameterGroup group has ${name} "${wrong}"; it must be "${right}", because main uses the ` +
    "group. Set it.",
});

const account = "arn:aws:iam::111122223333:role/app";
const everything = ["arn:aws:s3:::exports", "arn:aws:s3:::exports/*"];
const refuse = (Action: string, Condition: Record<string, unknown>) => ({
  Effect: "Deny",
  Principal: "*",
  Action,
  Resource: everything,
  Condition,
});
const plain = refuse("s3:*", { Bool: { "aws:SecureTransport": "false" } });
const oldTls = refuse("s3:*", { NumericLessThan: { "s3:TlsVersion": "1.2" } });
const sse = "s3:x-amz-server-side-encryption";
const signatures = refuse("s3:*", { NumericGreaterThan: { "s3:signatureAge": "900000" } });
const algorithms = refuse("s3:PutObject", {
  StringNotEquals: { [sse]: "aws:kms" },
  Null: { [sse]: "false" },
});
const otherKeys = refuse("s3:PutObject", {
  StringNotEquals: { [`${sse}-aws-kms-key-id`]: KEY_ARN },
  Null: { [`${sse}-aws-kms-key-id`]: "false" },
});
const bucketPolicy = (...statements: Record<string, unknown>[]) =>
  ofBucket("BucketPolicy", { policy: policy(...statements) });

const refusalCase = (refusal: Record<string, unknown>, what: string): AwsCase => ({
  right: [bucketPolicy(refusal)],
  wrong: [bucketPolicy(refuse("s3:*", {}))],
  message:
    `POL179 BucketPolicy exports-part does not refuse ${what}; it must, to every principal. ` +
    "Add a Deny.",
});
const switchCase = (name: string): AwsCase =>
  property(
    { [name]: true },
    { [name]: false },
    `POL179 ${off("BucketPublicAccessBlock exports-part", name)}`,
    (props) => ofBucket("BucketPublicAccessBlock", props),
  );
const ageCase = (age: Record<string, unknown>, name: string): AwsCase =>
  property(
    { rules: [{ status: "Enabled", ...age }] },
    { rules: [{ status: "Enabled" }] },
    `POL179 BucketLifecycleConfiguration exports-part has no enabled rule for all objects with ${name}; ` +
      "users' files must not stay for ever. Add it.",
    (props) => ofBucket("BucketLifecycleConfiguration", props),
  );

const trust = (Condition?: Record<string, unknown>) => ({
  Effect: "Allow",
  Principal: { Service: "monitoring.rds.amazonaws.com" },
  Action: "sts:AssumeRole",
  ...(Condition && { Condition }),
});

const trustToken = (Condition: Record<string, unknown>) => ({
  Effect: "Allow",
  Principal: { Federated: "arn:aws:iam::111122223333:oidc-provider/ci.example" },
  Action: "sts:AssumeRoleWithWebIdentity",
  Condition,
});
const iamRole = (props: Record<string, unknown>) =>
  resource("aws:iam/role:Role", "monitoring", props);
const rolePolicy = (props: Record<string, unknown>) =>
  resource("aws:iam/rolePolicy:RolePolicy", "jobs", props);

const cryptographic = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];
const refuseContext = (part: string, Condition: Record<string, unknown>) => ({
  Sid: part,
  Effect: "Deny",
  Principal: { AWS: "*" },
  Action: cryptographic,
  Resource: "*",
  Condition,
});
const contextual = [
  ...["app", "environment", "purpose"].map((part) =>
    refuseContext(part, { StringNotEquals: { [`kms:EncryptionContext:${part}`]: "x" } }),
  ),
  refuseContext("user", { Null: { "kms:EncryptionContext:user_id": "true" } }),
];
const apiKeys = (...statements: Record<string, unknown>[]): Fixture[] => [
  resource("app-data:security:ApiKeyEncryption", "api-keys"),
  { ...key({ policy: policy(...statements) }, "wrapping"), parent: "api-keys" },
];

const permission = {
  referencedSecurityGroupId: "sg-1",
  ipProtocol: "tcp",
  fromPort: 5432,
  toPort: 5432,
};
const ingressRule = (props: Record<string, unknown>) =>
  resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "in", props);
const egressRule = (props: Record<string, unknown>) =>
  resource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "out", props);

const subnet = resource("aws:ec2/subnet:Subnet", "private", { id: "subnet-1" });
const routed = (...routes: Record<string, unknown>[]): Fixture[] => [
  subnet,
  resource("aws:rds/subnetGroup:SubnetGroup", "subnets", { subnetIds: ["subnet-1"] }),
  resource("aws:ec2/routeTable:RouteTable", "routes", { id: "rtb-1", routes }),
  resource("aws:ec2/routeTableAssociation:RouteTableAssociation", "association", {
    subnetId: "subnet-1",
    routeTableId: "rtb-1",
  }),
];

const encryption = (props: Record<string, unknown>) =>
  ofBucket("BucketServerSideEncryptionConfiguration", props);
const ofEncryption = "POL201 BucketServerSideEncryptionConfiguration exports-part has";
const byKms = {
  applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: KEY_ARN },
};
const ownKeyCase = (
  object: string,
  make: (props: Record<string, unknown>) => Fixture,
  property: string,
): AwsCase => ({
  right: [key(), make({ [property]: KEY_ARN })],
  wrong: [key(), make({ [property]: "arn:aws:kms:eu-central-1:999999999999:key/2" })],
  message:
    `POL183 ${object} has ${property} set to a key that this stack does not make; it must be one of ` +
    `the stack's own, whose policy is judged here. Set \`${property.split(".").at(-1)}\` to the ARN of one.`,
});
const noKey = (name: string): string =>
  `has ${name} unset, which means a key of AWS's own; a customer managed KMS key is required. ` +
  `Set \`${name.split(".").at(-1)}\` to the ARN of the stack's own key.`;

/** One wrong and one right stack for every rule; `test/policy/aws-rules.test.ts` misses any that lacks. */
export const awsCases: Readonly<Record<string, AwsCase>> = {
  "database-storage-encrypted": property(
    { storageEncrypted: true },
    {},
    "POL201 Instance main has storageEncrypted unset; it must be true. Set `storageEncrypted: true`; " +
      "the storage is replaced.",
  ),
  "database-storage-key": property(
    { kmsKeyId: KEY_ARN },
    {},
    `POL201 Instance main ${noKey("kmsKeyId")}`,
  ),
  "database-load-key": property(
    { performanceInsightsEnabled: true, performanceInsightsKmsKeyId: KEY_ARN },
    { performanceInsightsEnabled: true },
    `POL201 Instance main ${noKey("performanceInsightsKmsKeyId")}`,
  ),
  "database-master-key": property(
    { manageMasterUserPassword: true, masterUserSecretKmsKeyId: KEY_ARN },
    { manageMasterUserPassword: true },
    `POL201 Instance main ${noKey("masterUserSecretKmsKeyId")}`,
  ),
  "bucket-encryption-algorithm": property(
    { rules: [byKms] },
    { rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
    `${ofEncryption} an sseAlgorithm other than "aws:kms". Set \`sseAlgorithm: "aws:kms"\`.`,
    encryption,
  ),
  "bucket-encryption-key": property(
    { rules: [byKms] },
    { rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms" } }] },
    `POL201 BucketServerSideEncryptionConfiguration exports-part ${noKey(
      "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId",
    )}`,
    encryption,
  ),
  "bucket-key-enabled": property(
    { rules: [{ ...byKms, bucketKeyEnabled: true }] },
    { rules: [byKms] },
    `${ofEncryption} bucketKeyEnabled off; it must be true. Set \`bucketKeyEnabled: true\`.`,
    encryption,
  ),
  "secret-encrypted": property(
    { kmsKeyId: KEY_ARN },
    {},
    `POL201 Secret app ${noKey("kmsKeyId")}`,
    secret,
  ),
  "secret-replicas-encrypted": property(
    { replicas: [{ kmsKeyId: KEY_ARN }] },
    { replicas: [{}] },
    `POL201 Secret app ${noKey("replicas.0.kmsKeyId")}`,
    secret,
  ),
  "log-group-encrypted": property(
    { kmsKeyId: KEY_ARN },
    {},
    `POL201 LogGroup log ${noKey("kmsKeyId")}`,
    logGroup,
  ),
  "bucket-encrypted": {
    right: [bucket, encryption({ rules: [{ ...byKms, bucketKeyEnabled: true }] })],
    wrong: [bucket],
    message:
      "POL201 Bucket exports has no encryption configuration; it must be encrypted with a customer " +
      "managed KMS key. Add a BucketServerSideEncryptionConfiguration for it.",
  },
  "database-not-public": property(
    {},
    { publiclyAccessible: true },
    `POL174 ${on("Instance main", "publiclyAccessible")}`,
  ),
  "database-iam-authentication": property(
    { iamDatabaseAuthenticationEnabled: true },
    { iamDatabaseAuthenticationEnabled: false },
    `POL174 ${off("Instance main", "iamDatabaseAuthenticationEnabled")}`,
  ),
  "database-master-name": property(
    { username: "master" },
    { username: "Postgres" },
    'POL174 Instance main has the username "Postgres"; it must be none of admin, postgres, root. ' +
      "Choose another `username`.",
  ),
  "database-password-managed": property(
    { manageMasterUserPassword: true },
    { manageMasterUserPassword: true, password: "hunter2" },
    "POL174 Instance main has a password; RDS must make it. Remove `password`.",
  ),
  "database-certificate": property(
    { caCertIdentifier: "rds-ca-rsa2048-g1" },
    { caCertIdentifier: "rds-ca-2019" },
    'POL174 Instance main has caCertIdentifier "rds-ca-2019"; it must be one of today\'s, such as ' +
      "rds-ca-rsa2048-g1. Set `caCertIdentifier`.",
  ),
  "database-proxy-tls": property(
    { requireTls: true },
    { requireTls: false },
    `POL174 ${off("Proxy main", "requireTls")}`,
    (props) => resource("aws:rds/proxy:Proxy", "main", props),
  ),
  "database-proxy-log": property(
    {},
    { debugLogging: true },
    `POL174 ${on("Proxy main", "debugLogging")}`,
    (props) => resource("aws:rds/proxy:Proxy", "main", props),
  ),
  "database-server-verified": property(
    { sslmode: "verify-ca" },
    { sslmode: "require" },
    'POL174 postgresql main has sslmode "require"; it must be "verify-full", or "verify-ca" through ' +
      "a tunnel. Set `sslmode`.",
    (props) => resource("pulumi:providers:postgresql", "main", props),
  ),
  "migrator-verifies-server": property(
    { connection: { tls: { mode: "verify-full", serverName: "db" } } },
    { connection: { tls: { mode: "disable" } } },
    'POL174 MigrationPlan main connects with TLS mode "disable"; it must be "verify-full". ' +
      "Set `connection.tls`.",
    (props) => resource("pulumi-nodejs:dynamic/database:MigrationPlan", "main", props),
  ),
  "database-role-superuser": powerCase("superuser"),
  "database-role-row-security": powerCase("bypassRowLevelSecurity"),
  "database-role-makes-roles": powerCase("createRole"),
  "database-role-makes-databases": powerCase("createDatabase"),
  "database-role-replicates": powerCase("replication"),
  "database-role-memberships": property(
    { roles: ["anon"] },
    { roles: ["anon", "migrator"] },
    "POL185 Role app is a member of migrator; it may become no role but anon, authenticated, " +
      "service_role. Take migrator out of `roles`.",
    role,
  ),
  "database-role-inherits-nothing": property(
    { roles: ["anon"], inherit: false },
    { roles: ["anon"], inherit: true },
    "POL185 Role app inherits the rights of the roles that it is a member of; it must take one on by " +
      "`set role`. Set `inherit: false`.",
    role,
  ),
  "database-login-password": property(
    { login: true, password: "SCRAM-SHA-256$4096:…" },
    { login: true, password: "hunter2" },
    "POL185 Role app logs in with a password that is not a SCRAM verifier; it must be one. Set `password` to the verifier.",
    role,
  ),
  "database-login-limit": property(
    { login: true, connectionLimit: 50 },
    { login: true, connectionLimit: -1 },
    "POL185 Role app logs in without a limit of connections, so it can take all of them; it must have " +
      "one. Set `connectionLimit`.",
    role,
  ),
  "database-owned-alone": property(
    { owner: "migrator" },
    { owner: "app" },
    "POL185 Database main is owned by app; it must be owned by migrator, which runs the migrations. " +
      'Set `owner: "migrator"`.',
    database,
  ),
  "database-not-template": property(
    {},
    { isTemplate: true },
    `POL185 ${on("Database main", "isTemplate")}`,
    database,
  ),
  "database-objects-keep-owner": property(
    {},
    { alterObjectOwnership: true },
    `POL185 ${on("Database main", "alterObjectOwnership")}`,
    database,
  ),
  "database-role-drop-refused": property(
    { skipReassignOwned: true },
    {},
    "POL185 Role app has skipReassignOwned unset; it must be true. Set `skipReassignOwned: true`.",
    role,
  ),
  "database-backups": property(
    { backupRetentionPeriod: 14 },
    { backupRetentionPeriod: 13 },
    `POL175 ${few("Instance main", "backupRetentionPeriod", 13, 14)}`,
  ),
  "database-multi-az": property(
    { multiAz: true },
    { multiAz: false },
    `POL175 ${off("Instance main", "multiAz")}`,
  ),
  "database-minor-upgrades": property(
    { autoMinorVersionUpgrade: true },
    { autoMinorVersionUpgrade: false },
    `POL175 ${off("Instance main", "autoMinorVersionUpgrade")}`,
  ),
  "database-major-upgrades": property(
    {},
    { allowMajorVersionUpgrade: true },
    `POL175 ${on("Instance main", "allowMajorVersionUpgrade")}`,
  ),
  "database-changes-in-window": property(
    {},
    { applyImmediately: true },
    `POL175 ${on("Instance main", "applyImmediately")}`,
  ),
  "database-snapshot-tags": property(
    { copyTagsToSnapshot: true },
    { copyTagsToSnapshot: false },
    `POL175 ${off("Instance main", "copyTagsToSnapshot")}`,
  ),
  "snapshot-private": property(
    { sharedAccounts: ["111122223333"] },
    { sharedAccounts: ["all"] },
    'POL175 Snapshot copy is shared with "all"; only named accounts may restore it. Remove "all" ' +
      "from `sharedAccounts`.",
    (props) => resource("aws:rds/snapshot:Snapshot", "copy", props),
  ),
  "snapshot-encryption-key": property(
    { kmsKeyId: KEY_ARN },
    { kmsKeyId: "alias/aws/rds" },
    "POL175 SnapshotCopy copy has kmsKeyId set to a key of AWS's own; a customer managed KMS key is " +
      "required. Set `kmsKeyId`.",
    (props) => resource("aws:rds/snapshotCopy:SnapshotCopy", "copy", props),
  ),
  "database-logs-exported": property(
    { enabledCloudwatchLogsExports: ["postgresql", "upgrade"] },
    { enabledCloudwatchLogsExports: ["upgrade"] },
    'POL176 Instance main does not export "postgresql" to CloudWatch Logs; every log must be. Add to ' +
      "`enabledCloudwatchLogsExports`.",
  ),
  "database-load-recorded": property(
    { performanceInsightsEnabled: true },
    { performanceInsightsEnabled: false },
    `POL176 ${off("Instance main", "performanceInsightsEnabled")}`,
  ),
  "database-monitoring": property(
    { monitoringInterval: 60, monitoringRoleArn: account },
    { monitoringInterval: 0, monitoringRoleArn: account },
    "POL176 Instance main has monitoringInterval 0; it must be from 1 to 60 seconds. Set it, and " +
      "`monitoringRoleArn`.",
  ),
  "log-group-retention": property(
    { retentionInDays: 365 },
    { retentionInDays: 0 },
    `POL176 ${few("LogGroup log", "retentionInDays", 0, 365)}`,
    logGroup,
  ),
  "role-trust-limited": property(
    { assumeRolePolicy: policy({ ...trust(), Principal: { AWS: account } }) },
    { assumeRolePolicy: policy({ ...trust(), Principal: "*" }) },
    "POL186 Role monitoring can be assumed by every principal of every account; it must name " +
      "principals. Name them.",
    iamRole,
  ),
  "role-trust-subject": property(
    {
      assumeRolePolicy: policy(trustToken({ StringLike: { "ci.example:sub": "repo:acme/app:*" } })),
    },
    { assumeRolePolicy: policy(trustToken({ StringLike: { "ci.example:sub": "repo:*" } })) },
    "POL186 Role monitoring can be assumed by anyone who has a token of " +
      "arn:aws:iam::111122223333:oidc-provider/ci.example; it must say whose. Add a condition on the " +
      "token's `sub`, such as `repo:OWNER/REPOSITORY:*`.",
    iamRole,
  ),
  "role-trust-source": property(
    { assumeRolePolicy: policy(trust({ StringEquals: { "aws:SourceAccount": "111122223333" } })) },
    { assumeRolePolicy: policy(trust()) },
    "POL186 Role monitoring can be assumed by monitoring.rds.amazonaws.com on behalf of any account; " +
      "the service must be tied to this one. Add a condition on `aws:SourceAccount` and " +
      "`aws:SourceArn`.",
    iamRole,
  ),
  "role-not-administrator": property(
    { policy: policy({ Effect: "Allow", Action: "rds:*", Resource: "*" }) },
    { policy: policy({ Effect: "Allow", Action: "*", Resource: "*" }) },
    "POL186 RolePolicy jobs allows every action on every resource; it must list what the task needs. " +
      "List it.",
    rolePolicy,
  ),
  "role-policy-narrow": property(
    { policyArn: "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole" },
    { policyArn: "arn:aws:iam::aws:policy/AdministratorAccess" },
    "POL186 RolePolicyAttachment monitoring gives all that " +
      "arn:aws:iam::aws:policy/AdministratorAccess allows; a role must have what its task needs. " +
      "Use a policy for that task.",
    (props) =>
      resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "monitoring", {
        role: "monitoring",
        ...props,
      }),
  ),
  "key-rotation": property(
    { enableKeyRotation: true },
    { enableKeyRotation: false },
    `POL177 ${off("Key main", "enableKeyRotation")}`,
    key,
  ),
  "key-deletion-window": property(
    { deletionWindowInDays: 30 },
    { deletionWindowInDays: 7 },
    `POL177 ${few("Key main", "deletionWindowInDays", 7, 30)}`,
    key,
  ),
  "key-not-public": property(
    { policy: policy({ Effect: "Allow", Principal: { AWS: account }, Action: "kms:DescribeKey" }) },
    { policy: policy({ Effect: "Allow", Principal: "*", Action: "kms:DescribeKey" }) },
    "POL177 Key main has a policy that allows every principal of every account; it must name " +
      "principals. Name them, or add a condition on `aws:PrincipalAccount`.",
    key,
  ),
  "key-use-limited": property(
    {
      policy: policy({
        Effect: "Allow",
        Principal: { AWS: account },
        Action: "kms:Decrypt",
        Condition: { StringEquals: { "kms:ViaService": "rds.eu-central-1.amazonaws.com" } },
      }),
    },
    {
      policy: policy({
        Effect: "Allow",
        Principal: { AWS: account },
        Action: ["kms:DescribeKey", "kms:Create*"],
      }),
    },
    "POL177 Key main has a policy that allows kms:Create* to any caller; use must be tied to a service " +
      "(`kms:ViaService`), an encryption context or an AWS resource. Add the condition.",
    key,
  ),
  "decryption-limited": property(
    { policy: policy({ Effect: "Allow", Action: "kms:Decrypt", Resource: KEY_ARN }) },
    { policy: policy({ Effect: "Allow", Action: "kms:*", Resource: "*" }) },
    "POL177 RolePolicy jobs lets its holder decrypt with every key; it must name keys. Put their ARNs " +
      "into `Resource`.",
    rolePolicy,
  ),
  "api-key-context": {
    right: apiKeys(...contextual),
    wrong: apiKeys(...contextual.slice(0, 3)),
    message:
      "POL177 Key wrapping has a policy that does not refuse use without " +
      "kms:EncryptionContext:user_id; every part of the context must be demanded. Add a Deny for " +
      "every principal, with that condition alone.",
  },
  "own-keys": ownKeyCase("Secret app", secret, "kmsKeyId"),
  "own-load-key": ownKeyCase("Instance main", instance, "performanceInsightsKmsKeyId"),
  "own-master-key": ownKeyCase("Instance main", instance, "masterUserSecretKmsKeyId"),
  "own-replica-keys": ownKeyCase(
    "Secret app",
    ({ "replicas.0.kmsKeyId": kmsKeyId }) => secret({ replicas: [{ kmsKeyId }] }),
    "replicas.0.kmsKeyId",
  ),
  "data-protected": {
    right: [{ ...bucket, protect: true }],
    wrong: [bucket],
    message:
      "POL181 Bucket exports is not protected, so an `up` of a program without it destroys it; it " +
      "must be. Give it the option `protect: true`.",
  },
  "database-deletion-protection": property(
    { deletionProtection: true },
    { deletionProtection: false },
    `POL181 ${off("Instance main", "deletionProtection")}`,
  ),
  "database-final-snapshot": property(
    { skipFinalSnapshot: false, finalSnapshotIdentifier: "last" },
    { skipFinalSnapshot: false },
    "POL181 Instance main has no finalSnapshotIdentifier, so its deletion fails or leaves nothing. Set it.",
  ),
  "database-backups-stay": property(
    { deleteAutomatedBackups: false },
    {},
    "POL181 Instance main deletes its automatic backups with itself; they must stay. Set " +
      "`deleteAutomatedBackups: false`.",
  ),
  "migrations-take-snapshots": property(
    { snapshots: {} },
    {},
    "POL181 MigrationPlan main takes no snapshot before data is deleted; it must. Set " +
      "`migrations.snapshotsKept`.",
    (props) => resource("pulumi-nodejs:dynamic/database:MigrationPlan", "main", props),
  ),
  "migrations-keep-rows": property(
    { allowDataLoss: false },
    { allowDataLoss: true },
    `POL181 ${on("MigrationPlan main", "allowDataLoss")}`,
    (props) => resource("pulumi-nodejs:dynamic/database:MigrationPlan", "main", props),
  ),
  "bucket-kept-while-full": property(
    { forceDestroy: false },
    { forceDestroy: true },
    `POL181 ${on("Bucket exports", "forceDestroy")}`,
    (props) => ({ ...bucket, props }),
  ),
  "secret-recoverable": property(
    {},
    { recoveryWindowInDays: 0 },
    `POL184 ${few("Secret app", "recoveryWindowInDays", 0, 7)}`,
    secret,
  ),
  "secret-not-public": property(
    { policy: policy({ Effect: "Allow", Principal: { AWS: account }, Action: "*" }) },
    { policy: policy({ Effect: "Allow", Principal: { AWS: ["*"] }, Action: "*" }) },
    "POL184 Secret app lets every principal read the secret; it must name principals. Name them.",
    secret,
  ),
  "password-long": property(
    { length: 32 },
    { length: 31 },
    `POL184 ${few("RandomPassword login", "length", 31, 32)}`,
    (props) => resource("random:index/randomPassword:RandomPassword", "login", props),
  ),
  "network-closed": property(
    permission,
    { ...permission, cidrIpv4: "10.0.0.0/8" },
    "POL180 SecurityGroupIngressRule in is open to 10.0.0.0/8 (cidrIpv4); it must name a security " +
      "group. Remove `cidrIpv4`.",
    ingressRule,
  ),
  "network-protocol": property(
    permission,
    { ...permission, ipProtocol: "-1" },
    "POL180 SecurityGroupIngressRule in is open for ipProtocol -1 (-1 is all of them); PostgreSQL needs " +
      'only TCP. Set `ipProtocol: "tcp"`.',
    ingressRule,
  ),
  "network-port": property(
    permission,
    { ...permission, fromPort: 0, toPort: 65_535 },
    "POL180 SecurityGroupIngressRule in is open for more than one port; it must name one. Set " +
      "`fromPort` and `toPort` to it.",
    ingressRule,
  ),
  "network-egress-closed": property(
    permission,
    { ...permission, prefixListId: "pl-1" },
    "POL180 SecurityGroupEgressRule out is open to pl-1 (prefixListId); it must name a security group. " +
      "Remove `prefixListId`.",
    egressRule,
  ),
  "network-egress-protocol": property(
    permission,
    { ...permission, ipProtocol: "udp" },
    "POL180 SecurityGroupEgressRule out is open for ipProtocol udp (-1 is all of them); PostgreSQL needs " +
      'only TCP. Set `ipProtocol: "tcp"`.',
    egressRule,
  ),
  "network-egress-port": property(
    permission,
    { ...permission, toPort: 5433 },
    "POL180 SecurityGroupEgressRule out is open for more than one port; it must name one. Set " +
      "`fromPort` and `toPort` to it.",
    egressRule,
  ),
  "database-in-network": property(
    { dbSubnetGroupName: "private" },
    {},
    "POL180 Instance main has dbSubnetGroupName unset, which means the default network of the account; " +
      "it must be named. Set `dbSubnetGroupName`.",
  ),
  "database-security-groups": property(
    { vpcSecurityGroupIds: ["sg-1"] },
    { vpcSecurityGroupIds: [] },
    "POL180 Instance main has vpcSecurityGroupIds unset, which means the default network of the " +
      "account; it must be named. Set `vpcSecurityGroupIds`.",
  ),
  "subnet-private": property(
    { mapPublicIpOnLaunch: false },
    { mapPublicIpOnLaunch: true },
    `POL180 ${on("Subnet private", "mapPublicIpOnLaunch")}`,
    (props) => resource("aws:ec2/subnet:Subnet", "private", props),
  ),
  "database-subnets-private": {
    right: routed(),
    wrong: routed({ cidrBlock: "0.0.0.0/0", gatewayId: "igw-1" }),
    message:
      "POL180 RouteTable routes leads from subnet private of the database to the internet; it must " +
      "not. Remove the route.",
  },
  "network-flow-logged": {
    right: [
      resource("aws:ec2/vpc:Vpc", "main", { id: "vpc-1" }),
      resource("aws:ec2/flowLog:FlowLog", "flows", { vpcId: "vpc-1", trafficType: "ALL" }),
    ],
    wrong: [resource("aws:ec2/vpc:Vpc", "main", { id: "vpc-1" })],
    message: "POL180 Vpc main has no FlowLog; every network must have one. Add it.",
  },
  "database-tls-forced": parameterCase("rds.force_ssl", "1", "0"),
  "database-passwords-scrambled": parameterCase("password_encryption", "scram-sha-256", "md5"),
  "database-passwords-accepted": parameterCase(
    "rds.accepted_password_auth_method",
    "scram",
    "md5+scram",
  ),
  "database-log-connections": parameterCase("log_connections", "1", "0"),
  "database-log-disconnections": parameterCase("log_disconnections", "1", "0"),
  "database-log-statements": parameterCase("log_statement", "ddl", "all"),
  "database-log-waits": parameterCase("log_lock_waits", "1", "0"),
  "database-log-parameters": parameterCase("log_parameter_max_length", "0", "-1"),
  "database-log-error-parameters": parameterCase("log_parameter_max_length_on_error", "0", "-1"),
  "database-sessions-bounded": {
    right: [grouped, group(["idle_in_transaction_session_timeout", "300000"])],
    wrong: [grouped, group()],
    message:
      "POL182 ParameterGroup group has idle_in_transaction_session_timeout unset; it must be from 1 to " +
      "600000 milliseconds, because main uses the group. Set it.",
  },
  "database-parameter-group": {
    right: [grouped, group()],
    wrong: [grouped],
    message:
      "POL182 Instance main uses no parameter group of the stack, so no rule can judge its settings; it must use " +
      "one that is judged here. Name it in `parameterGroupName`.",
  },
  "bucket-not-public": {
    right: [bucket, ofBucket("BucketPublicAccessBlock")],
    wrong: [bucket],
    message:
      "POL179 Bucket exports has no BucketPublicAccessBlock; every bucket must have one. Add it.",
  },
  "bucket-acls-blocked": switchCase("blockPublicAcls"),
  "bucket-policy-blocked": switchCase("blockPublicPolicy"),
  "bucket-acls-ignored": switchCase("ignorePublicAcls"),
  "bucket-access-restricted": switchCase("restrictPublicBuckets"),
  "bucket-acls-off": {
    right: [
      bucket,
      ofBucket("BucketOwnershipControls", { rule: { objectOwnership: "BucketOwnerEnforced" } }),
    ],
    wrong: [
      bucket,
      ofBucket("BucketOwnershipControls", { rule: { objectOwnership: "ObjectWriter" } }),
    ],
    message:
      'POL179 BucketOwnershipControls exports-part has objectOwnership other than "BucketOwnerEnforced", ' +
      "so access lists work. Set it.",
  },
  "bucket-versioning": {
    right: [
      bucket,
      ofBucket("BucketVersioning", { versioningConfiguration: { status: "Enabled" } }),
    ],
    wrong: [
      bucket,
      ofBucket("BucketVersioning", { versioningConfiguration: { status: "Suspended" } }),
    ],
    message:
      'POL179 BucketVersioning exports-part has a status other than "Enabled". Set ' +
      '`versioningConfiguration.status: "Enabled"`.',
  },
  "bucket-lifecycle": {
    right: [bucket, ofBucket("BucketLifecycleConfiguration")],
    wrong: [bucket],
    message:
      "POL179 Bucket exports has no BucketLifecycleConfiguration; every bucket must have one. Add it.",
  },
  "bucket-objects-expire": ageCase({ expiration: { days: 30 } }, "expiration.days"),
  "bucket-versions-expire": ageCase(
    { noncurrentVersionExpiration: { noncurrentDays: 7 } },
    "noncurrentVersionExpiration.noncurrentDays",
  ),
  "bucket-uploads-expire": ageCase(
    { abortIncompleteMultipartUpload: { daysAfterInitiation: 1 } },
    "abortIncompleteMultipartUpload.daysAfterInitiation",
  ),
  "bucket-policy": {
    right: [bucket, bucketPolicy()],
    wrong: [bucket],
    message: "POL179 Bucket exports has no BucketPolicy; every bucket must have one. Add it.",
  },
  "bucket-tls": refusalCase(plain, "plain connections"),
  "bucket-tls-version": refusalCase(oldTls, "TLS below 1.2"),
  "bucket-signature-age": refusalCase(signatures, "requests signed long ago"),
  "bucket-upload-algorithm": refusalCase(algorithms, "encryption without KMS"),
  "bucket-upload-key": refusalCase(otherKeys, "encryption with another key"),
  "bucket-not-shared": {
    right: [bucketPolicy(plain)],
    wrong: [
      bucketPolicy({
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::999999999999:root" },
        Action: "s3:GetObject",
      }),
    ],
    message:
      "POL179 BucketPolicy exports-part allows another account or everybody; a bucket policy must " +
      "only refuse. Give the right by IAM in this account.",
  },
  "bucket-access-logged": {
    right: [bucket, ofBucket("BucketLogging", { targetBucket: "logs" })],
    wrong: [bucket],
    message: "POL179 Bucket exports has no BucketLogging; every bucket must have one. Add it.",
  },
};
