import type { Environment } from "../../components/config";
import { ApiKeyEncryption } from "../../components/api-key-encryption";
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
const KEEPER = "arn:aws:iam::123456789012:role/keeper";
const APP = "arn:aws:iam::123456789012:role/app";
const KEY = "aws:kms/key:Key";
const USE = [
  "kms:Decrypt",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
];

interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Principal: unknown;
  readonly Action: string | string[];
  readonly Condition?: unknown;
}

function program(
  environment: Environment,
  changes: Settings = {},
): Promise<RecordedProgram<ApiKeyEncryption>> {
  return record(environment, (options) => {
    const { apiKeys: settings, protect } = configOf(environment, changes);
    return new ApiKeyEncryption("api-keys", { environment, settings, protect, tags }, options);
  });
}

async function statements(changes: Settings = {}): Promise<Statement[]> {
  const policy = policyOf(only(await program("prod", changes), "aws:kms/key:Key"));
  return (policy as { Statement: Statement[] }).Statement;
}

const refusals = [
  ["RefuseOtherApp", { StringNotEquals: { "kms:EncryptionContext:app": "app-data" } }],
  ["RefuseOtherEnvironment", { StringNotEquals: { "kms:EncryptionContext:environment": "prod" } }],
  ["RefuseOtherPurpose", { StringNotEquals: { "kms:EncryptionContext:purpose": "api-key" } }],
  ["RefuseOtherUserId", { Null: { "kms:EncryptionContext:user_id": "true" } }],
].map(([Sid, Condition]) => ({
  Sid,
  Effect: "Deny",
  Principal: "*",
  Action: USE,
  Resource: "*",
  Condition,
}));

describe("ApiKeyEncryption", () => {
  it("is a key that rotates, with an alias", async () => {
    const recorded = await program("prod");
    expect(countTypes(recorded)).toEqual({
      "app-data:security:ApiKeyEncryption": 1,
      "aws:kms/alias:Alias": 1,
      "aws:kms/key:Key": 1,
    });
    expect(only(recorded, "aws:kms/key:Key").inputs).toEqual({
      description: "Wraps the data keys of users' API keys",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: expect.any(String),
      tags,
    });
    expect(only(recorded, "aws:kms/alias:Alias").inputs).toEqual({
      name: "alias/app-data-prod-api-keys",
      targetKeyId: "api-keys-key-id",
    });
  });

  it("is a further key for each further generation, of which the first in the list is written with", async () => {
    const changes = { "apiKeys.keyGenerations": [2, 1, 3], "apiKeys.users": [APP] };
    const recorded = await program("prod", changes);
    const [alone] = (await program("prod", { "apiKeys.users": [APP] })).resources.filter(
      ({ type }) => type === KEY,
    );
    const first = only(recorded, KEY, "api-keys");
    expect(first).toEqual(alone);
    for (const generation of [2, 3]) {
      expect(only(recorded, KEY, `api-keys-${generation}`).inputs).toEqual({
        ...first.inputs,
        description: `Wraps the data keys of users' API keys, generation ${generation}`,
      });
    }
    const aliases = recorded.resources.filter(({ type }) => type === "aws:kms/alias:Alias");
    expect(
      aliases.map(({ name, inputs }) => [name, inputs["name"], inputs["targetKeyId"]]),
    ).toEqual(
      expect.arrayContaining([
        ["api-keys", "alias/app-data-prod-api-keys", "api-keys-key-id"],
        ["api-keys-2", "alias/app-data-prod-api-keys-2", "api-keys-2-key-id"],
        ["api-keys-3", "alias/app-data-prod-api-keys-3", "api-keys-3-key-id"],
      ]),
    );
    expect(countTypes(recorded)).toMatchObject({ [KEY]: 3, "aws:kms/alias:Alias": 3 });
    expect(protectedNames(recorded)).toEqual([
      `${KEY} api-keys`,
      `${KEY} api-keys-2`,
      `${KEY} api-keys-3`,
    ]);
    const { result } = recorded;
    const arn = "arn:aws:kms:eu-central-1:123456789012:key/api-keys";
    expect(await valueOf(result.keyArn)).toBe(`${arn}-2`);
    expect(await valueOf(result.otherKeyArns)).toEqual([arn, `${arn}-3`]);
    expect(await valueOf(result.aliasName)).toBe("alias/app-data-prod-api-keys-2");
  });

  it("lets the users in, in their context alone", async () => {
    const allowed = (await statements({ "apiKeys.users": [APP] })).slice(1);
    expect(allowed).toEqual([
      {
        Sid: "UseInContext",
        Effect: "Allow",
        Principal: { AWS: [APP] },
        Action: USE,
        Resource: "*",
        Condition: {
          StringEquals: {
            "kms:EncryptionContext:app": "app-data",
            "kms:EncryptionContext:environment": "prod",
            "kms:EncryptionContext:purpose": "api-key",
          },
          Null: { "kms:EncryptionContext:user_id": "false" },
        },
      },
      {
        Sid: "Describe",
        Effect: "Allow",
        Principal: { AWS: [APP] },
        Action: "kms:DescribeKey",
        Resource: "*",
      },
      ...refusals,
    ]);
  });

  it("lets nobody use the key when no users are named", async () => {
    expect((await statements()).slice(1)).toEqual(refusals);
  });

  it("lets the account administer the key, and neither use it nor give it to others", async () => {
    const [root] = await statements();
    expect(root).toMatchObject({
      Sid: "AdministerAsAccount",
      Effect: "Allow",
      Principal: { AWS: "arn:aws:iam::123456789012:root" },
    });
    expect(root).not.toHaveProperty("Condition");
    expect(root?.Action).toContain("kms:PutKeyPolicy");
    const use = /\*|Encrypt|Decrypt|GenerateDataKey|CreateGrant|Sign|Mac|DeriveShared/;
    expect([root?.Action].flat().filter((action) => use.test(action ?? ""))).toEqual([]);
  });

  it("lets administrators in the account's place, beside the root user in person", async () => {
    const [root, keeper] = await statements({ "apiKeys.administrators": [KEEPER] });
    expect(root?.Condition).toEqual({ StringEquals: { "aws:PrincipalType": "Account" } });
    expect(keeper).toEqual({
      Sid: "Administer",
      Effect: "Allow",
      Principal: { AWS: [KEEPER] },
      Action: root?.Action,
      Resource: "*",
    });
  });

  it("is protected in staging and prod alone", async () => {
    const key = ["aws:kms/key:Key api-keys"];
    expect(protectedNames(await program("prod"))).toEqual(key);
    expect(protectedNames(await program("staging"))).toEqual(key);
    expect(protectedNames(await program("dev"))).toEqual([]);
  });

  it("returns what whoever encrypts has to say", async () => {
    const { result } = await program("dev");
    expect(await valueOf(result.encryptionContext)).toEqual({
      app: "app-data",
      environment: "dev",
      purpose: "api-key",
    });
    expect(await valueOf(result.keyArn)).toBe("arn:aws:kms:eu-central-1:123456789012:key/api-keys");
    expect(await valueOf(result.otherKeyArns)).toEqual([]);
    expect(await valueOf(result.aliasName)).toBe("alias/app-data-dev-api-keys");
  });
});
