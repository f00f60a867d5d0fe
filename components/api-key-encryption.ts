import * as kms from "@pulumi/aws/kms";
import * as pulumi from "@pulumi/pulumi";
import { currentAccount } from "./aws-account";
import type { AppDataConfig } from "./config";
import { administration, keyPolicy, type KeyStatement } from "./key-policy";
import { physicalName } from "./names";
import type { Tags } from "./tags";

/** Value of `purpose` in the encryption context of every use of the key. */
export const API_KEY_PURPOSE = "api-key";

/** Name in the encryption context under which the user's id, a UUID, has to be given. */
export const USER_CONTEXT_NAME = "user_id";

const CRYPTOGRAPHIC_USE = [
  "kms:Decrypt",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
];

/** The part of the encryption context that is the same for all users; `user_id` comes on top. */
export type ApiKeyContext = Readonly<Record<"app" | "environment" | "purpose", string>>;

/** Inputs of {@link ApiKeyEncryption}. */
export interface ApiKeyEncryptionArgs {
  /** What the stack is for; part of the encryption context. A change makes every stored key unreadable. */
  readonly environment: string;
  /** The configuration's part `apiKeys`. */
  readonly settings: AppDataConfig["apiKeys"];
  /** Whether Pulumi refuses to delete the key. */
  readonly protect: boolean;
  /** Tags of the key. */
  readonly tags: Tags;
}

/**
 * KMS key that wraps the data keys of users' API keys, which the database holds encrypted. During a
 * rotation there are several, its generations: one is written with, each is read with.
 *
 * Its policy refuses every use without the encryption context `app`, `environment`, `purpose` (fixed
 * values, see {@link ApiKeyEncryption.encryptionContext}) and `user_id` (any value, but there): what
 * was encrypted for one user does not decrypt as another's, even if row level security failed. KMS
 * compares the context of a decryption with that of the encryption, the policy makes sure that there
 * is one. CloudTrail shows the context in clear, so it holds an id and nothing personal.
 *
 * Who administers the key cannot use it, and who uses it cannot administer it. Without
 * `settings.users` nobody can encrypt or decrypt. An AWS emulator compares contexts as KMS does but
 * need not enforce policies.
 */
export class ApiKeyEncryption extends pulumi.ComponentResource {
  /** ARN of the key that is written with. */
  public readonly keyArn: pulumi.Output<string>;
  /** ARNs of the other generations: those before, or the next. */
  public readonly otherKeyArns: pulumi.Output<string[]>;
  /** Name of the alias of the key that is written with; with `alias/`. */
  public readonly aliasName: pulumi.Output<string>;
  /** The part of the encryption context that is the same for all users. */
  public readonly encryptionContext: pulumi.Output<ApiKeyContext>;

  constructor(name: string, args: ApiKeyEncryptionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-data:security:ApiKeyEncryption", name, {}, opts);
    const { settings } = args;
    const account = currentAccount(this);
    const context: ApiKeyContext = {
      app: pulumi.getProject(),
      environment: args.environment,
      purpose: API_KEY_PURPOSE,
    };

    const policy = keyPolicy([
      ...administration(account, settings.administrators),
      ...use(settings.users, context),
      ...refuseOtherContexts(context),
    ]);
    const [current, ...others] = settings.keyGenerations;
    const { key, alias } = this.makeKey(name, current, policy, args);
    const otherKeys = others.map((generation) => this.makeKey(name, generation, policy, args).key);

    this.keyArn = key.arn;
    this.otherKeyArns = pulumi.all(otherKeys.map(({ arn }) => arn));
    this.aliasName = alias.name;
    this.encryptionContext = pulumi.output<ApiKeyContext>(context);
    this.registerOutputs({
      keyArn: this.keyArn,
      otherKeyArns: this.otherKeyArns,
      aliasName: this.aliasName,
      encryptionContext: this.encryptionContext,
    });
  }

  /** The first generation has the names that the only key had before there were several. */
  private makeKey(
    name: string,
    generation: number,
    policy: pulumi.Output<string>,
    { settings, protect, tags }: ApiKeyEncryptionArgs,
  ): { key: kms.Key; alias: kms.Alias } {
    const isFirst = generation === 1;
    const ofGeneration = isFirst ? name : `${name}-${generation}`;
    const key = new kms.Key(
      ofGeneration,
      {
        description: `Wraps the data keys of users' API keys${isFirst ? "" : `, generation ${generation}`}`,
        enableKeyRotation: true,
        deletionWindowInDays: settings.deletionWindowDays,
        policy,
        tags,
      },
      { parent: this, protect },
    );
    const role = isFirst ? "api-keys" : `api-keys-${generation}`;
    const alias = new kms.Alias(
      ofGeneration,
      { name: `alias/${physicalName(role)}`, targetKeyId: key.keyId },
      { parent: this },
    );
    return { key, alias };
  }
}

function use(users: readonly string[], context: ApiKeyContext): KeyStatement[] {
  if (users.length === 0) return [];
  const Principal = { AWS: [...users] };
  return [
    {
      Sid: "UseInContext",
      Effect: "Allow",
      Principal,
      Action: CRYPTOGRAPHIC_USE,
      Resource: "*",
      Condition: {
        StringEquals: mapKeys(context, contextKey),
        Null: { [contextKey(USER_CONTEXT_NAME)]: "false" },
      },
    },
    { Sid: "Describe", Effect: "Allow", Principal, Action: "kms:DescribeKey", Resource: "*" },
  ];
}

/**
 * One refusal for each part, because the conditions of one statement must all hold for it to apply.
 * A part that is missing counts as different.
 */
function refuseOtherContexts(context: ApiKeyContext): KeyStatement[] {
  const refuse = (part: string, condition: KeyStatement["Condition"]): KeyStatement => ({
    Sid: `RefuseOther${part.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}`,
    Effect: "Deny",
    Principal: "*",
    Action: CRYPTOGRAPHIC_USE,
    Resource: "*",
    Condition: condition,
  });
  const fixed = Object.entries(context).map(([part, value]) =>
    refuse(part, { StringNotEquals: { [contextKey(part)]: value } }),
  );
  const user = refuse(USER_CONTEXT_NAME, { Null: { [contextKey(USER_CONTEXT_NAME)]: "true" } });
  return [...fixed, user];
}

function contextKey(part: string): string {
  return `kms:EncryptionContext:${part}`;
}

function mapKeys(
  record: Record<string, string>,
  rename: (key: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [rename(key), value]));
}
