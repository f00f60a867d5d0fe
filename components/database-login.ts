import * as secretsmanager from "@pulumi/aws/secretsmanager";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Endpoint } from "./config";
import { secretName } from "./names";
import { scramVerifier } from "./scram-verifier";
import type { Tags } from "./tags";

// Letters and digits, 6 bits each: more than the 128 that guessing has to face, and safe in a URL.
const PASSWORD_LENGTH = 40;
const SALT_BYTES = 16;

/** Inputs of {@link createLogin}. */
export interface LoginArgs {
  /** The component that the login belongs to. */
  readonly parent: pulumi.Resource;
  /** Name of the PostgreSQL role. */
  readonly role: string;
  /** Name of the database. */
  readonly databaseName: string;
  /** Where applications connect; part of the secret. */
  readonly endpoint: pulumi.Output<Endpoint>;
  /** ARN of the key on the secret. */
  readonly keyArn: pulumi.Output<string>;
  /** Days in which a deleted secret can be restored, 0 for none. */
  readonly recoveryWindowDays: number;
  /** Tags of the secret. */
  readonly tags: Tags;
}

/** What a role logs in with. */
export interface Login {
  /** ARN of the secret: JSON with `engine`, `host`, `port`, `dbname`, `username`, `password`. */
  readonly secretArn: pulumi.Output<string>;
  /** The version with these credentials; whoever reads the secret depends on it. */
  readonly secretVersion: pulumi.Resource;
  /** The password as the server stores it. */
  readonly verifier: pulumi.Output<string>;
}

/** Makes a password and keeps it in Secrets Manager; the server is given its SCRAM verifier alone. */
export function createLogin(name: string, args: LoginArgs): Login {
  const { parent, role } = args;
  const password = new random.RandomPassword(
    `${name}-password`,
    { length: PASSWORD_LENGTH, special: false },
    { parent },
  );
  const salt = new random.RandomBytes(`${name}-salt`, { length: SALT_BYTES }, { parent });
  const secret = new secretsmanager.Secret(
    `${name}-secret`,
    {
      name: secretName(role),
      description: `What the PostgreSQL role ${role} logs in with`,
      kmsKeyId: args.keyArn,
      recoveryWindowInDays: args.recoveryWindowDays,
      tags: args.tags,
    },
    { parent },
  );
  const secretVersion = new secretsmanager.SecretVersion(
    `${name}-secret`,
    {
      secretId: secret.arn,
      secretString: pulumi.secret(
        pulumi.jsonStringify({
          engine: "postgres",
          host: args.endpoint.host,
          port: args.endpoint.port,
          dbname: args.databaseName,
          username: role,
          password: password.result,
        }),
      ),
    },
    { parent },
  );
  const verifier = pulumi
    .all([password.result, salt.base64])
    .apply(([p, s]) => scramVerifier(p, s));
  return { secretArn: secret.arn, secretVersion, verifier: pulumi.secret(verifier) };
}
