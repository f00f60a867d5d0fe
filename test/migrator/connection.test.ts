import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ConnectionSettings, applyMigration, attest, readHistory } from "../../migrator/src";
import { withConnection } from "../../migrator/src/database/connection";
import { readPassword } from "../../migrator/src/database/credentials";
import { settingsFromUrl } from "../../migrator/src/database/environment-url";
import { databaseIdentity, isSameDatabase } from "../../migrator/src/database/identity";
import { changeSecret, createSecret } from "../support/secrets";
import { preflight } from "../../migrator/src/preflight";
import { createAuthority } from "./certificate-fixture";
import { type Listener, listenWithTls } from "./server-fixture";
import { type MigratorFixture, createFixture, protectedTable } from "./migration-fixture";

const CANARY = "canary-7f3a-never-to-be-seen";
const VARIABLE = "CONNECTION_TEST_URL";
const REAL_NAME = "app.c9akciq32.eu-central-1.rds.amazonaws.com";

let fixture: MigratorFixture;
beforeAll(async () => {
  fixture = await createFixture();
});
afterEach(() => {
  Reflect.deleteProperty(process.env, VARIABLE);
});
afterAll(() => fixture.database.drop());

function withSecret(secretId: string): ConnectionSettings {
  return { ...fixture.settings, credentials: { kind: "secret", secretId } };
}

/** Everything that an error shows, its causes included. */
function everything(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? everything(error.cause) : "";
  return `${String(error)} ${JSON.stringify(error)} ${cause}`;
}

describe("the connection", () => {
  it("refuses a wrong password without showing it", async () => {
    const secretId = await createSecret({ username: "migrator", password: CANARY });
    const error: unknown = await readHistory(withSecret(secretId)).catch((e: unknown) => e);
    const { host, port, database } = fixture.settings;
    expect(String(error)).toContain(
      `MIG003 Could not connect to database ${database} at ${host}:${port} as migrator: ` +
        'password authentication failed for user "migrator".',
    );
    expect(everything(error)).not.toContain(CANARY);
  });

  it("reads the secret again when the password was rotated", async () => {
    const secretId = await createSecret({ username: "migrator", password: "outdated" });
    const settings = withSecret(secretId);
    await expect(readHistory(settings)).rejects.toThrow(/^MIG003/);
    await changeSecret(secretId, { password: fixture.database.password("migrator") });
    await expect(readHistory(settings)).resolves.toEqual([]);
  });

  it("names a secret that is not there", async () => {
    const settings = withSecret("no/such/secret");
    await expect(readHistory(settings)).rejects.toThrow(
      /^MIG004 Could not read the secret no\/such\/secret: /,
    );
  });

  it.each([[CANARY], [{ password: 1, note: CANARY }], [[CANARY]]])(
    "refuses a secret without a password and does not show it: %#",
    async (value) => {
      const secretId = await createSecret(value);
      const error: unknown = await readHistory(withSecret(secretId)).catch((e: unknown) => e);
      expect(String(error)).toBe(
        `MigratorError: MIG004 The secret ${secretId} holds no password: it must be a JSON object with a text field "password".`,
      );
      expect(everything(error)).not.toContain(CANARY);
    },
  );

  it("says what to check when nothing listens", async () => {
    await expect(readHistory({ ...fixture.settings, port: 1 })).rejects.toThrow(
      /^MIG003 Could not connect to database \S+ at 127\.0\.0\.1:1 as migrator: .*ECONNREFUSED.* Check that the address is routable from here \(or set database\.tunnel\)/,
    );
  });

  it("does not talk to a server without TLS when TLS is demanded", async () => {
    const tls = { mode: "verify-full", serverName: "db.example.org" } as const;
    await expect(readHistory({ ...fixture.settings, tls })).rejects.toThrow(
      /^MIG003 .*The server does not support SSL connections/,
    );
  });
});

describe("a connection by a variable of the environment", () => {
  it("takes everything from its URL, and keeps the password out of the settings", async () => {
    process.env[VARIABLE] = fixture.database.url("migrator");
    const settings = settingsFromUrl(VARIABLE);
    const { host, port, database } = fixture.settings;
    expect(settings).toEqual({
      host,
      port,
      database,
      user: "migrator",
      credentials: { kind: "environment", variable: VARIABLE },
      tls: { mode: "disable" },
    });
    await expect(readHistory(settings)).resolves.toEqual([]);
  });

  it("takes a password alone", async () => {
    process.env[VARIABLE] = fixture.database.password("migrator");
    const credentials = { kind: "environment", variable: VARIABLE } as const;
    await expect(readHistory({ ...fixture.settings, credentials })).resolves.toEqual([]);
  });

  it("verifies a server that is not on this machine, and takes escapes for what they mean", async () => {
    process.env[VARIABLE] = `postgres://mig%20rator:p%40ss%2Fw%23rd@${REAL_NAME}/my%20app`;
    const settings = settingsFromUrl(VARIABLE);
    expect(settings).toMatchObject({
      host: REAL_NAME,
      port: 5432,
      database: "my app",
      user: "mig rator",
      tls: { mode: "verify-full", serverName: REAL_NAME },
    });
    await expect(readPassword(settings)).resolves.toBe("p@ss/w#rd");
  });

  it("trusts the authorities that the URL names", () => {
    process.env[VARIABLE] = "postgres://m:p@[::1]:6000/db?sslmode=verify-full&sslrootcert=ca.pem";
    expect(settingsFromUrl(VARIABLE)).toMatchObject({
      host: "::1",
      port: 6000,
      tls: { mode: "verify-full", serverName: "::1", authoritiesFile: "ca.pem" },
    });
  });

  it.each([
    [undefined, "is not set"],
    [CANARY, "holds no PostgreSQL URL"],
    [`mysql://u:${CANARY}@host/db`, "holds no PostgreSQL URL"],
    [`postgres://u:${CANARY}@host`, "holds a URL without a host, a user or a database"],
    [`postgres://:${CANARY}@host/db`, "holds a URL without a host, a user or a database"],
    [
      `postgres://u:${CANARY}/x@host:port/db`,
      "holds a URL that cannot be read; characters such as @ / # in a password must be escaped (%40, %2F, %23)",
    ],
    ...["prefer", "allow"].map((mode): [string, string] => [
      `postgres://u:${CANARY}@host/db?sslmode=${mode}`,
      `has sslmode ${mode}, which goes on unencrypted where the server has it so; it must be verify-full, ` +
        "verify-ca or require, or disable on a network of your own",
    ]),
  ])("refuses what is no URL, and does not show it: %#", (value, what) => {
    if (value !== undefined) process.env[VARIABLE] = value;
    expect(() => settingsFromUrl(VARIABLE)).toThrow(
      `MIG030 The environment variable ${VARIABLE} ${what}. ` +
        "Set it to postgresql://user:password@host:5432/database.",
    );
  });

  it("refuses a URL without a password when it logs in", async () => {
    process.env[VARIABLE] = "postgres://migrator@127.0.0.1/db";
    await expect(readHistory(settingsFromUrl(VARIABLE))).rejects.toThrow(
      `MIG030 The environment variable ${VARIABLE} holds a URL without a password. `,
    );
  });
});

describe("sslmode in a URL", () => {
  const authority = createAuthority("The Authority");
  let directory: string;
  let server: Listener;
  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "app-data-authorities-"));
    writeFileSync(path.join(directory, "ca.pem"), authority.certificate);
    writeFileSync(path.join(directory, "other.pem"), createAuthority("Another").certificate);
    server = await listenWithTls(authority.issue("db.example.org"), fixture.database);
  });
  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });

  /** What comes of a connection, and of a preflight, through TLS with a certificate for db.example.org. */
  async function attempt(mode: string, file?: string): Promise<string[]> {
    const url = new URL(fixture.database.url("migrator"));
    url.port = String(server.port);
    url.searchParams.set("sslmode", mode);
    if (file !== undefined)
      url.searchParams.set("sslrootcert", file === "system" ? file : path.join(directory, file));
    process.env[VARIABLE] = url.href;
    const settings = settingsFromUrl(VARIABLE);
    const outcome = await readHistory(settings).then(
      () => "connected",
      (error: unknown) => String(error),
    );
    const { steps } = await preflight(settings);
    return [outcome, steps.find(({ name }) => name === "TLS")?.detail ?? ""];
  }

  it("require encrypts, and says that nobody vouches for the server", async () => {
    expect(await attempt("require")).toEqual([
      "connected",
      "TLSv1.3; encrypted, but nobody vouches for the server: name an authority (sslrootcert=FILE, or system)",
    ]);
  });

  it.each(["require", "verify-ca"])(
    "%s with an authority takes what it has signed, whatever the name, and nothing else",
    async (mode) => {
      expect(await attempt(mode, "ca.pem")).toEqual([
        "connected",
        "TLSv1.3; The Authority has signed the certificate",
      ]);
      for (const file of ["other.pem", "system"]) {
        const [outcome, step] = await attempt(mode, file);
        expect(outcome).toMatch(/MIG003 .*(?:unable to verify|unable to get)/);
        expect(step).toMatch(
          /^the certificate is signed by The Authority, whom nobody vouches for/,
        );
      }
    },
  );

  it("verify-full wants the name, too", async () => {
    const [outcome, step] = await attempt("verify-full", "ca.pem");
    expect(outcome).toMatch(
      /MIG003 .*does not match certificate's altnames|MIG003 .*not in the cert/,
    );
    expect(step).toMatch(/^the certificate is for DNS:db\.example\.org, not for 127\.0\.0\.1/);
  });

  it("require does not go on unencrypted", async () => {
    process.env[VARIABLE] = `${fixture.database.url("migrator")}?sslmode=require`;
    await expect(readHistory(settingsFromUrl(VARIABLE))).rejects.toThrow(
      /^MIG003 .*The server does not support SSL connections/,
    );
  });
});

describe("a connection by IAM authentication", () => {
  const iam = { kind: "iam" } as const;
  const tls = { mode: "verify-full", serverName: REAL_NAME } as const;

  it("signs the instance's own name and port, though a port-forward is dialled", async () => {
    const credentials = { ...iam, instancePort: 5432 };
    const token = await readPassword({ ...fixture.settings, credentials, tls });
    expect(token).toMatch(
      new RegExp(
        `^${REAL_NAME}:5432/\\?(?=.*Action=connect)(?=.*DBUser=migrator)(?=.*X-Amz-Expires=900)` +
          "(?=.*X-Amz-Credential=local%2F\\d{8}%2Feu-central-1%2Frds-db%2Faws4_request)(?=.*X-Amz-Signature=)",
      ),
    );
  });

  it("signs for the region that the name says, or that the settings say", async () => {
    const [named, told] = await Promise.all([
      readPassword({
        ...fixture.settings,
        credentials: iam,
        tls: { ...tls, serverName: "app.c9akciq32.us-gov-west-1.rds.amazonaws.com" },
      }),
      readPassword({
        ...fixture.settings,
        credentials: { ...iam, region: "sa-east-1" },
        tls: { ...tls, serverName: "db.example.org" },
      }),
    ]);
    expect(named).toContain("%2Fus-gov-west-1%2Frds-db%2F");
    expect(told).toContain("%2Fsa-east-1%2Frds-db%2F");
  });

  it("does not send a token without TLS", async () => {
    const { host, port } = fixture.settings;
    await expect(readHistory({ ...fixture.settings, credentials: iam })).rejects.toThrow(
      `MIG031 IAM authentication to ${host}:${port} needs TLS that verifies the server. A token is as good as a ` +
        "password for 15 minutes: verify the server's certificate (tls.mode verify-full).",
    );
  });
});

describe("databaseIdentity", () => {
  it("is read by an ordinary role, and is that of the database and no other", async () => {
    const other = await createFixture();
    try {
      const read = (settings: ConnectionSettings) => withConnection(settings, databaseIdentity);
      const here = await read(fixture.settings);
      const there = await read(other.settings);
      expect(here).toEqual({
        systemIdentifier: expect.stringMatching(/^\d{19,20}$/),
        databaseOid: expect.any(Number),
        name: fixture.settings.database,
      });
      expect(there.systemIdentifier).toBe(here.systemIdentifier);
      expect(isSameDatabase(here, { ...(await read(fixture.settings)), name: "renamed" })).toBe(
        true,
      );
      expect(isSameDatabase(here, there)).toBe(false);
      expect(isSameDatabase(here, { ...here, systemIdentifier: "7000000000000000000" })).toBe(
        false,
      );
    } finally {
      await other.database.drop();
    }
  });

  it("does without the server's number where the role may not ask, and ends no transaction", async () => {
    const superuser = await fixture.database.connect("postgres");
    await superuser.query("revoke execute on function pg_control_system() from public");
    try {
      const identity = await withConnection(fixture.settings, async (client) => {
        await client.query("begin read only");
        const found = await databaseIdentity(client);
        await client.query("select 1");
        return found;
      });
      expect(identity).toMatchObject({ systemIdentifier: null, name: fixture.settings.database });
    } finally {
      await superuser.query("grant execute on function pg_control_system() to public");
    }
  });
});

describe("the attestation", () => {
  it("holds row level security, policies and grants as the server has them", async () => {
    await applyMigration(fixture.settings, protectedTable("000", "notes"));
    const superuser = await fixture.database.connect("postgres");
    const before = await attest(fixture.settings);
    expect(before.schema.tables.find(({ name }) => name === "notes")).toMatchObject({
      schema: "public",
      name: "notes",
      kind: "table",
      owner: "migrator",
      rowSecurity: true,
      forced: true,
      policies: [],
      grants: [],
    });

    await superuser.query(`alter table public.notes no force row level security;
      create policy own on public.notes for update to app using (note = current_user) with check (false);
      grant select, update (note) on public.notes to app`);
    const after = await attest(fixture.settings);
    expect(after.digest).not.toBe(before.digest);
    expect(after.schema.tables.find(({ name }) => name === "notes")).toMatchObject({
      schema: "public",
      name: "notes",
      kind: "table",
      owner: "migrator",
      rowSecurity: true,
      forced: false,
      policies: [
        {
          name: "own",
          command: "update",
          permissive: true,
          roles: ["app"],
          using: "(note = CURRENT_USER)",
          check: "false",
        },
      ],
      grants: [
        { grantee: "app", privilege: "select", columns: null },
        { grantee: "app", privilege: "update", columns: ["note"] },
      ],
    });
    expect(after.serverVersion).toMatch(/^17\./);
  });

  it("knows the roles' attributes and memberships", async () => {
    const { schema } = await attest(fixture.settings);
    const app = schema.roles?.find(({ name }) => name === "app");
    expect(app).toMatchObject({
      superuser: false,
      bypassRowSecurity: false,
      login: true,
      inherit: false,
    });
    expect(app?.memberOf).toEqual(
      ["anon", "authenticated", "service_role"].map((role) => ({
        role,
        admin: false,
        inherit: false,
        set: true,
      })),
    );
  });
});
