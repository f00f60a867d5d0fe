import type { Fixture } from "./judging";

/** One safe default, turned into what is unsafe. */
export interface Mutation {
  /** Type of the resource; every one of the type that has the property is changed, one at a time. */
  readonly type: string;
  /** The input that is changed. */
  readonly property: string;
  /** What it becomes; undefined takes it away. */
  readonly to: (value: unknown, of: Fixture) => unknown;
  /** The rule that has to speak, and no other; the rules, with commas, where one change breaks two. */
  readonly rule: string;
  /** Only resources of this name. */
  readonly name?: string;
  /** Tells mutations of one property apart. */
  readonly as?: string;
}

const always = (value: unknown) => () => value;
const unset = always(undefined);

const INSTANCE = "aws:rds/instance:Instance";
const KEY = "aws:kms/key:Key";
const ROLE = "postgresql:index/role:Role";
const FLOW_LOG = "aws:ec2/flowLog:FlowLog";
const BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
const ENCRYPTION =
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
const administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
const postgres = { protocol: "tcp", fromPort: 5432, toPort: 5432 };
const foreignKey = always("arn:aws:kms:eu-central-1:999999999999:key/theirs");

type Change = readonly [property: string, to: Mutation["to"], rule: string, as?: string];
const of = (type: string, changes: readonly Change[], name?: string): Mutation[] =>
  changes.map(([property, to, rule, as]) => ({
    type,
    property,
    to,
    rule,
    ...(as !== undefined && { as }),
    ...(name !== undefined && { name }),
  }));

/** An object without one of its fields. */
export function without<T extends object>(object: T, key: string): T {
  return Object.fromEntries(Object.entries(object).filter(([each]) => each !== key)) as T;
}

/** Rewrites one statement of a policy document, or takes it out. */
type Statement = Record<string, unknown> & { Sid?: string };
const statement =
  (sid: string, change: (statement: Statement) => Statement[]) =>
  (policy: unknown): string => {
    const document = JSON.parse(String(policy)) as { Statement: Statement[] };
    const { Statement: statements } = document;
    if (!statements.some(({ Sid }) => Sid === sid)) throw new Error(`There is no ${sid}.`);
    return JSON.stringify({
      ...document,
      Statement: statements.flatMap((each) => (each.Sid === sid ? change(each) : [each])),
    });
  };
const drop = (sid: string) => statement(sid, () => []);
const unconditional = (sid: string) => statement(sid, (each) => [without(each, "Condition")]);
/** With a condition that is true of every call. */
const overTls = (sid: string) =>
  statement(sid, (each) => [{ ...each, Condition: { Bool: { "aws:SecureTransport": "true" } } }]);
const anybody = (sid: string) => statement(sid, (each) => [{ ...each, Principal: { AWS: "*" } }]);
const allActions = (sid: string) => statement(sid, (each) => [{ ...each, Action: "kms:*" }]);
const decryptsEverything = (sid: string) =>
  statement(sid, (each) => [{ ...each, Action: "kms:Decrypt", Resource: "*" }]);
/** A parameter with another value, or without one. */
const parameter = (name: string, value?: string) => (parameters: unknown) =>
  (parameters as { name: string }[]).flatMap((each) =>
    each.name !== name ? [each] : value === undefined ? [] : [{ ...each, value }],
  );
const parameters: Change[] = [
  ["rds.force_ssl", "0", "database-tls-forced"],
  ["rds.accepted_password_auth_method", "md5+scram", "database-passwords-accepted"],
  ["password_encryption", "md5", "database-passwords-scrambled"],
  ["log_connections", "0", "database-log-connections"],
  ["log_disconnections", "0", "database-log-disconnections"],
  ["log_statement", "all", "database-log-statements"],
  ["log_lock_waits", "0", "database-log-waits"],
  ["log_parameter_max_length", "-1", "database-log-parameters"],
  ["log_parameter_max_length_on_error", "-1", "database-log-error-parameters"],
  ["idle_in_transaction_session_timeout", "0", "database-sessions-bounded"],
].flatMap(([name = "", value = "", rule = ""]): Change[] => [
  ["parameters", parameter(name, value), rule, `${name} = ${value}`],
  ["parameters", parameter(name), rule, `${name} unset`],
]);

/** One rule of a lifecycle without one of its ages. */
const withoutAge = (age: string) => (rules: unknown) =>
  (rules as Record<string, unknown>[]).map((rule) => without(rule, age));

/** Every safe default of every component, as the program asks for it in `prod`. */
export const mutations: readonly Mutation[] = [
  ...of(INSTANCE, [
    ["storageEncrypted", always(false), "database-storage-encrypted"],
    ["kmsKeyId", unset, "database-storage-key"],
    ["kmsKeyId", foreignKey, "own-keys", "foreign"],
    ["performanceInsightsKmsKeyId", unset, "database-load-key"],
    ["performanceInsightsKmsKeyId", foreignKey, "own-load-key", "foreign"],
    ["masterUserSecretKmsKeyId", unset, "database-master-key"],
    ["masterUserSecretKmsKeyId", foreignKey, "own-master-key", "foreign"],
    ["publiclyAccessible", always(true), "database-not-public"],
    ["iamDatabaseAuthenticationEnabled", always(false), "database-iam-authentication"],
    ["username", always("postgres"), "database-master-name"],
    ["manageMasterUserPassword", always(false), "database-password-managed"],
    ["password", always("hunter2"), "database-password-managed"],
    ["caCertIdentifier", always("rds-ca-2019"), "database-certificate"],
    ["backupRetentionPeriod", always(0), "database-backups"],
    ["multiAz", always(false), "database-multi-az"],
    ["autoMinorVersionUpgrade", always(false), "database-minor-upgrades"],
    ["allowMajorVersionUpgrade", always(true), "database-major-upgrades"],
    ["applyImmediately", always(true), "database-changes-in-window"],
    ["copyTagsToSnapshot", always(false), "database-snapshot-tags"],
    ["deleteAutomatedBackups", always(true), "database-backups-stay"],
    ["deletionProtection", always(false), "database-deletion-protection"],
    ["skipFinalSnapshot", always(true), "database-final-snapshot"],
    ["finalSnapshotIdentifier", unset, "database-final-snapshot"],
    ["enabledCloudwatchLogsExports", always(["upgrade"]), "database-logs-exported"],
    ["performanceInsightsEnabled", always(false), "database-load-recorded"],
    ["monitoringInterval", always(0), "database-monitoring"],
    ["monitoringRoleArn", unset, "database-monitoring"],
    ["dbSubnetGroupName", unset, "database-in-network"],
    ["parameterGroupName", always("default.postgres17"), "database-parameter-group"],
    ["vpcSecurityGroupIds", always([]), "database-security-groups"],
  ]),
  ...of("aws:rds/parameterGroup:ParameterGroup", parameters),
  ...of(KEY, [
    ["enableKeyRotation", always(false), "key-rotation"],
    ["deletionWindowInDays", always(7), "key-deletion-window"],
    ["policy", anybody("AdministerAsAccount"), "key-not-public", "public"],
    ["policy", allActions("AdministerAsAccount"), "key-use-limited", "administrators use it"],
  ]),
  ...of(
    KEY,
    ["UseThroughServices", "GrantToServices", "EncryptLogs"].flatMap((sid): Change[] => [
      ["policy", unconditional(sid), "key-use-limited", sid],
      ["policy", overTls(sid), "key-use-limited", `${sid}, over TLS`],
    ]),
    "database-key",
  ),
  ...of(KEY, [["policy", unset, "key-use-limited", "none"]], "database-key"),
  ...of(
    KEY,
    [["policy", unconditional("EncryptLogs"), "key-use-limited", "EncryptLogs"]],
    "network-flow-log-key",
  ),
  ...of(
    KEY,
    [["policy", unconditional("UseThroughServices"), "key-use-limited", "UseThroughServices"]],
    "export-storage-key",
  ),
  ...of(
    KEY,
    ["RefuseOtherApp", "RefuseOtherEnvironment", "RefuseOtherPurpose", "RefuseOtherUserId"].map(
      (sid): Change => ["policy", drop(sid), "api-key-context", sid],
    ),
    "api-key-encryption",
  ),
  ...of("aws:iam/role:Role", [
    ["managedPolicyArns", always([administrator]), "role-policy-narrow"],
  ]),
  ...[
    ["database-monitoring", "MeasureInstance"],
    ["network-flow-log", "WriteFlowLogs"],
  ].flatMap(([role = "", sid = ""]) =>
    of(
      "aws:iam/role:Role",
      [
        ["assumeRolePolicy", unconditional(sid), "role-trust-source", "any account"],
        ["assumeRolePolicy", anybody(sid), "role-trust-limited", "everybody"],
      ],
      role,
    ),
  ),
  ...of("aws:iam/rolePolicy:RolePolicy", [
    ["policy", decryptsEverything("WriteRecords"), "decryption-limited"],
  ]),
  ...of("aws:iam/rolePolicyAttachment:RolePolicyAttachment", [
    ["policyArn", always(administrator), "role-policy-narrow"],
  ]),
  ...of("aws:cloudwatch/logGroup:LogGroup", [
    ["kmsKeyId", unset, "log-group-encrypted"],
    ["kmsKeyId", foreignKey, "own-keys", "foreign"],
    ["retentionInDays", always(0), "log-group-retention"],
  ]),
  ...of("aws:secretsmanager/secret:Secret", [
    ["kmsKeyId", unset, "secret-encrypted"],
    ["kmsKeyId", foreignKey, "own-keys", "foreign"],
    ["recoveryWindowInDays", always(0), "secret-recoverable"],
  ]),
  ...of("random:index/randomPassword:RandomPassword", [["length", always(8), "password-long"]]),
  ...of("random:index/randomBytes:RandomBytes", [["length", always(4), "password-long"]]),
  ...of(FLOW_LOG, [
    ["vpcId", always("vpc-other"), "network-flow-logged"],
    ["trafficType", always("REJECT"), "network-flow-logged", "refused alone"],
    ["trafficType", unset, "network-flow-logged", "unset"],
  ]),
  ...of("aws:ec2/subnet:Subnet", [["mapPublicIpOnLaunch", always(true), "subnet-private"]]),
  ...of("aws:ec2/routeTable:RouteTable", [
    [
      "routes",
      always([{ cidrBlock: "0.0.0.0/0", gatewayId: "igw-1" }]),
      "database-subnets-private",
    ],
  ]),
  ...[
    ["Ingress", "network"],
    ["Egress", "network-egress"],
  ].flatMap(([way = "", rules = ""]) =>
    of(`aws:vpc/securityGroup${way}Rule:SecurityGroup${way}Rule`, [
      ["cidrIpv4", always("0.0.0.0/0"), `${rules}-closed`],
      ["toPort", always(65_535), `${rules}-port`],
      ["fromPort", always(0), `${rules}-port`],
      ["ipProtocol", always("-1"), `${rules}-protocol`],
    ]),
  ),
  ...of("aws:ec2/securityGroup:SecurityGroup", [
    ["ingress", always([{ ...postgres, cidrBlocks: ["0.0.0.0/0"] }]), "network-closed"],
    ["egress", always([{ ...postgres, cidrBlocks: ["0.0.0.0/0"] }]), "network-egress-closed"],
    ["egress", always([{ ...postgres, protocol: "-1" }]), "network-egress-protocol"],
    ["egress", always([{ ...postgres, toPort: 65_535 }]), "network-egress-port"],
  ]),
  ...of("aws:s3/bucket:Bucket", [["forceDestroy", always(true), "bucket-kept-while-full"]]),
  ...of(BLOCK, [
    ["blockPublicAcls", always(false), "bucket-acls-blocked"],
    ["blockPublicPolicy", always(false), "bucket-policy-blocked"],
    ["ignorePublicAcls", always(false), "bucket-acls-ignored"],
    ["restrictPublicBuckets", always(false), "bucket-access-restricted"],
  ]),
  ...of("aws:s3/bucketOwnershipControls:BucketOwnershipControls", [
    ["rule", always({ objectOwnership: "ObjectWriter" }), "bucket-acls-off"],
  ]),
  ...of("aws:s3/bucketVersioning:BucketVersioning", [
    ["versioningConfiguration", always({ status: "Suspended" }), "bucket-versioning"],
  ]),
  ...of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", [
    ["rules", withoutAge("expiration"), "bucket-objects-expire"],
    ["rules", withoutAge("noncurrentVersionExpiration"), "bucket-versions-expire"],
    ["rules", withoutAge("abortIncompleteMultipartUpload"), "bucket-uploads-expire"],
  ]),
  ...of(ENCRYPTION, [
    ["rules", always([]), "bucket-encryption-algorithm", "none"],
    [
      "rules",
      (rules) => (rules as object[]).map((rule) => ({ ...rule, bucketKeyEnabled: false })),
      "bucket-key-enabled",
      "no bucket key",
    ],
    [
      "rules",
      (rules) =>
        (rules as object[]).map((rule) => ({
          ...rule,
          applyServerSideEncryptionByDefault: {
            sseAlgorithm: "aws:kms",
            kmsMasterKeyId: foreignKey(),
          },
        })),
      "own-keys",
      "foreign",
    ],
    [
      "rules",
      (rules) => [
        ...(rules as object[]),
        {
          applyServerSideEncryptionByDefault: {
            sseAlgorithm: "aws:kms",
            kmsMasterKeyId: foreignKey(),
          },
          bucketKeyEnabled: true,
        },
      ],
      "own-keys",
      "foreign, in a second rule",
    ],
  ]),
  ...of("aws:s3/bucketPolicy:BucketPolicy", [
    ["policy", drop("RefusePlainText"), "bucket-tls", "plain"],
    ["policy", drop("RefuseOldTls"), "bucket-tls-version", "old TLS"],
    ["policy", drop("RefuseOldSignatures"), "bucket-signature-age", "old signatures"],
    ["policy", drop("RefuseOtherEncryption"), "bucket-upload-algorithm", "other encryption"],
    ["policy", drop("RefuseOtherKeys"), "bucket-upload-key", "other keys"],
  ]),
  ...of("pulumi:providers:postgresql", [
    ["sslmode", always("require"), "database-server-verified"],
  ]),
  ...of(ROLE, [
    ["superuser", always(true), "database-role-superuser"],
    ["bypassRowLevelSecurity", always(true), "database-role-row-security"],
    ["createRole", always(true), "database-role-makes-roles"],
    ["createDatabase", always(true), "database-role-makes-databases"],
    ["replication", always(true), "database-role-replicates"],
    ["skipReassignOwned", always(false), "database-role-drop-refused"],
    ["connectionLimit", always(-1), "database-login-limit"],
    ["password", always("hunter2"), "database-login-password"],
  ]),
  ...of(
    ROLE,
    [
      ["inherit", always(true), "database-role-inherits-nothing"],
      ["roles", always(["migrator"]), "database-role-memberships", "of the owner"],
      ["roles", always(["authenticated", "rds_superuser"]), "database-role-memberships", "of RDS"],
    ],
    "database-roles-app",
  ),
  ...["anon", "authenticated", "service_role"].flatMap((role) =>
    of(
      ROLE,
      [["login", always(true), "database-login-password,database-login-limit"]],
      `database-roles-${role}`,
    ),
  ),
  ...of("postgresql:index/database:Database", [
    ["isTemplate", always(true), "database-not-template"],
    ["alterObjectOwnership", always(true), "database-objects-keep-owner"],
    ["owner", always("app"), "database-owned-alone"],
  ]),
  ...["MigrationPlan", "Migration", "SchemaAttestation", "TokenSettings"].flatMap((type) =>
    of(`pulumi-nodejs:dynamic/database:${type}`, [
      [
        "connection",
        (connection) => ({ ...(connection as object), tls: { mode: "disable" } }),
        "migrator-verifies-server",
      ],
    ]),
  ),
  ...of("pulumi-nodejs:dynamic/database:MigrationPlan", [
    ["snapshots", unset, "migrations-take-snapshots"],
    ["allowDataLoss", always(true), "migrations-keep-rows"],
  ]),
];

/** Resources whose absence is unsafe, and the rule that has to notice it. */
export const removals: Readonly<Record<string, string>> = {
  [BLOCK]: "bucket-not-public",
  [ENCRYPTION]: "bucket-encrypted",
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "bucket-acls-off",
  "aws:s3/bucketVersioning:BucketVersioning": "bucket-versioning",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "bucket-lifecycle",
  "aws:s3/bucketPolicy:BucketPolicy": "bucket-policy",
  "aws:ec2/routeTableAssociation:RouteTableAssociation": "database-subnets-private",
  [FLOW_LOG]: "network-flow-logged",
};

/** Inputs that protect nothing: names, places, sizes, references to what else is judged. */
export const neutral: Readonly<Record<string, readonly string[]>> = {
  "aws:rds/instance:Instance": [
    "allocatedStorage",
    "maxAllocatedStorage",
    "storageType",
    "backupWindow",
    "maintenanceWindow",
    "engine",
    "engineVersion",
    "identifier",
    "instanceClass",
    "performanceInsightsRetentionPeriod",
    "port",
  ],
  "aws:rds/parameterGroup:ParameterGroup": ["family", "name", "description"],
  "aws:rds/subnetGroup:SubnetGroup": ["name", "description", "subnetIds"],
  "aws:kms/key:Key": ["description"],
  "aws:kms/alias:Alias": ["name", "targetKeyId"],
  "aws:iam/role:Role": ["name", "description"],
  // RDS refuses a monitoring role without the policy, whichever other it has.
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ["role"],
  "aws:iam/rolePolicy:RolePolicy": ["name", "role"],
  "aws:cloudwatch/logGroup:LogGroup": ["name"],
  "aws:secretsmanager/secret:Secret": ["name", "description"],
  "aws:secretsmanager/secretVersion:SecretVersion": ["secretId", "secretString"],
  "random:index/randomPassword:RandomPassword": ["special"],
  "random:index/randomBytes:RandomBytes": ["keepers"],
  "random:index/randomId:RandomId": ["byteLength", "keepers"],
  "aws:ec2/vpc:Vpc": ["cidrBlock", "enableDnsHostnames", "enableDnsSupport"],
  // EC2 refuses a flow log without destination or role; the group and the role are judged themselves.
  [FLOW_LOG]: ["iamRoleArn", "logDestination"],
  "aws:ec2/subnet:Subnet": ["availabilityZone", "cidrBlock", "vpcId"],
  "aws:ec2/routeTable:RouteTable": ["vpcId"],
  "aws:ec2/routeTableAssociation:RouteTableAssociation": ["routeTableId", "subnetId"],
  "aws:ec2/securityGroup:SecurityGroup": ["name", "description", "vpcId"],
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": [
    "description",
    "referencedSecurityGroupId",
    "securityGroupId",
  ],
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": [
    "description",
    "referencedSecurityGroupId",
    "securityGroupId",
  ],
  "aws:s3/bucket:Bucket": ["bucket"],
  [BLOCK]: ["bucket"],
  [ENCRYPTION]: ["bucket"],
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ["bucket"],
  "aws:s3/bucketVersioning:BucketVersioning": ["bucket"],
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ["bucket"],
  "aws:s3/bucketPolicy:BucketPolicy": ["bucket"],
  "pulumi:providers:postgresql": [
    "connectTimeout",
    "database",
    "host",
    "password",
    "port",
    "sslrootcert",
    // What the provider takes for granted of its login, not what the login may do.
    "superuser",
    "username",
  ],
  "postgresql:index/role:Role": ["name"],
  "postgresql:index/database:Database": [
    "allowConnections",
    "connectionLimit",
    "encoding",
    "lcCollate",
    "lcCtype",
    "name",
    "template",
  ],
  // Judged by the policies on SQL and on the attested catalog.
  "pulumi-nodejs:dynamic/database:MigrationPlan": [
    "__provider",
    "approvedPlan",
    "directory",
    "target",
    // The policies before and after take the environment from the stack's configuration.
    "waivers",
  ],
  "pulumi-nodejs:dynamic/database:Migration": [
    "__provider",
    "connectRoles",
    "forwardFile",
    "forwardSql",
    "name",
    "pendingAfter",
    "rollbackFile",
    "rollbackSql",
    "verifyFile",
    "verifySql",
    "version",
    "waivers",
  ],
  "pulumi-nodejs:dynamic/database:SchemaAttestation": ["__provider", "migrations"],
  // Claims or tokens is the application's choice; the migrator proves what it sets.
  "pulumi-nodejs:dynamic/database:TokenSettings": [
    "__provider",
    "audience",
    "secretArn",
    "secretVersion",
    "tokens",
  ],
};
