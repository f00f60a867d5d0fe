import * as pulumi from "@pulumi/pulumi";
import { type Environment, readConfig } from "../../components/config";
import { ConfigError } from "../../components/config-reader";
import {
  configOf,
  declaredKeys,
  givenSettings,
  settingsOf,
  type Settings,
  useSettings,
} from "./environments";

const ENVIRONMENTS: Environment[] = ["local", "dev", "staging", "prod"];
const ROLE = "arn:aws:iam::123456789012:role/keeper";

/** The lines that a configuration is refused with, none when it is accepted. */
function refusals(environment: Environment, changes: Settings): string[] {
  try {
    configOf(environment, changes);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return String((error as Error).message)
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
}

beforeEach(async () => {
  await pulumi.runtime.setMocks(
    { newResource: () => ({ id: "", state: {} }), call: () => ({}) },
    "app-data",
    "dev",
  );
});

describe("readConfig", () => {
  it.each(ENVIRONMENTS)("accepts Pulumi.%s.yaml", (environment) => {
    expect(configOf(environment).environment).toBe(environment);
  });

  it("turns the settings of prod into values", () => {
    expect(configOf("prod")).toEqual({
      environment: "prod",
      protect: true,
      network: {
        cidrBlock: "10.2.0.0/16",
        availabilityZones: 3,
        logRetentionDays: 365,
        keyDeletionWindowDays: 30,
      },
      database: {
        name: "app",
        instanceClass: "db.m7g.large",
        allocatedStorageGib: 100,
        maxAllocatedStorageGib: 1000,
        multiAz: true,
        backupRetentionDays: 35,
        deletionProtection: true,
        finalSnapshot: true,
        performanceInsights: true,
        monitoringIntervalSeconds: 60,
        publiclyAccessible: false,
        logRetentionDays: 365,
        keyDeletionWindowDays: 30,
        secretRecoveryWindowDays: 30,
        appConnectionLimit: 400,
        adopt: [],
        tunnel: undefined,
        bastion: undefined,
        login: "secret",
        masterSecret: undefined,
        verifyTls: true,
      },
      identity: { tokens: "none", audience: "app-data", keyGeneration: 1 },
      apiKeys: {
        keyGenerations: [1],
        deletionWindowDays: 30,
        administrators: [],
        users: [],
      },
      exports: {
        expirationDays: 30,
        noncurrentExpirationDays: 7,
        presignedUrlMaxAgeMinutes: 15,
        keyDeletionWindowDays: 30,
        requestPolicy: true,
        bucketTags: true,
        forceDestroy: false,
      },
      migrations: {
        directory: "sql",
        target: undefined,
        allowDataLoss: false,
        approvedPlan: undefined,
        snapshotsKept: 5,
      },
    });
  });

  it("protects staging and prod, and verifies TLS everywhere but in local", () => {
    const seen = ENVIRONMENTS.map((environment) => {
      const config = configOf(environment);
      return [environment, config.protect, config.database.verifyTls];
    });
    expect(seen).toEqual([
      ["local", false, false],
      ["dev", false, true],
      ["staging", true, true],
      ["prod", true, true],
    ]);
  });

  it("reads a tunnel, a target, a secret and lists", () => {
    const config = configOf("dev", {
      "database.tunnel": "[::1]:6432",
      "database.masterSecret": "dev/master",
      "migrations.target": "001",
      "apiKeys.keyGenerations": [2, 1],
      "apiKeys.administrators": [ROLE],
      "apiKeys.users": ["arn:aws:iam::123456789012:role/path/app"],
    });
    expect(config.database.tunnel).toEqual({ host: "::1", port: 6432 });
    expect(config.database.masterSecret).toBe("dev/master");
    expect(config.migrations.target).toBe("001");
    expect(config.apiKeys.keyGenerations).toEqual([2, 1]);
    expect(config.apiKeys.administrators).toEqual([ROLE]);
    expect(config.apiKeys.users).toEqual(["arn:aws:iam::123456789012:role/path/app"]);
  });

  it.each([0, 1, 5, 10, 15, 30, 60])("reads an interval of monitoring, %d s", (seconds) => {
    const { database } = configOf("dev", { "database.monitoringIntervalSeconds": seconds });
    expect(database.monitoringIntervalSeconds).toBe(seconds);
  });

  it.each(["i-0a1b2c3d4e5f67890", "mi-0a1b2c3d4e5f67890", "tag:app-data:role=bastion"])(
    "reads a bastion, %s, and a login by IAM",
    (bastion) => {
      const { database } = configOf("prod", {
        "database.bastion": bastion,
        "database.tunnel": "127.0.0.1:6432",
        "database.login": "iam",
      });
      expect(database).toMatchObject({ bastion, login: "iam", verifyTls: true });
    },
  );

  it("names stack and file, and tells all that is wrong at once", () => {
    expect(() =>
      configOf("prod", { "database.multiAz": false, "exports.forceDestroy": true }),
    ).toThrow(
      new ConfigError(
        "The configuration of stack dev breaks 2 rules. Change Pulumi.dev.yaml, then run the " +
          "command again:\n" +
          "  CFG024 app-data:exports.forceDestroy = true: must be false in prod\n" +
          "  CFG027 app-data:database.multiAz = false: must be true in prod",
      ),
    );
  });

  it("tells one rule as one", () => {
    expect(() => configOf("prod", { "database.multiAz": false })).toThrow(
      "The configuration of stack dev breaks 1 rule. ",
    );
  });

  it.each(Object.keys(declaredKeys()))("needs %s", (key) => {
    expect(refusals("prod", { [key]: undefined })).toContain(
      `CFG001 app-data:${key} = (not set): must be set; Pulumi.yaml says what it means`,
    );
  });

  const cidr = "must be a private IPv4 block from /16 to /24, such as 10.0.0.0/16";
  const address =
    "must lie in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 and start at its first address";
  const name =
    "must be 1 to 63 lower-case letters, digits and underscores, not starting with a digit, " +
    "and not one of PostgreSQL's own databases";
  const tunnel = 'must be host:port, such as 127.0.0.1:6432, or "" for none';
  const bastion = 'must be an instance id (i-… or mi-…), tag:NAME=VALUE, or "" for none';
  const root = "arn:aws:iam::123456789012:root";
  const generations = "must be a list of whole numbers from 1 to 1000000";
  it.each<[string, unknown, string]>([
    ["network.cidrBlock", "10.0.0.0/8", `CFG005 … = 10.0.0.0/8: ${cidr}`],
    ["network.cidrBlock", "8.8.0.0/16", `CFG005 … = 8.8.0.0/16: ${cidr}`],
    ["network.cidrBlock", "172.32.0.0/16", `CFG010 … = 172.32.0.0/16: ${address}`],
    ["network.cidrBlock", "10.0.1.0/16", `CFG010 … = 10.0.1.0/16: ${address}`],
    ["network.cidrBlock", "10.0.999.0/24", `CFG010 … = 10.0.999.0/24: ${address}`],
    ["network.availabilityZones", 1, "CFG004 … = 1: must be from 2 to 6"],
    ["network.availabilityZones", 2.5, "CFG003 … = 2.5: must be a whole number"],
    ["database.name", "postgres", `CFG005 … = postgres: ${name}`],
    ["database.name", "App", `CFG005 … = App: ${name}`],
    [
      "database.instanceClass",
      "t4g.small",
      "CFG005 … = t4g.small: must be an RDS instance class, such as db.t4g.small",
    ],
    ["database.backupRetentionDays", 0, "CFG004 … = 0: must be from 1 to 35"],
    ["database.multiAz", "yes", "CFG003 … = yes: must be true or false"],
    [
      "database.maxAllocatedStorageGib",
      21,
      "CFG011 … = 21: must be 0 (storage never grows) or at least 22, a tenth more than " +
        "allocatedStorageGib",
    ],
    ...["network.logRetentionDays", "database.logRetentionDays"].map(
      (key): [string, unknown, string] => [
        key,
        31,
        "CFG012 … = 31: must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, " +
          "731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, which CloudWatch Logs accepts",
      ],
    ),
    ["network.keyDeletionWindowDays", 6, "CFG004 … = 6: must be from 7 to 30"],
    [
      "database.secretRecoveryWindowDays",
      3,
      "CFG013 … = 3: must be 0 (a deleted secret is gone at once) or from 7 to 30",
    ],
    ["database.monitoringIntervalSeconds", 61, "CFG004 … = 61: must be from 0 to 60"],
    [
      "database.monitoringIntervalSeconds",
      20,
      "CFG016 … = 20: must be 0 (not measured) or one of 1, 5, 10, 15, 30, 60, which RDS accepts",
    ],
    ["database.tunnel", "6432", `CFG005 … = 6432: ${tunnel}`],
    ["database.tunnel", "::1:6432", `CFG005 … = ::1:6432: ${tunnel}`],
    ["database.tunnel", "host:70000", "CFG014 … = host:70000: must have a port from 1 to 65535"],
    ["database.bastion", "bastion", `CFG005 … = bastion: ${bastion}`],
    ["database.bastion", "i-0A1B2C3D", `CFG005 … = i-0A1B2C3D: ${bastion}`],
    ["database.bastion", "tag:Role", `CFG005 … = tag:Role: ${bastion}`],
    ["database.bastion", "tag:Role=a,b", `CFG005 … = tag:Role=a,b: ${bastion}`],
    ["database.login", "password", "CFG005 … = password: must be one of secret, iam"],
    [
      "database.masterSecret",
      "two words",
      'CFG005 … = two words: must be the ARN or name of a secret, or "" for the one that RDS manages',
    ],
    [
      "apiKeys.users",
      [ROLE, root],
      `CFG005 … = ["${ROLE}","${root}"]: each must be the ARN of an IAM role or user; "${root}" is not`,
    ],
    ["apiKeys.users", "nobody", "CFG003 … = nobody: must be a list of texts"],
    ["apiKeys.keyGenerations", 2, `CFG003 … = 2: ${generations}`],
    ["apiKeys.keyGenerations", [1, "2"], `CFG003 … = [1,"2"]: ${generations}`],
    ["apiKeys.keyGenerations", [1, 0], `CFG003 … = [1,0]: ${generations}`],
    ["apiKeys.keyGenerations", [1.5], `CFG003 … = [1.5]: ${generations}`],
    ["apiKeys.keyGenerations", [], "CFG005 … = []: must have one number or more, and each once"],
    [
      "apiKeys.keyGenerations",
      [2, 1, 2],
      "CFG005 … = [2,1,2]: must have one number or more, and each once",
    ],
    ["apiKeys.deletionWindowDays", 31, "CFG004 … = 31: must be from 7 to 30"],
    [
      "migrations.directory",
      "a b",
      "CFG005 … = a b: must be a path of letters, digits and _ . / -",
    ],
    [
      "migrations.target",
      "1",
      'CFG005 … = 1: must be three digits or more, such as "001", or "" for all',
    ],
    [
      "environment",
      "production",
      "CFG005 … = production: must be one of local, dev, staging, prod",
    ],
  ])("refuses %s = %j", (key, value, line) => {
    expect(refusals("dev", { [key]: value })).toContain(line.replace("…", `app-data:${key}`));
  });

  it("refuses a key that Pulumi.yaml does not declare", () => {
    const rule = "must be a key that Pulumi.yaml declares, spelt and nested as there";
    expect(refusals("dev", { "database.multiAZ": true, colour: "blue" })).toEqual([
      `CFG002 app-data:colour = blue: ${rule}`,
      `CFG002 app-data:database.multiAZ = true: ${rule}`,
    ]);
  });

  it("refuses a dotted key that was set as it stands, which nothing would read", () => {
    useSettings(settingsOf("dev"));
    pulumi.runtime.setConfig("app-data:migrations.target", "001");
    expect(() => readConfig(new pulumi.Config())).toThrow(
      "CFG002 app-data:migrations.target = 001: must be nested: set it with --path",
    );
  });

  it("refuses who administers the key as its user", () => {
    const changes = { "apiKeys.administrators": [ROLE], "apiKeys.users": [ROLE] };
    expect(refusals("dev", changes)).toEqual([
      `CFG015 app-data:apiKeys.users = ["${ROLE}"]: must not name who administers the key, as ` +
        `${ROLE} does; use a role of its own`,
    ]);
  });
});

describe("an unsafe combination", () => {
  it.each<[string, unknown, string, Environment[]]>([
    [
      "database.publiclyAccessible",
      true,
      "CFG020 … = true: must be false in every environment; reach the database with database.tunnel",
      ["local", "dev", "staging", "prod"],
    ],
    ["database.backupRetentionDays", 13, "CFG021 … = 13: must be at least 14", ["prod"]],
    ["database.deletionProtection", false, "CFG022 … = false: must be true", ["staging", "prod"]],
    ["database.finalSnapshot", false, "CFG023 … = false: must be true", ["staging", "prod"]],
    ["exports.forceDestroy", true, "CFG024 … = true: must be false", ["staging", "prod"]],
    ["exports.requestPolicy", false, "CFG032 … = false: must be true", ["dev", "staging", "prod"]],
    ["exports.bucketTags", false, "CFG033 … = false: must be true", ["dev", "staging", "prod"]],
    ["migrations.snapshotsKept", 0, "CFG025 … = 0: must be at least 1", ["staging", "prod"]],
    [
      "database.secretRecoveryWindowDays",
      0,
      "CFG026 … = 0: must be at least 7",
      ["staging", "prod"],
    ],
    ["database.multiAz", false, "CFG027 … = false: must be true", ["prod"]],
    ["database.performanceInsights", false, "CFG028 … = false: must be true", ["prod"]],
    [
      "database.monitoringIntervalSeconds",
      0,
      "CFG037 … = 0: must be at least 1",
      ["staging", "prod"],
    ],
    ["network.keyDeletionWindowDays", 7, "CFG029 … = 7: must be 30, …,", ["prod"]],
    ["database.keyDeletionWindowDays", 7, "CFG029 … = 7: must be 30, …,", ["prod"]],
    ["apiKeys.deletionWindowDays", 7, "CFG029 … = 7: must be 30, …,", ["prod"]],
    ["exports.keyDeletionWindowDays", 7, "CFG029 … = 7: must be 30, …,", ["prod"]],
  ])("%s = %j is refused where it matters only", (key, value, rule, where) => {
    for (const environment of ENVIRONMENTS) {
      const line = rule
        .replace("…", `app-data:${key}`)
        .replace("…,", "the time to notice a lost key,");
      const whole = line.includes("in every environment") ? line : `${line} in ${environment}`;
      const found = refusals(environment, { [key]: value });
      expect([environment, found.filter((each) => each.includes(`:${key} `))]).toEqual([
        environment,
        where.includes(environment) ? [whole] : [],
      ]);
    }
  });

  it("is fewer than seven days of backups in staging", () => {
    expect(refusals("staging", { "database.backupRetentionDays": 7 })).toEqual([]);
    expect(refusals("staging", { "database.backupRetentionDays": 6 })).toEqual([
      "CFG021 app-data:database.backupRetentionDays = 6: must be at least 7 in staging",
    ]);
  });

  it.each(["127.0.0.1:5432", "127.8.0.1:5432", "localhost:5432", "[::1]:5432"])(
    "does without TLS in local over %s",
    (tunnel) => {
      expect(configOf("local", { "database.tunnel": tunnel }).database.verifyTls).toBe(false);
    },
  );

  it.each(["10.0.0.5:5432", "127.example.com:5432", ""])(
    "cannot do without TLS in local over %j",
    (tunnel) => {
      expect(refusals("local", { "database.tunnel": tunnel })).toEqual([
        `CFG030 app-data:database.tunnel = ${tunnel || '""'}: must be a loopback address in local, ` +
          "because TLS is off there; for a server elsewhere use dev",
      ]);
    },
  );

  it.each(["dev", "staging", "prod"] as const)("is a bastion without a tunnel in %s", (where) => {
    const bastion = { "database.bastion": "tag:Role=bastion" };
    expect(refusals(where, { ...bastion, "database.tunnel": "127.0.0.1:6432" })).toEqual([]);
    expect(refusals(where, bastion)).toEqual([
      'CFG034 app-data:database.tunnel = "": must be set beside database.bastion: the provider that ' +
        "makes the roles opens no port-forward, and `npx migrator tunnel` keeps one open on 127.0.0.1:6432",
    ]);
  });

  it("is a bastion or a login by IAM in local, and neither is elsewhere", () => {
    const changes = { "database.bastion": "i-0a1b2c3d", "database.login": "iam" };
    expect(refusals("local", changes)).toEqual([
      'CFG035 app-data:database.bastion = i-0a1b2c3d: must be "" in local: the emulator opens no ' +
        "port-forward",
      "CFG036 app-data:database.login = iam: must be secret in local: tokens are taken by RDS alone, " +
        "and over TLS alone",
    ]);
    expect(refusals("dev", { ...changes, "database.tunnel": "127.0.0.1:6432" })).toEqual([]);
  });

  it("cannot leave the master's secret to the emulator in local", () => {
    expect(refusals("local", { "database.masterSecret": "" })).toEqual([
      'CFG031 app-data:database.masterSecret = "": must name a secret in local: the server behind ' +
        "the tunnel is not the emulated instance",
    ]);
  });
});

describe("the stack files", () => {
  it.each(ENVIRONMENTS)(
    "Pulumi.%s.yaml gives declared keys alone, of their types",
    (environment) => {
      const declared = declaredKeys();
      for (const [key, value] of Object.entries(givenSettings(environment))) {
        const actual = Number.isInteger(value) ? "integer" : typeof value;
        expect([key, declared[key]?.type]).toEqual([key, actual]);
      }
    },
  );

  it("leave no setting of prod less safe than its default", () => {
    const defaults = declaredKeys();
    const lowered = Object.entries(settingsOf("prod")).filter(
      ([key, value]) => typeof value === "boolean" && value !== defaults[key]?.default,
    );
    expect(lowered).toEqual([]);
  });
});
