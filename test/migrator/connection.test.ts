import { applyMigration, attest, readHistory } from "../../migrator/src";
import { changeSecret, createSecret } from "../support/secrets";
import { type MigratorFixture, createFixture, protectedTable } from "./migration-fixture";

const CANARY = "canary-7f3a-never-to-be-seen";

let fixture: MigratorFixture;
beforeAll(async () => {
  fixture = await createFixture();
});
afterAll(() => fixture.database.drop());

/** Everything that an error shows, its causes included. */
function everything(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? everything(error.cause) : "";
  return `${String(error)} ${JSON.stringify(error)} ${cause}`;
}

describe("the connection", () => {
  it("refuses a wrong password without showing it", async () => {
    const secretId = await createSecret({ username: "migrator", password: CANARY });
    const error: unknown = await readHistory({ ...fixture.settings, secretId }).catch(
      (e: unknown) => e,
    );
    const { host, port, database } = fixture.settings;
    expect(String(error)).toContain(
      `MIG003 Could not connect to database ${database} at ${host}:${port} as migrator: ` +
        'password authentication failed for user "migrator".',
    );
    expect(everything(error)).not.toContain(CANARY);
  });

  it("reads the secret again when the password was rotated", async () => {
    const secretId = await createSecret({ username: "migrator", password: "outdated" });
    const settings = { ...fixture.settings, secretId };
    await expect(readHistory(settings)).rejects.toThrow(/^MIG003/);
    await changeSecret(secretId, { password: fixture.database.password("migrator") });
    await expect(readHistory(settings)).resolves.toEqual([]);
  });

  it("names a secret that is not there", async () => {
    const settings = { ...fixture.settings, secretId: "no/such/secret" };
    await expect(readHistory(settings)).rejects.toThrow(
      /^MIG004 Could not read the secret no\/such\/secret: /,
    );
  });

  it.each([[CANARY], [{ password: 1, note: CANARY }], [[CANARY]]])(
    "refuses a secret without a password and does not show it: %#",
    async (value) => {
      const secretId = await createSecret(value);
      const error: unknown = await readHistory({ ...fixture.settings, secretId }).catch(
        (e: unknown) => e,
      );
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

describe("the attestation", () => {
  it("holds row level security, policies and grants as the server has them", async () => {
    await applyMigration(fixture.settings, protectedTable("000", "notes"));
    const superuser = await fixture.database.connect("postgres");
    const before = await attest(fixture.settings);
    expect(before.schema.tables.find(({ name }) => name === "notes")).toEqual({
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
    expect(after.schema.tables.find(({ name }) => name === "notes")).toEqual({
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
