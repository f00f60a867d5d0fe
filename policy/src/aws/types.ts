/** Types of resources, as the AWS provider names them. */
export const INSTANCE = "aws:rds/instance:Instance";
export const CLUSTER = "aws:rds/cluster:Cluster";
export const CLUSTER_INSTANCE = "aws:rds/clusterInstance:ClusterInstance";
export const PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup";
export const SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup";
export const SNAPSHOT = "aws:rds/snapshot:Snapshot";
export const SNAPSHOT_COPY = "aws:rds/snapshotCopy:SnapshotCopy";
export const BACKUP_REPLICATION =
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication";
export const PROXY = "aws:rds/proxy:Proxy";
export const KEY = "aws:kms/key:Key";
export const KEY_GRANT = "aws:kms/grant:Grant";
/** What has the policy of a key. */
export const KEY_POLICIES = [
  KEY,
  "aws:kms/keyPolicy:KeyPolicy",
  "aws:kms/replicaKey:ReplicaKey",
  "aws:kms/externalKey:ExternalKey",
  "aws:kms/replicaExternalKey:ReplicaExternalKey",
];
export const BUCKETS = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"];
export const BUCKET_ENCRYPTION = [
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
];
export const BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy";
export const PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
export const OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls";
export const VERSIONING = ["aws:s3/bucketVersioning:BucketVersioning"];
export const LIFECYCLE = ["aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"];
export const BUCKET_LOGGING = ["aws:s3/bucketLogging:BucketLogging"];
export const SECRET = "aws:secretsmanager/secret:Secret";
export const SECRET_POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy";
export const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
export const IAM_ROLE = "aws:iam/role:Role";
export const IAM_ATTACHMENTS = [
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  "aws:iam/userPolicyAttachment:UserPolicyAttachment",
  "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
  "aws:iam/policyAttachment:PolicyAttachment",
];
export const IAM_POLICIES = [
  "aws:iam/policy:Policy",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:iam/userPolicy:UserPolicy",
  "aws:iam/groupPolicy:GroupPolicy",
];
export const VPC = "aws:ec2/vpc:Vpc";
export const FLOW_LOG = "aws:ec2/flowLog:FlowLog";
export const SUBNET = "aws:ec2/subnet:Subnet";
export const ROUTE_TABLE = "aws:ec2/routeTable:RouteTable";
export const ROUTE = "aws:ec2/route:Route";
export const ROUTE_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation";
export const SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup";
export const DEFAULT_SECURITY_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup";
export const SECURITY_GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule";
export const INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
export const EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
export const DATABASE = "postgresql:index/database:Database";
export const ROLE = "postgresql:index/role:Role";
export const MEMBERSHIP = "postgresql:index/grantRole:GrantRole";
export const DATABASE_PROVIDER = "pulumi:providers:postgresql";
export const PASSWORD = "random:index/randomPassword:RandomPassword";
export const SALT = "random:index/randomBytes:RandomBytes";
export const API_KEY_COMPONENT = "app-data:security:ApiKeyEncryption";
export const MIGRATION = "pulumi-nodejs:dynamic/database:Migration";
export const MIGRATION_PLAN = "pulumi-nodejs:dynamic/database:MigrationPlan";
export const ATTESTATION = "pulumi-nodejs:dynamic/database:SchemaAttestation";
export const TOKEN_SETTINGS = "pulumi-nodejs:dynamic/database:TokenSettings";
