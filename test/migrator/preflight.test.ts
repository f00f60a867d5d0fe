import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Client } from "pg";
import type { ConnectionSettings } from "../../migrator/src";
import { preflight, renderPreflight } from "../../migrator/src/preflight";
import { createSecret } from "../support/secrets";
import { type Authority, createAuthority } from "./certificate-fixture";
import { type MigratorFixture, createFixture } from "./migration-fixture";
import {
  type Listener,
  listenInSilence,
  listenWith,
  listenWithFullQueue,
  listenWithTls,
} from "./server-fixture";

const SERVER_NAME = "app.c9akciq32.eu-central-1.rds.amazonaws.com";

let fixture: MigratorFixture;
let superuser: Client;
let authority: Authority;
let folder: string;
const listeners: Listener[] = [];

beforeAll(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  authority = createAuthority("Authority of a test");
  folder = mkdtempSync(path.join(tmpdir(), "preflight-"));
  writeFileSync(path.join(folder, "authority.pem"), authority.certificate);
});
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await fixture.database.drop();
});

/** The last step that was looked at, without its duration, and the names of those before. */
async function lastStep(settings: ConnectionSettings) {
  const { ok, steps } = await preflight(settings);
  const names = steps.map(({ name }) => name);
  const { milliseconds, ...step } = steps[steps.length - 1] ?? { milliseconds: NaN };
  return { ok, names, step, milliseconds };
}

function at(listener: Listener): ConnectionSettings {
  listeners.push(listener);
  return { ...fixture.settings, host: listener.host, port: listener.port };
}

/** Settings that verify a server of the test, by the test's own authority unless told otherwise. */
function verified(listener: Listener, { ownAuthority = true } = {}): ConnectionSettings {
  const authoritiesFile = path.join(folder, "authority.pem");
  const tls = { mode: "verify-full", serverName: SERVER_NAME } as const;
  return { ...at(listener), tls: ownAuthority ? { ...tls, authoritiesFile } : tls };
}

describe("preflight of a database that is ready", () => {
  it("finds nothing wrong, and says what it looked at", async () => {
    const result = await preflight(fixture.settings);
    const { host, port, database } = fixture.settings;
    const text = renderPreflight(result)
      .replace(/\d+ ms/g, "0 ms")
      .replace(/17\.\d+/, "17.x")
      .replace(/\d+ of 97/, "n of 97");
    expect(text).toBe(`Preflight of ${host}:${port}
ok   name          127.0.0.1 is an address (0 ms)
ok   route         127.0.0.1:${port} takes connections (0 ms)
ok   TLS           PostgreSQL answers; TLS is not offered, and off by the settings (0 ms)
ok   login         migrator is let in to ${database} (0 ms)
ok   session       one of its own (0 ms)
ok   version       PostgreSQL 17.x (0 ms)
ok   primary       a primary that writes (0 ms)
ok   role          migrator is neither superuser nor bypassrls (0 ms)
ok   database      ${database} belongs to migrator (0 ms)
ok   row security  row_security is on (0 ms)
ok   connections   n of 97 are in use (0 ms)
The migrator can work.`);
    expect(result.ok).toBe(true);
  });

  it("verifies the certificate by the server's own name, whatever is dialled", async () => {
    const listener = await listenWithTls(authority.issue(SERVER_NAME), fixture.database);
    const { ok, steps } = await preflight(verified(listener));
    expect(steps.find(({ name }) => name === "TLS")?.detail).toMatch(
      /^TLSv1\.3; app\.c9akciq32\.eu-central-1\.rds\.amazonaws\.com proves who it is, until /,
    );
    expect(ok).toBe(true);
  });
});

describe("preflight on the way to the server", () => {
  it("stops at a name without an address", async () => {
    const { ok, names, step } = await lastStep({
      ...fixture.settings,
      host: "no-such-host.invalid",
    });
    expect({ ok, names, step }).toEqual({
      ok: false,
      names: ["name"],
      step: {
        name: "name",
        ok: false,
        detail: expect.stringMatching(/^no-such-host\.invalid has no address: /),
        remedy:
          "Compare the name with the instance's endpoint (aws rds describe-db-instances); a private " +
          "name needs the DNS of its network, or a tunnel.",
      },
    });
  });

  it("stops at a port where nothing listens", async () => {
    const { names, step } = await lastStep({ ...fixture.settings, port: 1 });
    expect({ names, step }).toEqual({
      names: ["name", "route"],
      step: {
        name: "route",
        ok: false,
        detail: "127.0.0.1:1 cannot be reached: connect ECONNREFUSED 127.0.0.1:1",
        remedy:
          "Nothing listens there: is it the right port, is the server (or the port-forward to it) running?",
      },
    });
  });

  it("gives up on an address that swallows everything", async () => {
    const { names, step, milliseconds } = await lastStep(at(await listenWithFullQueue()));
    expect({ names, step }).toEqual({
      names: ["name", "route"],
      step: {
        name: "route",
        ok: false,
        detail: expect.stringMatching(/^127\.0\.0\.1:\d+ cannot be reached: no answer within 5 s$/),
        remedy:
          "No way leads there from here: run this inside the network, or through a tunnel " +
          "(database.tunnel); the database's security group must let this machine in.",
      },
    });
    expect(milliseconds).toBeLessThan(6_000);
  });

  it("tells a port that stays silent, as a port-forward with a closed end does", async () => {
    const { names, step, milliseconds } = await lastStep(at(await listenInSilence()));
    expect({ names, step }).toEqual({
      names: ["name", "route", "TLS"],
      step: {
        name: "TLS",
        ok: false,
        detail:
          "no PostgreSQL server answers: the connection is open, and no PostgreSQL answers on it within 4 s",
        remedy:
          "Is it the database's port? A port-forward can be open while its far end is closed.",
      },
    });
    expect(milliseconds).toBeLessThan(5_000);
  });

  it("tells a server that is not PostgreSQL", async () => {
    const { step } = await lastStep(at(await listenWith("HTTP/1.1 400 Bad Request\r\n\r\n")));
    expect(step).toMatchObject({
      detail: "no PostgreSQL server answers: what answers is not PostgreSQL",
    });
  });
});

describe("preflight of TLS", () => {
  it("refuses a server that does not offer it", async () => {
    const tls = { mode: "verify-full", serverName: SERVER_NAME } as const;
    const { names, step } = await lastStep({ ...fixture.settings, tls });
    expect({ names, step }).toEqual({
      names: ["name", "route", "TLS"],
      step: {
        name: "TLS",
        ok: false,
        detail: "PostgreSQL answers, and does not offer TLS",
        remedy: "RDS always offers it: is this the right server? Its own setting is ssl = on.",
      },
    });
  });

  it("refuses a certificate that no authority of RDS signed", async () => {
    const listener = await listenWithTls(authority.issue(SERVER_NAME), fixture.database);
    const { step } = await lastStep(verified(listener, { ownAuthority: false }));
    expect(step).toEqual({
      name: "TLS",
      ok: false,
      detail:
        "the certificate is signed by Authority of a test, whom nobody vouches for (UNABLE_TO_VERIFY_LEAF_SIGNATURE)",
      remedy:
        "RDS signs with its own authorities: something else answers here, or another authority must be named (authoritiesFile).",
    });
  });

  it("refuses a certificate of another server", async () => {
    const listener = await listenWithTls(authority.issue("other.example.org"), fixture.database);
    const { step } = await lastStep(verified(listener));
    expect(step).toEqual({
      name: "TLS",
      ok: false,
      detail: `the certificate is for DNS:other.example.org, not for ${SERVER_NAME}`,
      remedy: "Use the instance's own endpoint as its name, also when a tunnel is dialled.",
    });
  });

  it("refuses a certificate that has expired", async () => {
    const listener = await listenWithTls(authority.issue(SERVER_NAME, -1), fixture.database);
    const { step } = await lastStep(verified(listener));
    expect(step).toEqual({
      name: "TLS",
      ok: false,
      detail: expect.stringMatching(/^the certificate is valid from .* to .* GMT$/),
      remedy:
        "Look at this machine's clock; renew the certificate with aws rds modify-db-instance " +
        "--ca-certificate-identifier rds-ca-rsa2048-g1.",
    });
  });
});

describe("preflight of the login", () => {
  it("tells a wrong password", async () => {
    const secretId = await createSecret({ password: "wrong" });
    const { names, step } = await lastStep({
      ...fixture.settings,
      credentials: { kind: "secret", secretId },
    });
    expect({ names, step }).toEqual({
      names: ["name", "route", "TLS", "login"],
      step: {
        name: "login",
        ok: false,
        detail: `migrator is not let in to ${fixture.settings.database}: password authentication failed for user "migrator"`,
        remedy: "The server has another password than the secret: pulumi up sets both.",
      },
    });
  });

  it("tells a secret that cannot be read", async () => {
    const credentials = { kind: "secret", secretId: "no/such/secret" } as const;
    const { step } = await lastStep({ ...fixture.settings, credentials });
    expect(step).toMatchObject({
      detail: "no password",
      remedy: expect.stringMatching(/^MIG004 Could not read the secret no\/such\/secret: /),
    });
  });

  it("tells a database that is not there", async () => {
    const { step } = await lastStep({ ...fixture.settings, database: "nowhere" });
    expect(step).toMatchObject({
      detail: 'migrator is not let in to nowhere: database "nowhere" does not exist',
      remedy: "The stack makes the database: pulumi up, or correct the name nowhere.",
    });
  });

  it("tells a database that the role may not connect to", async () => {
    const secretId = await createSecret({ password: fixture.database.password("master") });
    const credentials = { kind: "secret", secretId } as const;
    const { database } = fixture.settings;
    const { step } = await lastStep({ ...fixture.settings, user: "master", credentials });
    expect(step).toMatchObject({
      detail: `master is not let in to ${database}: permission denied for database "${database}"`,
      remedy: `The database's owner must let it in: grant connect on database ${database} to master.`,
    });
  });
});

describe("preflight of the rights", () => {
  /** The steps that failed, with what to do. */
  async function failures(settings: ConnectionSettings) {
    const { steps } = await preflight(settings);
    return steps.filter(({ ok }) => !ok).map(({ name, detail, remedy }) => [name, detail, remedy]);
  }

  async function as(role: "app" | "postgres"): Promise<ConnectionSettings> {
    const secretId = await createSecret({ password: fixture.database.password(role) });
    return { ...fixture.settings, user: role, credentials: { kind: "secret", secretId } };
  }

  it("refuses a role that owns nothing", async () => {
    const { database } = fixture.settings;
    expect(await failures(await as("app"))).toEqual([
      [
        "database",
        `${database} belongs to migrator, where app may not create`,
        `Whoever creates a table owns it: alter database ${database} owner to app, or connect as migrator.`,
      ],
    ]);
  });

  it("refuses a role that row level security does not bind", async () => {
    expect((await failures(await as("postgres"))).slice(0, 1)).toEqual([
      [
        "role",
        "postgres is superuser and bypassrls",
        "Row level security does not bind such a role, so nothing it checks is proof: " +
          "alter role postgres nosuperuser nobypassrls, or connect as migrator.",
      ],
    ]);
  });

  it("refuses settings under which migrations cannot work, and tells all of them", async () => {
    const { database } = fixture.settings;
    await superuser.query(`alter database ${database} set row_security = off;
      alter database ${database} set default_transaction_read_only = on`);
    try {
      expect(await failures(fixture.settings)).toEqual([
        [
          "primary",
          "a primary that only reads",
          "default_transaction_read_only is on for this role or database: alter role or database … reset it.",
        ],
        [
          "row security",
          "row_security is off",
          "With it, reads of protected tables fail: alter role migrator reset row_security.",
        ],
      ]);
    } finally {
      await superuser.query(`set default_transaction_read_only = off;
        alter database ${database} reset all`);
    }
    expect(await failures(fixture.settings)).toEqual([]);
  });
});
