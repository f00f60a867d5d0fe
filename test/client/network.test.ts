import { randomUUID } from "node:crypto";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Client } from "pg";
import type { AppData } from "../../src/app-data";
import { shipFigures } from "../../src/jobs/ship-figures";
import { readLogin } from "../../src/session/login";
import { ConnectionPool } from "../../src/session/pool";
import { listenInSilence, listenWithFullQueue } from "../migrator/server-fixture";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";
import { type DatabaseProxy, startDatabaseProxy } from "./database-proxy";
import { startEmulatorProxy } from "./emulator-proxy";

type Work = Parameters<AppData["asUser"]>[1];

const user = randomUUID();
const DEADLINE_MS = 500;
/** The deadline, what the server is given beyond it, and a machine that is busy. */
const SETTLED_MS = 3_000;

let database: ClientDatabase;
let superuser: Client;
let proxy: DatabaseProxy;
let data: AppData;

beforeAll(async () => {
  database = await createClientDatabase();
  superuser = await database.connect("postgres");
  await superuser.query("insert into public.users (id, email) values ($1, 'a@example.org')", [
    user,
  ]);
  proxy = await startDatabaseProxy(database);
  data = await database.open({ databasePort: proxy.port, poolSize: 1 });
});
afterAll(async () => {
  // First: what is cut cannot say goodbye.
  await proxy.close();
  await database.drop();
});

const read: Work = (db) => db.selectFrom("users").select("id").execute();

/** Runs work until its deadline; how it ended, and how long the caller waited. */
async function ended(work: Work): Promise<{ error: unknown; tookMs: number }> {
  const started = performance.now();
  const error: unknown = await data
    .asUser(user, work, { deadlineMs: DEADLINE_MS })
    .catch((thrown: unknown) => thrown);
  return { error, tookMs: performance.now() - started };
}

/** The connection was closed, and the next transaction has another. */
async function expectAnother(): Promise<void> {
  expect(await data.asUser(user, read, { deadlineMs: 5_000 })).toEqual([{ id: user }]);
  expect(proxy.connections()).toBe(1);
}

describe("a network that is cut in a transaction", () => {
  it("keeps nobody waiting for the rollback of work that failed", async () => {
    const { error, tookMs } = await ended(async () => {
      proxy.cut();
      throw new Error("on purpose");
    });
    expect(error).toMatchObject({ message: "on purpose" });
    expect(tookMs).toBeLessThan(SETTLED_MS);
    await expectAnother();
  });

  it("ends a query at the deadline, and gives who waits a connection that works", async () => {
    const first = ended(async (db) => {
      proxy.cut();
      return read(db);
    });
    const next = data.asUser(user, read, { deadlineMs: 5_000 });
    const { error, tookMs } = await first;
    expect(String(error)).toMatch(/DAT003 .*, and was rolled back/);
    expect(tookMs).toBeLessThan(SETTLED_MS);
    expect(await next).toEqual([{ id: user }]);
    await expectAnother();
  });

  it("leaves open what came of a COMMIT, and says so", async () => {
    const id = randomUUID();
    const { error } = await ended(async (db) => {
      await sql`insert into public.sessions (id, user_id, started_at) values (${id}, ${user}, now())`.execute(
        db,
      );
      proxy.cut("answers");
    });
    expect(String(error)).toMatch(/DAT003 .*COMMIT had been sent.*may have been committed/);
    const { rows } = await superuser.query("select from public.sessions where id = $1", [id]);
    expect(rows).toHaveLength(1);
    await expectAnother();
  });
});

describe("a network that is cut once the login has gone through", () => {
  beforeEach(() => {
    const { take } = ConnectionPool.prototype;
    jest.spyOn(ConnectionPool.prototype, "take").mockImplementation(async function (
      this: ConnectionPool,
      withinMs,
    ) {
      const client = await take.call(this, withinMs);
      proxy.cut();
      return client;
    });
  });
  afterEach(() => jest.restoreAllMocks());

  const notAnswered = () =>
    `DAT002 The database at ${database.host}:${proxy.port} did not answer for ${DEADLINE_MS} ms`;

  it("ends connect", async () => {
    await expect(
      database.open({ databasePort: proxy.port, deadlineMs: DEADLINE_MS }),
    ).rejects.toThrow(notAnswered());
  });

  it("ends ship-figures", async () => {
    await superuser.query(`grant connect on database ${database.name} to monitor`);
    const monitorSecretArn = await database.secretOf("monitor");
    const settings = { ...database.settings, databasePort: proxy.port, monitorSecretArn };
    const logger = { info() {}, warn() {}, error() {} };
    const context = { deadlineMs: DEADLINE_MS, signal: AbortSignal.timeout(DEADLINE_MS), logger };
    const ship = () => Promise.reject(new Error("There is nothing to ship."));
    const from = Object.assign(Object.create(data), { settings });
    await expect(shipFigures(from, context, ship)).rejects.toThrow(notAnswered());
  });
});

describe("a password that is refused", () => {
  it("says of the secret, where that is what cannot be read again in time", async () => {
    let isSilent = false;
    const aws = await startEmulatorProxy(() => isSilent);
    const appSecretArn = await database.secretOf("app");
    try {
      const { settings } = await database.open({ appSecretArn, endpoint: aws.endpoint });
      const login = await readLogin(settings, appSecretArn);
      isSilent = true;
      let isOld = true;
      const password = async () => (isOld ? "old" : login.password());
      const forget = () => {
        isOld = false;
        login.forget();
      };
      const pool = new ConnectionPool({ ...login, password, forget }, settings);
      await expect(pool.take(30_000)).rejects.toThrow("CFG104");
      await pool.end();
    } finally {
      await aws.close();
    }
  });

  it("says that the database is silent, where it is from then on", async () => {
    let isSilent = false;
    const way = createServer((client) => {
      client.on("error", () => undefined);
      if (isSilent) return;
      const server = connect(database);
      server.on("error", () => undefined);
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => way.listen(0, "127.0.0.1", resolve));
    const { port } = way.address() as AddressInfo;
    const login = await readLogin(database.settings, database.settings.appSecretArn);
    const pool = new ConnectionPool(
      { ...login, password: async () => "wrong", forget: () => (isSilent = true) },
      { ...database.settings, databasePort: port },
    );
    await expect(pool.take(30_000)).rejects.toThrow(
      `DAT002 The database at ${database.host}:${port} did not answer for 5000 ms`,
    );
    await pool.end();
    way.close();
  });
});

describe("a network that is cut while an export runs", () => {
  it("keeps nobody waiting who closes", async () => {
    const closing = await database.open({ databasePort: proxy.port, deadlineMs: 2_000 });
    const id = await closing.exports.request(user, { type: "sessions", format: "jsonl" });
    const stream = closing.streamAsUser.bind(closing);
    const reached = new Promise<void>((resolve) => {
      jest.spyOn(closing, "streamAsUser").mockImplementation((userId, work, options) =>
        stream(
          userId,
          (transaction) => {
            proxy.cut();
            resolve();
            return work(transaction);
          },
          options,
        ),
      );
    });
    const running = closing.exports.run(id);
    running.catch(() => undefined);
    await reached;
    const closed = closing.close().then(() => "closed");
    expect(await Promise.race([closed, sleep(10_000, "late", { ref: false })])).toBe("closed");
    await expect(running).rejects.toThrow("EXP016");
  });
});

describe.each([
  ["drops what comes", listenWithFullQueue],
  ["says nothing", listenInSilence],
])("an address that %s", (_, listen) => {
  it("is given up, and said, before the deadline; a short deadline is not outlived for long", async () => {
    const nowhere = await listen();
    try {
      for (const deadlineMs of [30_000, DEADLINE_MS]) {
        const started = performance.now();
        await expect(database.open({ databasePort: nowhere.port, deadlineMs })).rejects.toThrow(
          deadlineMs === DEADLINE_MS
            ? "DAT002 No connection was free"
            : `DAT002 The database at ${database.host}:${nowhere.port} did not answer for 5000 ms`,
        );
        expect(performance.now() - started).toBeLessThan(8_000);
      }
    } finally {
      await nowhere.close();
    }
  });
});
