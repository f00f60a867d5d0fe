import { type AddressInfo, createServer, type Server } from "node:net";
import { readLogin } from "../../src/session/login";
import { ConnectionPool } from "../../src/session/pool";
import { readSettings } from "../../src/settings";
import { createSecret } from "../support/secrets";

// What RDS is given to log in with is recorded here: no server but RDS takes it.

const HOST = "db.abcdefghijkl.eu-central-1.rds.amazonaws.com";
const ASKS_FOR_PASSWORD = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]);

let server: Server;
let passwords: string[] = [];

/** A server that asks for a password in clear, and refuses each as wrong. */
beforeAll(async () => {
  server = createServer((socket) => {
    let hasBegun = false;
    socket.on("error", () => undefined);
    socket.on("data", (sent) => {
      if (!hasBegun) {
        hasBegun = true;
        socket.write(ASKS_FOR_PASSWORD);
      } else if (sent.toString("latin1", 0, 1) === "p") {
        passwords.push(sent.toString("utf8", 5, sent.length - 1));
        const fields = Buffer.from("SFATAL\0C28P01\0Mrefused\0\0");
        const head = Buffer.alloc(5, "E");
        head.writeInt32BE(fields.length + 4, 1);
        socket.end(Buffer.concat([head, fields]));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => server.close());
beforeEach(() => (passwords = []));

async function logIn(databaseLogin: "iam" | "password"): Promise<void> {
  const secret = { host: HOST, port: 5433, dbname: "app", username: "app", password: "stored" };
  const settings = readSettings({
    appSecretArn: await createSecret(secret),
    apiKeysKeyArn: "none",
    apiKeysContext: {},
    exportsBucket: "none",
    endpoint: process.env["AWS_ENDPOINT_URL"],
    region: "eu-central-1",
    databaseHost: "127.0.0.1",
    databasePort: (server.address() as AddressInfo).port,
    databaseTls: "off",
    databaseLogin,
  });
  const pool = new ConnectionPool(await readLogin(settings, settings.appSecretArn), settings);
  await expect(pool.take(5_000)).rejects.toMatchObject({ code: "28P01" });
  await pool.end();
}

describe("a login by IAM", () => {
  it("gives a token for the secret's host, port and user, though a tunnel is dialled", async () => {
    await logIn("iam");
    // Another for the attempt after the refusal.
    expect(passwords).toHaveLength(2);
    for (const password of passwords) {
      expect(password).toMatch(new RegExp(`^${HOST}:5433/\\?`));
      const { searchParams } = new URL(`https://${password}`);
      expect(Object.fromEntries(searchParams)).toMatchObject({
        Action: "connect",
        DBUser: "app",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": expect.stringMatching(/\/eu-central-1\/rds-db\/aws4_request$/),
        "X-Amz-Expires": "900",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": expect.stringMatching(/^[0-9a-f]{64}$/),
      });
    }
  });

  it("gives the stored password where it is not asked for", async () => {
    await logIn("password");
    expect(passwords).toEqual(["stored", "stored"]);
  });
});
