import { randomUUID } from "node:crypto";
import { type IncomingHttpHeaders, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { AppData } from "../../src/app-data";
import {
  HttpValidator,
  type KeyValidator,
  KNOWN_VALIDATORS,
  anthropicValidator,
  googleValidator,
  openAiValidator,
} from "../../src/vault/validators";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";

/** A provider on this machine, which records what it is asked. */
interface FakeProvider {
  origin: string;
  asked: { url: string; headers: IncomingHttpHeaders }[];
  atOnce: number;
  answer: (key: string, response: ServerResponse) => void;
  close(): void;
}

async function startProvider(): Promise<FakeProvider> {
  let open = 0;
  const server = createServer(({ url = "", headers }, response) => {
    provider.asked.push({ url, headers });
    open += 1;
    provider.atOnce = Math.max(provider.atOnce, open);
    response.on("close", () => (open -= 1));
    const key = String(
      headers["x-api-key"] ?? headers["x-goog-api-key"] ?? headers.authorization,
    ).replace("Bearer ", "");
    provider.answer(key, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const provider: FakeProvider = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    atOnce: 0,
    answer: (_, response) => response.end("{}"),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return provider;
}

const status =
  (code: number, body = "{}") =>
  (_: string, response: ServerResponse) =>
    void response.writeHead(code).end(body);
/** What providers say of a key that is none. */
const REFUSALS: Record<string, [code: number, error: object]> = {
  openai: [
    401,
    {
      message: "Incorrect API key provided.",
      type: "invalid_request_error",
      code: "invalid_api_key",
    },
  ],
  anthropic: [401, { type: "authentication_error", message: "invalid x-api-key" }],
  google: [
    400,
    { code: 400, status: "INVALID_ARGUMENT", details: [{ reason: "API_KEY_INVALID" }] },
  ],
};
/** What they say of a good key that may not do this, or for another reason. */
const NOT_REFUSALS: [provider: string, saying: string, code: number, error: object][] = [
  ["openai", "missing scopes", 401, { message: "Missing scopes: api.model.read.", code: null }],
  ["openai", "no such organization", 401, { code: "invalid_organization" }],
  ["openai", "country", 403, { code: "unsupported_country_region_territory" }],
  ["anthropic", "the proxy's, not its own", 401, { message: "Proxy authentication" }],
  ["anthropic", "permission", 403, { type: "permission_error" }],
  ["google", "kind of key", 401, { details: [{ reason: "ACCESS_TOKEN_TYPE_UNSUPPORTED" }] }],
  ["google", "blocked service", 403, { details: [{ reason: "API_KEY_SERVICE_BLOCKED" }] }],
  ["google", "precondition", 400, { status: "FAILED_PRECONDITION" }],
];

/** As OpenAI sends it, on several lines. */
function jsonOf(error: object): string {
  return JSON.stringify({ error }, null, 2);
}

/** Refuses a key as the provider does that is asked. */
function refuse(key: string, response: ServerResponse): void {
  const name =
    response.req.url === "/v1beta/models"
      ? "google"
      : response.req.headers["x-api-key"] === undefined
        ? "openai"
        : "anthropic";
  const [code, error] = REFUSALS[name] ?? [500, {}];
  status(code, jsonOf(error))(key, response);
}

let database: ClientDatabase;
let data: AppData;
let provider: FakeProvider;
let elsewhere: FakeProvider;
let validators: KeyValidator[];

beforeAll(async () => {
  database = await createClientDatabase();
  data = await database.open();
});
afterAll(() => database.drop());
beforeEach(async () => {
  const superuser = await database.connect("postgres");
  await superuser.query("delete from public.users");
  [provider, elsewhere] = await Promise.all([startProvider(), startProvider()]);
  const { origin } = provider;
  validators = [openAiValidator(origin), anthropicValidator(origin), googleValidator(origin)];
});
afterEach(() => {
  provider.close();
  elsewhere.close();
});

async function newUser(keys: Record<string, string>, id: string = randomUUID()): Promise<string> {
  await data.asUser(id, (db) =>
    db
      .insertInto("users")
      .values({ id, email: `${id}@example.org` })
      .execute(),
  );
  for (const [name, key] of Object.entries(keys)) await data.vault.put(id, name, key);
  return id;
}

const stateOf = (id: string) =>
  data.asUser(id, (db) =>
    db
      .selectFrom("user_api_keys")
      .select(["is_active", "last_validated_at"])
      .executeTakeFirstOrThrow(),
  );

describe("vault.validate", () => {
  it("asks each provider as it documents, and notes when", async () => {
    const user = await newUser({ openai: "o-key", anthropic: "a-key", google: "g-key", own: "x" });
    expect(await data.vault.validate({ validators })).toMatchObject({
      valid: 3,
      disabled: 0,
      undecided: 0,
      unknown: 1,
      isComplete: true,
    });
    const asked = new Map(
      provider.asked.map(({ url, headers }) => [
        `${url} ${headers["x-api-key"] ?? headers["x-goog-api-key"] ?? headers.authorization}`,
        headers,
      ]),
    );
    expect([...asked.keys()].sort()).toEqual([
      "/v1/models Bearer o-key",
      "/v1/models a-key",
      "/v1beta/models g-key",
    ]);
    expect(asked.get("/v1/models a-key")?.["anthropic-version"]).toBe("2023-06-01");
    expect(await stateOf(user)).toEqual({ is_active: true, last_validated_at: expect.any(String) });

    expect(await data.vault.validate({ validators })).toMatchObject({ valid: 0 });
    expect(await data.vault.validate({ validators, olderThanMs: 0 })).toMatchObject({ valid: 3 });
  });

  it("asks each night, though the night before it took an hour to come to the user", async () => {
    const user = await newUser({ openai: "good" });
    const superuser = await database.connect("postgres");
    const valid = async (validatedAgo: string) => {
      await superuser.query(
        "update public.user_api_keys set last_validated_at = now() - $2::interval where user_id = $1",
        [user, validatedAgo],
      );
      return (await data.vault.validate({ validators })).valid;
    };
    expect(await valid("23 hours")).toBe(1);
    expect(await valid("1 hour")).toBe(0);
  });

  it("disables what is refused at once, and nothing else; put anew, it is good again", async () => {
    const user = await newUser({ openai: "bad", anthropic: "good", google: "bad" });
    provider.answer = (key, response) =>
      key === "good" ? status(200)(key, response) : refuse(key, response);
    expect(await data.vault.validate({ validators })).toMatchObject({ valid: 1, disabled: 2 });
    expect(await stateOf(user)).toEqual({
      is_active: false,
      last_validated_at: expect.any(String),
    });
    await expect(data.vault.get(user, "openai")).rejects.toThrow(/^KEY004 .* Have them put a new/);
    expect((await data.vault.get(user, "anthropic")).reveal()).toBe("good");
    expect(await data.vault.list(user)).toEqual([
      { provider: "anthropic", createdAt: expect.any(String) },
      { provider: "google", createdAt: expect.any(String), disabledAt: expect.any(String) },
      { provider: "openai", createdAt: expect.any(String), disabledAt: expect.any(String) },
    ]);

    provider.asked = [];
    await data.vault.validate({ validators, olderThanMs: 0 });
    expect(provider.asked).toHaveLength(1);
    await data.vault.put(user, "openai", "good");
    expect(await stateOf(user)).toEqual({ is_active: false, last_validated_at: null });
    await data.vault.put(user, "google", "good");
    expect((await data.vault.get(user, "openai")).reveal()).toBe("good");
    expect((await stateOf(user)).is_active).toBe(true);
  });

  it("disables a key that its provider calls none", async () => {
    const user = await newUser({ openai: "bad", anthropic: "bad", google: "bad" });
    provider.answer = refuse;
    expect(await data.vault.validate({ validators })).toMatchObject({ disabled: 3, undecided: 0 });
    expect((await stateOf(user)).is_active).toBe(false);
  });

  it.each(NOT_REFUSALS)(
    "disables no good key for which %s answers otherwise: %s, %i",
    async (name, _, code, error) => {
      const user = await newUser({ [name]: "good" });
      provider.answer = status(code, jsonOf(error));
      expect(await data.vault.validate({ validators })).toMatchObject({
        disabled: 0,
        undecided: 1,
      });
      expect((await data.vault.get(user, name)).reveal()).toBe("good");
    },
  );

  it.each<[string, number, number]>([
    ["fails", 500, 3],
    ["is overloaded", 529, 3],
    ["throttles", 429, 3],
    ["does not serve the country", 403, 1],
    ["calls it a bad request", 400, 1],
  ])("disables nothing while a provider %s", async (_, code, times) => {
    const user = await newUser({ openai: "good", google: "good" });
    provider.answer = status(code);
    expect(await data.vault.validate({ validators })).toMatchObject({ disabled: 0, undecided: 2 });
    expect(provider.asked).toHaveLength(2 * times);
    expect(await stateOf(user)).toEqual({ is_active: true, last_validated_at: null });
    expect((await data.vault.get(user, "openai")).reveal()).toBe("good");
  });

  it("disables nothing while a provider does not answer, cuts the connection or is not there", async () => {
    const user = await newUser({ openai: "good" });
    const undecided = { disabled: 0, undecided: 1 };
    provider.answer = () => undefined;
    const options = { validators, timeoutMs: 200 };
    expect(await data.vault.validate(options)).toMatchObject(undecided);
    provider.answer = (_, response) => response.destroy();
    expect(await data.vault.validate(options)).toMatchObject(undecided);
    provider.close();
    expect(await data.vault.validate(options)).toMatchObject(undecided);
    expect(await stateOf(user)).toEqual({ is_active: true, last_validated_at: null });
  });

  it("sends no key to where a provider redirects", async () => {
    await newUser({ openai: "good", anthropic: "good", google: "good" });
    for (const code of [301, 302, 307, 308]) {
      provider.answer = (_, response) =>
        void response.writeHead(code, { location: `${elsewhere.origin}/v1/models` }).end();
      expect(await data.vault.validate({ validators })).toMatchObject({
        undecided: 3,
        disabled: 0,
      });
    }
    expect(provider.asked.length).toBeGreaterThan(0);
    expect(elsewhere.asked).toEqual([]);
  });

  it("never has more than so many requests to a provider under way, and leaves a failing one alone", async () => {
    for (let count = 0; count < 12; count += 1) await newUser({ openai: `key-${count}` });
    provider.answer = (_, response) => void setTimeout(() => response.end("{}"), 50);
    expect(await data.vault.validate({ validators, atOnce: 3 })).toMatchObject({ valid: 12 });
    expect(provider.atOnce).toBe(3);

    provider.asked = [];
    provider.answer = status(503);
    const down = await data.vault.validate({ validators, olderThanMs: 0, atOnce: 1 });
    expect(down).toMatchObject({ undecided: 12, disabled: 0 });
    expect(provider.asked).toHaveLength(15);
  });

  it("asks about everybody, however many keys there are of which a provider says nothing", async () => {
    for (const key of ["forbidden", "two\nlines", "a\u0001b", "日本"]) {
      for (let count = 0; count < 5; count += 1) await newUser({ openai: key });
    }
    await newUser({ openai: "good" }, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    provider.answer = (key, response) =>
      status(key === "forbidden" ? 403 : key === "good" ? 200 : 500)(key, response);
    expect(await data.vault.validate({ validators, atOnce: 1 })).toMatchObject({
      undecided: 20,
      valid: 1,
    });
  });

  it("does not disable a key that was put while the old one was asked about", async () => {
    const user = await newUser({ openai: "bad" });
    provider.answer = (key, response) => {
      void data.vault.put(user, "openai", "new").then(() => refuse(key, response));
    };
    expect(await data.vault.validate({ validators })).toMatchObject({ disabled: 0 });
    expect((await data.vault.get(user, "openai")).reveal()).toBe("new");
    expect((await stateOf(user)).is_active).toBe(true);
  });

  it("asks later about a key that was put while another one was asked about and refused", async () => {
    const user = await newUser({ openai: "bad" });
    provider.answer = (key, response) => {
      void data.vault.put(user, "google", "new").then(() => refuse(key, response));
    };
    expect(await data.vault.validate({ validators })).toMatchObject({ disabled: 1 });
    expect(await stateOf(user)).toEqual({ is_active: false, last_validated_at: null });
    provider.answer = status(200);
    expect(await data.vault.validate({ validators })).toMatchObject({ valid: 1 });
  });

  it("leaves a user of whom nobody was asked to a caller who knows their provider", async () => {
    const user = await newUser({ own: "x" });
    expect(await data.vault.validate({ validators })).toMatchObject({ unknown: 1, users: 1 });
    expect((await stateOf(user)).last_validated_at).toBeNull();
    const own: KeyValidator = { provider: "own", check: async () => "invalid" };
    expect(await data.vault.validate({ validators: [own] })).toMatchObject({ disabled: 1 });
    await data.asUser(user, (db) =>
      db.updateTable("user_api_keys").set({ last_validated_at: null }).execute(),
    );
    expect(await data.vault.validate({ validators: [own] })).toMatchObject({ disabled: 0 });
    expect((await stateOf(user)).last_validated_at).toBeNull();
  });

  it("ends at once when it is stopped, also what it asks a provider and what waits for its turn", async () => {
    const user = await newUser({ openai: "good" });
    for (let count = 0; count < 3; count += 1) await newUser({ openai: "good" });
    const stopping = new AbortController();
    provider.answer = () => void setTimeout(() => stopping.abort(), 50);
    const begun = performance.now();
    const result = await data.vault.validate({ validators, atOnce: 1, signal: stopping.signal });
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(result).toMatchObject({ disabled: 0, failed: 0, isComplete: false });
    expect(provider.asked).toHaveLength(1);
    expect(await stateOf(user)).toEqual({ is_active: true, last_validated_at: null });
  });

  it("does not fail on a key that no header can hold, nor on a validator that throws", async () => {
    await newUser({ openai: "two\nlines", own: "x" });
    const own: KeyValidator = {
      provider: "own",
      check: () => Promise.reject(new Error("It broke.")),
    };
    expect(await data.vault.validate({ validators: [...validators, own] })).toMatchObject({
      undecided: 2,
      failed: 0,
    });
    expect(provider.asked).toEqual([]);
  });
});

describe("a validator", () => {
  const args = { provider: "own", headers: () => ({}), isRefusal: () => false };

  it("asks over HTTPS, or on this machine", () => {
    expect(() => new HttpValidator({ ...args, url: "http://api.example.org/" })).toThrow("KEY015");
    expect(() => new HttpValidator({ ...args, url: "http://127.0.0.1:1/" })).not.toThrow();
    expect(() => new HttpValidator({ ...args, url: "https://api.example.org/" })).not.toThrow();
  });

  it("is known for three providers", () => {
    expect(KNOWN_VALIDATORS.map(({ provider: name }) => name)).toEqual([
      "openai",
      "anthropic",
      "google",
    ]);
  });
});
