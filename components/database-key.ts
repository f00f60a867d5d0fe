import * as kms from "@pulumi/aws/kms";
import type * as pulumi from "@pulumi/pulumi";
import { currentAccount, type AwsAccount } from "./aws-account";
import {
  accountRoot,
  administration,
  encryptLogs,
  keyPolicy,
  useThroughServices,
  viaServices,
  type KeyStatement,
} from "./key-policy";
import { physicalName } from "./names";
import type { Tags } from "./tags";

// Storage and Performance Insights go through RDS, the logins' secrets through Secrets Manager.
const SERVICES = ["rds", "secretsmanager"];

/** Inputs of {@link createDatabaseKey}. */
export interface DatabaseKeyArgs {
  /** The component that the key belongs to. */
  readonly parent: pulumi.Resource;
  /** Log groups that CloudWatch Logs may encrypt with the key, and no others. */
  readonly logGroupNames: readonly string[];
  /** Days until a deleted key, and all encrypted with it, is gone: 7 to 30. */
  readonly deletionWindowDays: number;
  /** Whether Pulumi refuses to delete the key. */
  readonly protect: boolean;
  /** Tags of the key. */
  readonly tags: Tags;
}

/** The KMS key on everything of the database: storage, snapshots, logs, secrets of its roles. */
export function createDatabaseKey(name: string, args: DatabaseKeyArgs): kms.Key {
  const { parent, protect } = args;
  const account = currentAccount(parent);
  const key = new kms.Key(
    name,
    {
      description: "Database of app-data: storage, snapshots, logs and secrets of its roles",
      enableKeyRotation: true,
      deletionWindowInDays: args.deletionWindowDays,
      policy: keyPolicy([
        ...administration(account),
        useThroughServices(account, SERVICES),
        grantToServices(account),
        encryptLogs(account, args.logGroupNames),
      ]),
      tags: args.tags,
    },
    { parent, protect },
  );
  new kms.Alias(
    name,
    { name: `alias/${physicalName("database")}`, targetKeyId: key.keyId },
    { parent },
  );
  return key;
}

/** RDS keeps using the key while nobody is there to ask for it, by means of grants. */
function grantToServices(account: AwsAccount): KeyStatement {
  return {
    Sid: "GrantToServices",
    Effect: "Allow",
    Principal: { AWS: accountRoot(account) },
    Action: "kms:CreateGrant",
    Resource: "*",
    Condition: {
      Bool: { "kms:GrantIsForAWSResource": "true" },
      StringEquals: viaServices(account, SERVICES),
    },
  };
}
