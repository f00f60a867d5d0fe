import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import pino from "pino";
import type { AppData } from "../../src/app-data";
import { AppDataError } from "../../src/errors";
import { Secret } from "../../src/vault/secret";
import { type ClientDatabase, createKey, createClientDatabase } from "./client-fixture";
import { type KmsProxy, startKmsProxy } from "./kms-proxy";

const CANARY = "sk-canary-8d1f3a-ünïcödé";

let database: ClientDatabase;
let proxy: KmsProxy;
let data: AppData;

beforeAll(async () => {
  [database, proxy] = await Promise.all([createClientDatabase(), startKmsProxy()]);
  data = await database.open({ endpoint: proxy.endpoint });
});
afterAll(async () => {
  await database.drop();
  await proxy.close();
});
beforeEach(() => proxy.reset());

/** A user with a row in `users`. */
async function newUser(): Promise<string> {
  const id = randomUUID();
  await data.asUser(id, (db) =>
    db
      .insertInto("users")
      .values({ id, email: `${id}@example.org` })
      .execute(),
  );
  return id;
}

async function reveal(userId: string, provider: string, from = data): Promise<string> {
  return (await from.vault.get(userId, provider)).reveal();
}

async function failureOf(doing: Promise<unknown>): Promise<AppDataError> {
  const error = await doing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AppDataError) return error;
  throw new Error(`Expected an AppDataError, not ${inspect(error)}.`);
}

const codeOf = async (doing: Promise<unknown>) => (await failureOf(doing)).code;

async function rowOf(userId: string) {
  return data.asUser(userId, (db) => db.selectFrom("user_api_keys").selectAll().executeTakeFirst());
}

/** As the owner of the database, whom row level security does not stop. */
async function asSuperuser(sql: string, values: unknown[] = []): Promise<void> {
  const client = await database.connect("postgres");
  await client.query(sql, values);
}

describe("a user's API keys", () => {
  it("are put, listed, got and deleted by provider", async () => {
    const user = await newUser();
    await data.vault.put(user, "openai", CANARY);
    await data.vault.put(user, "anthropic", Buffer.from("second"));
    expect(await reveal(user, "openai")).toBe(CANARY);
    expect(await reveal(user, "anthropic")).toBe("second");
    expect(await data.vault.list(user)).toEqual([
      { provider: "anthropic", createdAt: expect.stringMatching(/^\d{4}-.*Z$/) },
      { provider: "openai", createdAt: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
    await data.vault.put(user, "openai", new Secret(Buffer.from("third")));
    expect(await reveal(user, "openai")).toBe("third");
    expect(await data.vault.delete(user, "openai")).toBe(true);
    expect(await data.vault.delete(user, "openai")).toBe(false);
    expect(await codeOf(data.vault.get(user, "openai"))).toBe("KEY003");
    expect(await rowOf(user)).toMatchObject({
      encryption_key_id: data.settings.apiKeysKeyArn,
      is_active: true,
    });
    expect(await data.vault.delete(user, "anthropic")).toBe(true);
    expect(await rowOf(user)).toBeUndefined();
    expect(await data.vault.list(user)).toEqual([]);
  });

  it("are all there when many are put at once, from two processes' pools", async () => {
    const user = await newUser();
    const other = await database.open();
    const providers = Array.from({ length: 12 }, (_, index) => `provider-${index}`);
    await Promise.all(
      providers.map((provider, at) =>
        (at % 2 === 0 ? data : other).vault.put(user, provider, `secret-${provider}`),
      ),
    );
    expect((await data.vault.list(user)).map(({ provider }) => provider).sort()).toEqual(
      [...providers].sort(),
    );
    for (const provider of providers) {
      expect(await reveal(user, provider)).toBe(`secret-${provider}`);
    }
  });

  it("cost KMS one call for a thousand gets, at once or one after the other", async () => {
    const user = await newUser();
    await data.vault.put(user, "openai", CANARY);
    expect(proxy.calls).toEqual({ GenerateDataKey: 1 });
    await Promise.all(Array.from({ length: 500 }, () => data.vault.get(user, "openai")));
    for (let done = 0; done < 500; done += 1) await data.vault.get(user, "openai");
    expect(proxy.calls).toEqual({ GenerateDataKey: 1, Decrypt: 1 });
  });

  it("leave no data key in memory, soon after it is too old to be used", async () => {
    const [first = "", ...users] = await Promise.all(Array.from({ length: 21 }, newUser));
    for (const user of [first, ...users]) await data.vault.put(user, "openai", CANARY);
    jest.useFakeTimers({
      doNotFake: [
        ...(["hrtime", "performance", "nextTick", "queueMicrotask", "setInterval"] as const),
        ...(["clearInterval", "setImmediate", "clearImmediate"] as const),
      ],
    });
    try {
      const { vault } = await database.open();
      await vault.get(first, "openai");
      const cache = vault["envelope"]["cache"];
      if (cache === undefined) throw new Error("The first use made no cache.");
      const kept = jest.spyOn(cache, "putDecryptionMaterial");
      for (const user of users) await vault.get(user, "openai");
      const inMemory = () =>
        kept.mock.calls.filter(([, material]) => material.hasUnencryptedDataKey).length;
      jest.advanceTimersByTime(29_000);
      expect(inMemory()).toBe(20);
      jest.advanceTimersByTime(4_000);
      expect(inMemory()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it("hold no connection while KMS does not answer", async () => {
    const users = await Promise.all(Array.from({ length: 6 }, newUser));
    const small = await database.open({ endpoint: proxy.endpoint, poolSize: 1, deadlineMs: 3_000 });
    proxy.decide = () => "hang";
    const puts = users.map((user) => codeOf(small.vault.put(user, "openai", CANARY)));
    const begin = performance.now();
    await small.asUser(users[0] ?? "", (db) => db.selectFrom("users").select("id").execute());
    expect(performance.now() - begin).toBeLessThan(1_000);
    expect(await Promise.all(puts)).toEqual(users.map(() => "KEY009"));
  });

  it.each<[string, string, (user: string) => Promise<unknown>]>([
    ["KEY001", "another character", (user) => data.vault.put(user, "OpenAI", CANARY)],
    ["KEY001", "0 characters", (user) => data.vault.get(user, "")],
    ["KEY001", "65 characters", (user) => data.vault.delete(user, "a".repeat(65))],
    ["KEY001", "a undefined", (user) => data.vault.get(user, undefined as never)],
    ["KEY002", "is empty", (user) => data.vault.put(user, "openai", "")],
    ["KEY002", "of 1048576 bytes", (user) => data.vault.put(user, "openai", "x".repeat(2 ** 20))],
    ["KEY002", "a number", (user) => data.vault.put(user, "openai", 5 as never)],
    ["KEY002", "no UTF-8", (user) => data.vault.put(user, "openai", Buffer.from([0xff, 0xfe]))],
    ["DAT001", "which is no UUID", () => data.vault.get("5", "openai")],
    ["KEY003", 'provider "openai"', (user) => data.vault.get(user, "openai")],
    ["KEY013", "no row in users", () => data.vault.put(randomUUID(), "openai", CANARY)],
  ])("are refused with %s: %s", async (code, found, use) => {
    const error = await failureOf(use(await newUser()));
    expect(error.code).toBe(code);
    expect(error.message).toContain(found);
  });

  it("are at most of 64 providers", async () => {
    const user = await newUser();
    for (let count = 0; count < 64; count += 1) await data.vault.put(user, `p-${count}`, "s");
    expect(await codeOf(data.vault.put(user, "p-64", "s"))).toBe("KEY011");
    await data.vault.put(user, "p-63", "anew");
    expect(await reveal(user, "p-63")).toBe("anew");
  });
});

describe("when KMS refuses", () => {
  it.each([
    ["KEY005", "DisabledException", "Enable it"],
    ["KEY005", "KMSInvalidStateException", "deletion"],
    ["KEY005", "NotFoundException", "cannot be used"],
    ["KEY006", "AccessDeniedException", "apiKeys.users"],
    ["KEY008", "InvalidCiphertextException", "do not decrypt"],
  ])("%s for %s", async (code, error, advice) => {
    const user = await newUser();
    await data.vault.put(user, "openai", CANARY);
    proxy.reset();
    proxy.decide = () => ({ error });
    const failure = await failureOf(data.vault.get(user, "openai"));
    expect([failure.code, failure.message]).toEqual([code, expect.stringContaining(advice)]);
    expect(proxy.calls).toEqual({ Decrypt: 1 });
    if (code !== "KEY008") {
      expect(await codeOf(data.vault.put(await newUser(), "openai", CANARY))).toBe(code);
    }
    proxy.reset();
    expect(await reveal(user, "openai")).toBe(CANARY);
  });

  it.each<[string, "cut" | "hang" | { error: string; status?: number }]>([
    ["the connection is cut", "cut"],
    ["it does not answer", "hang"],
    ["it is throttled", { error: "ThrottlingException" }],
    ["it fails", { error: "KMSInternalException", status: 500 }],
  ])("it asks again while %s, and says KEY009 at its deadline", async (_, outcome) => {
    const user = await newUser();
    const hasty = await database.open({ endpoint: proxy.endpoint, deadlineMs: 3_000 });
    await hasty.vault.put(user, "openai", CANARY);
    proxy.reset();
    proxy.decide = () => outcome;
    const begin = performance.now();
    expect(await codeOf(hasty.vault.get(user, "openai"))).toBe("KEY009");
    expect(performance.now() - begin).toBeLessThan(4_000);
    expect(proxy.calls["Decrypt"]).toBeGreaterThan(1);

    proxy.reset();
    let refused = 0;
    proxy.decide = () => ((refused += 1) <= 1 ? outcome : "forward");
    expect(await reveal(user, "openai", hasty)).toBe(CANARY);
  });

  it("each who asks has their own time, though they wait for the call of another", async () => {
    const user = await newUser();
    const hasty = await database.open({ endpoint: proxy.endpoint, deadlineMs: 1_500 });
    await hasty.vault.put(user, "openai", CANARY);
    proxy.reset();
    let calls = 0;
    proxy.decide = () => ((calls += 1) === 1 ? "hang" : "forward");
    const first = codeOf(hasty.vault.get(user, "openai"));
    await sleep(1_000);
    const others = Array.from({ length: 3 }, () => reveal(user, "openai", hasty));
    expect(await first).toBe("KEY009");
    expect(await Promise.all(others)).toEqual(others.map(() => CANARY));
    expect(proxy.calls).toEqual({ Decrypt: 2 });
  });

  it("KEY009 where nobody listens", async () => {
    const user = await newUser();
    await data.vault.put(user, "openai", CANARY);
    const lost = await database.open({ deadlineMs: 1_000 });
    const unreachable = { ...lost.settings, endpoint: "http://127.0.0.1:9" };
    Object.assign(lost.settings, unreachable);
    expect(await codeOf(lost.vault.get(user, "openai"))).toBe("KEY009");
  });
});

describe("against whoever has the database", () => {
  it("a message that is copied to another user's row does not decrypt, though they may read it", async () => {
    const [alice, mallory] = [await newUser(), await newUser()];
    await data.vault.put(alice, "openai", CANARY);
    await data.vault.put(mallory, "openai", "own");
    await asSuperuser(
      `update public.user_api_keys set encrypted_keys =
         (select encrypted_keys from public.user_api_keys where user_id = $1) where user_id = $2`,
      [alice, mallory],
    );
    const error = await failureOf(data.vault.get(mallory, "openai"));
    expect([error.code, error.message]).toEqual(["KEY007", expect.stringContaining("(user_id)")]);
    expect(await codeOf(data.vault.put(mallory, "other", "x"))).toBe("KEY007");
    expect(await reveal(alice, "openai")).toBe(CANARY);
  });

  it("nor with the user's id in its header exchanged", async () => {
    const [alice, mallory] = [await newUser(), await newUser()];
    await data.vault.put(alice, "openai", CANARY);
    const message = (await rowOf(alice))?.encrypted_keys ?? Buffer.alloc(0);
    const at = message.indexOf(alice);
    expect(at).toBeGreaterThan(0);
    message.write(mallory, at);
    await data.vault.put(mallory, "openai", "own");
    await asSuperuser("update public.user_api_keys set encrypted_keys = $1 where user_id = $2", [
      message,
      mallory,
    ]);
    expect(await codeOf(data.vault.get(mallory, "openai"))).toBe("KEY008");
  });

  it.each([
    ["another environment", { environment: "prod" }],
    ["another application", { app: "other" }],
    ["another purpose", { purpose: "export" }],
    ["a context with more in it", { more: "x" }],
  ])("a message of %s does not decrypt", async (_, change) => {
    const user = await newUser();
    const other = await database.open({
      apiKeysContext: { ...data.settings.apiKeysContext, ...change },
    });
    await other.vault.put(user, "openai", CANARY);
    const error = await failureOf(data.vault.get(user, "openai"));
    expect([error.code, error.message]).toEqual([
      "KEY007",
      expect.stringContaining(`(${Object.keys(change).join()})`),
    ]);
    expect(await reveal(user, "openai", other)).toBe(CANARY);
  });

  it("a message under a key of somebody else's is not sent to it", async () => {
    const user = await newUser();
    const stranger = await database.open({ apiKeysKeyArn: await createKey() });
    await stranger.vault.put(user, "openai", CANARY);
    expect(await codeOf(data.vault.get(user, "openai"))).toBe("KEY010");
    expect(proxy.calls).toEqual({});
  });

  it.each([
    ["a bit of the body", (message: Buffer) => flip(message, message.length - 20)],
    ["a bit of the header", (message: Buffer) => flip(message, 10)],
    ["its end", (message: Buffer) => message.subarray(0, -1)],
    ["all of it", () => Buffer.from("no message")],
  ])("KEY008 for a message with %s damaged", async (_, damage) => {
    const user = await newUser();
    await data.vault.put(user, "openai", CANARY);
    const message = (await rowOf(user))?.encrypted_keys ?? Buffer.alloc(0);
    const store = (bytes: Buffer) =>
      data.asUser(user, (db) =>
        db.updateTable("user_api_keys").set({ encrypted_keys: bytes }).execute(),
      );
    await store(damage(Buffer.from(message)));
    expect(await codeOf(data.vault.get(user, "openai"))).toBe("KEY008");
    expect(await codeOf(data.vault.list(user))).toBe("KEY008");
    await store(message);
    expect(await reveal(user, "openai")).toBe(CANARY);

    await store(damage(Buffer.from(message)));
    expect(await codeOf(data.vault.put(user, "openai", "anew"))).toBe("KEY008");
    expect(await data.vault.clear(user)).toBe(true);
    expect(await data.vault.clear(user)).toBe(false);
    await data.vault.put(user, "openai", "anew");
    expect(await reveal(user, "openai")).toBe("anew");
  });

  function flip(message: Buffer, at: number): Buffer {
    message.writeUInt8(message.readUInt8(at) ^ 1, at);
    return message;
  }
});

describe("a secret", () => {
  it("prints as [secret], however it is printed", () => {
    const secret = new Secret(Buffer.from(CANARY));
    const lines: string[] = [];
    const logger = pino({}, { write: (line: string) => void lines.push(line) });
    logger.info({ secret, nested: { secret } }, "logged %s %o", secret, { secret });
    logger.error(secret);
    const printed = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret, { showHidden: true, depth: 9 }),
      inspect({ secret }),
      ...lines,
    ].join("\n");
    expect(printed).toContain("[secret]");
    expect(printed).not.toContain("canary");
    expect(Object.keys(secret).concat(Object.getOwnPropertyNames(secret))).toEqual([]);
    expect(secret.reveal()).toBe(CANARY);
  });

  it("cannot be read once it is released", () => {
    const secret = new Secret(Buffer.from(CANARY));
    secret.release();
    expect(() => secret.reveal()).toThrow("KEY012");
  });
});
