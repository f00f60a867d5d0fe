import type { Credentials } from "@app-data/migrator";
import * as secretsmanager from "@pulumi/aws/secretsmanager";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { AppDataConfig } from "./config";
import type { DatabaseConnection } from "./database";
import { migratorConnection } from "./migrations/connection";
import { TokenSettings } from "./migrations/token-settings";
import { secretName } from "./names";
import type { Tags } from "./tags";

// What HMAC with SHA-256 is as strong as.
const KEY_BYTES = 32;

/** Inputs of {@link VerifiedIdentity}. */
export interface VerifiedIdentityArgs {
  /** The configuration's part `identity`. */
  readonly settings: AppDataConfig["identity"];
  /** Where and how the migrator connects. */
  readonly connection: pulumi.Input<DatabaseConnection>;
  /** Name of the database. */
  readonly databaseName: pulumi.Input<string>;
  /** What the migrator logs in with, by name. */
  readonly credentials: pulumi.Input<Credentials>;
  /** What makes the tables and functions that tokens are verified by. */
  readonly migrations: pulumi.Resource;
  /** ARN of the key on the secret. */
  readonly keyArn: pulumi.Output<string>;
  /** Days in which the deleted secret can be restored, 0 for none. */
  readonly recoveryWindowDays: number;
  /** Tags of the secret. */
  readonly tags: Tags;
}

/**
 * The key that the application signs its users' tokens with, and what the database makes of them. The key is
 * there without tokens, too: a deleted secret keeps its name for days, which would bar the way back to them.
 */
export class VerifiedIdentity extends pulumi.ComponentResource {
  /**
   * ARN of the secret, JSON with the `key` in Base64; known when the database accepts its tokens. "" without
   * tokens, so that nobody signs any.
   */
  public readonly tokenSecretArn: pulumi.Output<string>;

  constructor(name: string, args: VerifiedIdentityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-data:database:VerifiedIdentity", name, {}, opts);
    const { settings } = args;
    const key = new random.RandomBytes(
      `${name}-key`,
      { length: KEY_BYTES, keepers: { generation: String(settings.keyGeneration) } },
      { parent: this },
    );
    const secret = new secretsmanager.Secret(
      `${name}-secret`,
      {
        name: secretName("token"),
        description: "What the tokens of signed-in users are signed with",
        kmsKeyId: args.keyArn,
        recoveryWindowInDays: args.recoveryWindowDays,
        tags: args.tags,
      },
      { parent: this },
    );
    const version = new secretsmanager.SecretVersion(
      `${name}-secret`,
      {
        secretId: secret.arn,
        secretString: pulumi.secret(pulumi.jsonStringify({ algorithm: "HS256", key: key.base64 })),
      },
      // What reads another key signs with it: only seconds may lie between that and the database's word.
      { parent: this, dependsOn: [args.migrations] },
    );
    const accepted = new TokenSettings(
      `${name}-settings`,
      {
        connection: migratorConnection(args),
        secretArn: secret.arn,
        secretVersion: version.versionId,
        audience: settings.audience,
        tokens: settings.tokens,
      },
      { parent: this, dependsOn: [args.migrations] },
    );
    this.tokenSecretArn = pulumi
      .all([secret.arn, accepted.id])
      .apply(([arn]) => (settings.tokens === "none" ? "" : arn));
    this.registerOutputs({ tokenSecretArn: this.tokenSecretArn });
  }
}
