import { sql } from "kysely";
import { type Authority, createAuthority } from "../migrator/certificate-fixture";
import { type Listener, listenWithTls } from "../migrator/server-fixture";
import { createSecret } from "../support/secrets";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";

// PostgreSQL behind TLS, dialled at another name than its certificate's, as through a tunnel.

const NAME = "db.example.org";
let mockAuthority: Authority;
jest.mock("../../src/session/certificate-authorities", () => ({
  certificateAuthorities: () => [mockAuthority.certificate],
}));

let database: ClientDatabase;
let server: Listener;

beforeAll(async () => {
  database = await createClientDatabase();
  mockAuthority = createAuthority("The Authority");
  server = await listenWithTls(mockAuthority.issue(NAME), database);
});
afterAll(async () => {
  await database.drop();
  await server.close();
});

/** Connects with a secret that names a host, through another name. */
async function open(host: string, databaseHost: string): Promise<string> {
  const appSecretArn = await createSecret({
    host,
    port: 5432,
    dbname: database.name,
    username: "app",
    password: database.password("app"),
  });
  const data = await database.open({
    appSecretArn,
    databaseHost,
    databasePort: server.port,
    databaseTls: "verify",
  });
  const { rows } = await data.asService((db) =>
    sql<{ login: string }>`select session_user::text as login`.execute(db),
  );
  return rows[0]?.login ?? "";
}

describe.each(["localhost", "127.0.0.1"])("a database that is dialled as %s", (dialled) => {
  it("has to have a certificate of the host that its secret names", async () => {
    expect(await open(NAME, dialled)).toBe("app");
    await expect(open("another.example.org", dialled)).rejects.toThrow(
      /another\.example\.org.*not in the cert's altnames: DNS:db\.example\.org/,
    );
  });

  it("has to have one of the authorities", async () => {
    const right = mockAuthority;
    mockAuthority = createAuthority("Another Authority");
    try {
      await expect(open(NAME, dialled)).rejects.toThrow(/unable to (?:verify|get)/);
    } finally {
      mockAuthority = right;
    }
  });
});
