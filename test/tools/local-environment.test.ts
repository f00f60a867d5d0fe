import { clientVariables } from "../../tools/local/client-variables.mjs";
import { Pulumi, foreignVariables } from "../../tools/local/pulumi.mjs";

const ENGINE = { path: [], environment: {}, policyPack: "policy", pulumi: "pulumi" };
const HOME = {
  state: "/home/state",
  passphraseFile: "/home/passphrase",
  configFile: "/home/config",
};
const EMULATOR = "http://127.0.0.1:5000";
const MINE = {
  AWS_ENDPOINT_URL_S3: "https://s3.example.org",
  AWS_PROFILE: "work",
  AWS_REGION: "us-east-1",
  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true",
  PULUMI_CONFIG_PASSPHRASE: "mine",
};

const before = { ...process.env };
beforeEach(() => Object.assign(process.env, MINE));
afterEach(() => {
  process.env = { ...before };
});

describe("the environment of the local stack", () => {
  it("holds nothing that a user has set for AWS, so that no call gets past the emulator", () => {
    const { variables } = new Pulumi(HOME, ENGINE, EMULATOR);
    const names = Object.keys(variables).filter((name) => name.startsWith("AWS_"));
    expect(names.sort()).toEqual([
      "AWS_ACCESS_KEY_ID",
      "AWS_DEFAULT_REGION",
      "AWS_EC2_METADATA_DISABLED",
      "AWS_ENDPOINT_URL",
      "AWS_REGION",
      "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED",
      "AWS_SECRET_ACCESS_KEY",
    ]);
    expect(variables).toMatchObject({ AWS_ENDPOINT_URL: EMULATOR, AWS_REGION: "eu-central-1" });
    expect(variables).not.toHaveProperty("PULUMI_CONFIG_PASSPHRASE");
  });

  it("names what a shell has to unset before it takes it on", () => {
    expect(foreignVariables()).toEqual(expect.arrayContaining(Object.keys(MINE)));
    expect(foreignVariables()).not.toContain("PATH");
  });
});

describe("the settings of the client for the local stack", () => {
  it("name the other keys for API keys, where there are any", () => {
    const name = "APP_DATA_API_KEYS_OTHER_KEY_ARNS";
    const keys = { apiKeysKeyArn: "arn:1", apiKeysOtherKeyArns: ["arn:2", "arn:3"] };
    expect(clientVariables(keys)).toMatchObject({ [name]: "arn:2,arn:3" });
    expect(clientVariables({ ...keys, apiKeysOtherKeyArns: [] })).not.toHaveProperty(name);
    expect(clientVariables({ apiKeysKeyArn: "arn:1" })).not.toHaveProperty(name);
  });
});
