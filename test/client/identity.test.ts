import { randomBytes, randomUUID } from "node:crypto";
import { sql } from "kysely";
import { tokenSettingsLifecycle } from "../../migrator/src";
import { TokenSigner } from "../../src/session/token-signer";
import type { Settings } from "../../src/settings";
import { createSecret } from "../support/secrets";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";

// A stack that requires signed tokens.

const AUDIENCE = "app-data";
const user = randomUUID();

let database: ClientDatabase;
let tokens: Pick<Settings, "tokenSecretArn" | "tokenAudience">;

beforeAll(async () => {
  database = await createClientDatabase();
  const superuser = await database.connect("postgres");
  await superuser.query("revoke service_role from app granted by master");
  await superuser.query("insert into public.users (id, email) values ($1, 'a@example.org')", [
    user,
  ]);
  const secretArn = await createSecret({ key: randomBytes(32).toString("base64") });
  tokens = { tokenSecretArn: secretArn, tokenAudience: AUDIENCE };
  const { host, port, name } = database;
  const secretId = await database.secretOf("migrator");
  await tokenSettingsLifecycle.update({
    connection: {
      host,
      port,
      database: name,
      user: "migrator",
      credentials: { kind: "secret", secretId },
      tls: { mode: "disable" },
    },
    secretArn,
    secretVersion: "1",
    audience: AUDIENCE,
    tokens: "required",
  });
});
afterAll(async () => {
  const superuser = await database.connect("postgres");
  await superuser.query("grant service_role to app with inherit false, set true granted by master");
  await database.drop();
});
afterEach(() => jest.restoreAllMocks());

describe("connect", () => {
  it.each<[string, () => Promise<Partial<Settings>>]>([
    ["is told of no key", async () => ({})],
    [
      "has another key",
      async () => ({
        ...tokens,
        tokenSecretArn: await createSecret({ key: randomBytes(32).toString("base64") }),
      }),
    ],
    ["has another audience", async () => ({ ...tokens, tokenAudience: "another" })],
    [
      "signs by a clock that is two minutes ahead",
      async () => {
        const now = Date.now();
        jest.spyOn(Date, "now").mockImplementation(() => now + 120_000);
        return tokens;
      },
    ],
  ])("refuses to go on where users would see nothing: it %s", async (_, given) => {
    const settings = await given();
    await expect(database.open(settings)).rejects.toThrow(
      /^DAT009 .*tokenSecretArn.*tokenAudience.*clock/,
    );
    jest.restoreAllMocks();
    const data = await database.open(tokens);
    expect(await data.asUser(user, (db) => db.selectFrom("users").select("id").execute())).toEqual([
      { id: user },
    ]);
  });
});

describe("a token of a transaction", () => {
  it("is signed when its connection is there, however long the wait for it was", async () => {
    const data = await database.open({ ...tokens, poolSize: 1 });
    const read = () => data.asUser(user, (db) => db.selectFrom("users").select("id").execute());
    expect(await read()).toEqual([{ id: user }]);
    let holding: Promise<unknown> = Promise.resolve();
    await new Promise<void>((resolve) => {
      holding = data.asUser(user, async (db) => {
        resolve();
        await sql`select pg_sleep(0.5)`.execute(db);
      });
    });
    const now = Date.now();
    jest.spyOn(Date, "now").mockReturnValue(now - 61_000);
    const waiting = read();
    await new Promise((resolve) => setTimeout(resolve, 100));
    jest.restoreAllMocks();
    await holding;
    expect(await waiting).toEqual([{ id: user }]);
  });

  it("is an error where the database does not believe it any more, and no empty answer", async () => {
    const data = await database.open({ ...tokens, poolSize: 1 });
    const read = () => data.asUser(user, (db) => db.selectFrom("users").select("id").execute());
    const now = Date.now();
    jest.spyOn(Date, "now").mockReturnValue(now + 120_000);
    await expect(read()).rejects.toThrow(/^DAT009 .* auth\.uid\(\) is null.*clock/);
    const work = jest.fn();
    await expect(data.asUser(user, work)).rejects.toThrow("DAT009");
    await expect(data.streamAsUser(user, work)).rejects.toThrow("DAT009");
    expect(work).not.toHaveBeenCalled();
    await expect(data.vault.list(user)).rejects.toThrow("DAT009");
    jest.restoreAllMocks();
    // Somebody else's token is none of the user's.
    const other = await data.signToken(randomUUID(), 60);
    jest.spyOn(TokenSigner.prototype, "sign").mockResolvedValue(other);
    await expect(read()).rejects.toThrow("DAT009");
    jest.restoreAllMocks();
    expect(await read()).toEqual([{ id: user }]);
  });

  it("counts within the deadline", async () => {
    const data = await database.open({ ...tokens, poolSize: 1 });
    const never = new Promise<string>(() => undefined);
    jest.spyOn(TokenSigner.prototype, "sign").mockReturnValue(never);
    await expect(data.asUser(user, async () => 1, { deadlineMs: 200 })).rejects.toThrow("DAT003");
    jest.restoreAllMocks();
    expect(await data.asUser(user, async () => 1)).toBe(1);
  });
});
