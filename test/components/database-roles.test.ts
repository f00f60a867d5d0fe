import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "../../components/config";
import type { DatabaseConnection } from "../../components/database";
import { DatabaseRoles } from "../../components/database-roles";
import { readCredentials } from "../../components/master-connection";
import { scramVerifier } from "../../components/scram-verifier";
import { configOf, type Settings } from "./environments";
import {
  countTypes,
  only,
  protectedNames,
  record,
  valueOf,
  type RecordedProgram,
} from "./recorded-program";

const tags = { Project: "app-data" };
const SALT = "W22ZaJ0SNY7soEsUEjb6gQ==";
const PROVIDER = "pulumi:providers:postgresql";
const connection: DatabaseConnection = {
  host: "127.0.0.1",
  port: 6432,
  tls: { mode: "verify-full", serverName: "db.example" },
};

function program(
  environment: Environment,
  changes: Settings = {},
): Promise<RecordedProgram<DatabaseRoles>> {
  return record(environment, (options) => {
    const { database: settings, identity, protect } = configOf(environment, changes);
    return new DatabaseRoles(
      "database-roles",
      {
        connection: pulumi.output(connection),
        applicationEndpoint: pulumi.output({ host: "db.example", port: 5432 }),
        region: pulumi.output("eu-central-1"),
        masterSecretArn: pulumi.output("arn:of:master"),
        keyArn: pulumi.output("arn:of:key"),
        settings,
        requireTokens: identity.tokens === "required",
        protect,
        tags,
      },
      options,
    );
  });
}

// The file of authorities is written below the working directory.
let folder: string;
const project = process.cwd();
beforeEach(() => process.chdir((folder = mkdtempSync(path.join(tmpdir(), "roles-")))));
afterEach(() => {
  process.chdir(project);
  rmSync(folder, { recursive: true });
});

describe("DatabaseRoles", () => {
  it("is these resources", async () => {
    expect(countTypes(await program("dev"))).toEqual({
      "app-data:database:DatabaseRoles": 1,
      "aws:secretsmanager/secret:Secret": 4,
      "aws:secretsmanager/secretVersion:SecretVersion": 4,
      "postgresql:index/database:Database": 1,
      "postgresql:index/role:Role": 7,
      [PROVIDER]: 1,
      "random:index/randomBytes:RandomBytes": 4,
      "random:index/randomPassword:RandomPassword": 4,
    });
  });

  it("makes the roles of the schema contract, none of them privileged", async () => {
    const recorded = await program("dev");
    const roles = recorded.resources.filter(({ type }) => type === "postgresql:index/role:Role");
    const common = {
      superuser: false,
      bypassRowLevelSecurity: false,
      createDatabase: false,
      createRole: false,
      replication: false,
      skipReassignOwned: true,
    };
    const without = { ...common, login: false, inherit: true };
    const verifier = (role: string): { secret: string } => ({
      secret: scramVerifier(`password-of-database-roles-${role}-password`, SALT),
    });
    expect(roles.map(({ inputs }) => inputs)).toEqual([
      { ...without, name: "anon" },
      { ...without, name: "authenticated" },
      { ...without, name: "service_role" },
      {
        ...common,
        name: "migrator",
        login: true,
        inherit: true,
        password: verifier("migrator"),
        connectionLimit: 10,
      },
      {
        ...common,
        name: "app",
        login: true,
        inherit: false,
        roles: ["anon", "authenticated", "service_role"],
        password: verifier("app"),
        connectionLimit: 50,
      },
      {
        ...common,
        name: "service",
        login: true,
        inherit: false,
        roles: ["service_role"],
        password: verifier("service"),
        connectionLimit: 10,
      },
      {
        ...common,
        name: "monitor",
        login: true,
        inherit: false,
        password: verifier("monitor"),
        connectionLimit: 3,
      },
    ]);
  });

  it("makes app no member of service_role where a token is required, and changes nothing else", async () => {
    const rolesOf = async (tokens: string) => {
      const recorded = await program("dev", { "identity.tokens": tokens });
      const roles = recorded.resources.filter(({ type }) => type === "postgresql:index/role:Role");
      return new Map(roles.map(({ inputs: { name, ...inputs } }) => [name, inputs]));
    };
    const [none, prepared, required] = [
      await rolesOf("none"),
      await rolesOf("prepared"),
      await rolesOf("required"),
    ];
    expect(prepared).toEqual(none);
    expect(required.get("app")).toEqual({ ...none.get("app"), roles: ["anon", "authenticated"] });
    for (const roles of [none, required]) roles.delete("app");
    expect(required).toEqual(none);
  });

  it("makes them one after the other, the database last", async () => {
    const { options } = await program("dev");
    const chain = options.filter(({ type }) => type.startsWith("postgresql:"));
    expect(chain.map(({ name, dependsOn }) => [name, dependsOn])).toEqual([
      ["database-roles-anon", 0],
      ["database-roles-authenticated", 1],
      ["database-roles-service_role", 1],
      ["database-roles-migrator", 1],
      ["database-roles-app", 1],
      ["database-roles-service", 1],
      ["database-roles-monitor", 1],
      ["database-roles-database", 1],
    ]);
  });

  it("takes over what the server has already, and nothing else", async () => {
    const adopt = '["role:anon","role:app","role:another","database:other"]';
    const { options } = await program("dev", { "database.adopt": adopt });
    const adopted = options.filter(({ import: id }) => id !== undefined);
    expect(adopted.map(({ name, import: id }) => [name, id])).toEqual([
      ["database-roles-anon", "anon"],
      // The database has the same name, and is not there yet.
      ["database-roles-app", "app"],
    ]);
  });

  it("gives the database to the migrator", async () => {
    expect(only(await program("dev"), "postgresql:index/database:Database").inputs).toEqual({
      name: "app",
      owner: "migrator",
      encoding: "UTF8",
      lcCollate: "C",
      lcCtype: "C",
      template: "template0",
      allowConnections: true,
      connectionLimit: -1,
      isTemplate: false,
      alterObjectOwnership: false,
    });
  });

  it("keeps each password in a secret under the database's key, and nowhere else in clear", async () => {
    const recorded = await program("prod");
    for (const role of ["migrator", "app", "service", "monitor"]) {
      const name = `database-roles-${role}-secret`;
      expect(only(recorded, "aws:secretsmanager/secret:Secret", name).inputs).toEqual({
        name: `app-data-prod/${role}`,
        description: `What the PostgreSQL role ${role} logs in with`,
        kmsKeyId: "arn:of:key",
        recoveryWindowInDays: 30,
        tags,
      });
      const version = only(recorded, "aws:secretsmanager/secretVersion:SecretVersion", name);
      expect(version.inputs["secretId"]).toBe(`arn:of:${name}`);
      const text = JSON.stringify({
        engine: "postgres",
        host: "db.example",
        port: 5432,
        dbname: "app",
        username: role,
        password: `password-of-database-roles-${role}-password`,
      });
      expect(version.inputs["secretString"]).toEqual({ secret: text });
    }
    const elsewhere = recorded.resources
      .filter(({ type }) => type !== "aws:secretsmanager/secretVersion:SecretVersion")
      .filter(({ inputs }) => JSON.stringify(inputs).includes("password-of-"));
    expect(elsewhere).toEqual([]);
  });

  it("makes passwords of 40 letters and digits", async () => {
    const recorded = await program("dev");
    const passwords = recorded.resources.filter(({ type }) => type.endsWith(":RandomPassword"));
    expect(passwords.map(({ inputs }) => inputs)).toEqual([
      { length: 40, special: false },
      { length: 40, special: false },
      { length: 40, special: false },
      { length: 40, special: false },
    ]);
  });

  it("protects the database in staging and prod alone", async () => {
    const database = ["postgresql:index/database:Database database-roles-database"];
    expect(protectedNames(await program("prod"))).toEqual(database);
    expect(protectedNames(await program("staging"))).toEqual(database);
    expect(protectedNames(await program("dev"))).toEqual([]);
  });

  it("returns what migrations and applications need", async () => {
    const { result } = await program("dev");
    expect(await valueOf(result.databaseName)).toBe("app");
    expect(await valueOf(result.migratorCredentials)).toEqual({
      kind: "secret",
      secretId: "arn:of:database-roles-migrator-secret",
    });
    expect(await valueOf(result.migratorSecretArn)).toBe("arn:of:database-roles-migrator-secret");
    expect(await valueOf(result.appSecretArn)).toBe("arn:of:database-roles-app-secret");
    expect(await valueOf(result.serviceSecretArn)).toBe("arn:of:database-roles-service-secret");
    expect(await valueOf(result.monitorSecretArn)).toBe("arn:of:database-roles-monitor-secret");
    expect(await valueOf(result.masterSecretArn)).toBe("arn:of:master");
    expect(await valueOf(result.connection)).toEqual(connection);
  });
});

describe("a login by IAM", () => {
  const GRANT = "postgresql:index/grantRole:GrantRole";
  const settings = { "database.login": "iam" };

  it("makes the migrator a member of rds_iam, after everything that the master makes", async () => {
    const recorded = await program("prod", settings);
    expect(only(recorded, GRANT).inputs).toEqual({
      role: "migrator",
      grantRole: "rds_iam",
      withAdminOption: false,
    });
    const chain = recorded.options.filter(({ type }) => type.startsWith("postgresql:"));
    expect(chain.map(({ name, dependsOn }) => [name, dependsOn]).slice(-2)).toEqual([
      ["database-roles-database", 1],
      ["database-roles-rds_iam", 1],
    ]);
  });

  it("has the migrator's role leave that membership alone, and no other role", async () => {
    const ignoring = async (changes: Settings) =>
      (await program("prod", changes)).options
        .filter(({ ignoreChanges }) => ignoreChanges.length > 0)
        .map(({ name, ignoreChanges }) => [name, ignoreChanges]);
    expect(await ignoring(settings)).toEqual([["database-roles-migrator", ["roles"]]]);
    expect(await ignoring({})).toEqual([]);
  });

  it("is told to the migrator by region and the instance's port, without a secret", async () => {
    const tunnel = { "database.tunnel": "127.0.0.1:6432" };
    const { result } = await program("prod", { ...settings, ...tunnel });
    const credentials = { kind: "iam", region: "eu-central-1", instancePort: 5432 };
    expect(await valueOf(result.migratorCredentials)).toEqual(credentials);
    expect(await pulumi.isSecret(result.migratorCredentials)).toBe(false);
  });

  it("keeps the password's secret, for the way back", async () => {
    const recorded = await program("prod", settings);
    expect(countTypes(recorded)["aws:secretsmanager/secretVersion:SecretVersion"]).toBe(4);
  });

  it("is not granted where the password is used", async () => {
    expect(countTypes(await program("prod"))[GRANT]).toBeUndefined();
  });
});

describe("the master's connection", () => {
  const common = {
    host: "127.0.0.1",
    port: "6432",
    database: "postgres",
    username: { secret: "master" },
    password: { secret: "secret" },
    superuser: "false",
    connectTimeout: "30",
  };
  const sslrootcert = ".local/rds-certificate-authorities.pem";

  it("verifies name and authority where the instance is dialled itself", async () => {
    const { inputs } = only(await program("prod"), PROVIDER);
    expect(inputs).toEqual({ ...common, sslmode: "verify-full", sslrootcert });
    expect(existsSync(path.join(folder, sslrootcert))).toBe(true);
  });

  it("verifies the authority through a tunnel", async () => {
    const { inputs } = only(
      await program("prod", { "database.tunnel": "127.0.0.1:6432" }),
      PROVIDER,
    );
    expect(inputs).toEqual({ ...common, sslmode: "verify-ca", sslrootcert });
  });

  it("is without TLS in local alone, and writes no file there", async () => {
    const { inputs } = only(await program("local"), PROVIDER);
    expect(inputs).toEqual({ ...common, sslmode: "disable" });
    expect(existsSync(path.join(folder, sslrootcert))).toBe(false);
  });
});

describe("readCredentials", () => {
  it("takes username and password and ignores the rest", () => {
    const secret = '{"username":"master","password":"p","host":"h"}';
    expect(readCredentials(secret)).toEqual({ username: "master", password: "p" });
  });

  it.each(["canary", '{"username":"master","password":7}', "null", '["canary"]'])(
    "cannot take %j, and does not repeat it",
    (secret) => {
      expect(() => readCredentials(secret)).toThrow(
        new pulumi.RunError(
          "CFG043 the master's secret must be a JSON object with the texts username and password. " +
            "Correct the secret, or point app-data:database.masterSecret at another one.",
        ),
      );
    },
  );
});
