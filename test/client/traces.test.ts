import { randomUUID } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { type ClientRequest, createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { KMSClient } from "@aws-sdk/client-kms";
import pg from "pg";
import type { AppData } from "../../src/app-data";
import { HttpValidator } from "../../src/vault/validators";
import { holds } from "./canary";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";

const CANARY = `canary-${randomUUID()}`;

let database: ClientDatabase;
let data: AppData;
let provider: Server;
const user = randomUUID();

beforeAll(async () => {
  database = await createClientDatabase();
  data = await database.open();
  await data.asUser(user, (db) =>
    db.insertInto("users").values({ id: user, email: "traced@example.org" }).execute(),
  );
  provider = createServer((_request, response) => void response.end("{}"));
  await once(provider.listen(0, "127.0.0.1"), "listening");
});
afterAll(async () => {
  await database.drop();
  provider.close();
  provider.closeAllConnections();
});

/** What a tracer is shown, by where it looks. */
type Shown = Record<"queries" | "calls of AWS" | "requests" | "requests of fetch", string[]>;

/** As text, with bytes in hexadecimal digits. */
function textOf(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, plain: unknown) {
    const held = this[key];
    if (held instanceof Uint8Array) return Buffer.from(held).toString("hex");
    return typeof held === "bigint" ? String(held) : plain;
  });
}

/**
 * Looks where the instrumentations of OpenTelemetry do, and keeps more than they: queries with the values
 * that are bound, calls of AWS with input and output, requests with their headers.
 */
async function traced(doing: () => Promise<unknown>): Promise<Shown> {
  const shown: Shown = { queries: [], "calls of AWS": [], requests: [], "requests of fetch": [] };
  const query = jest.spyOn(pg.Client.prototype, "query");
  const send = jest.spyOn(Object.getPrototypeOf(KMSClient.prototype) as KMSClient, "send");
  const onRequest = (message: unknown) => {
    const { request } = message as { request: ClientRequest };
    const { method, host, path } = request;
    shown.requests.push(textOf({ method, host, path, headers: request.getHeaders() }));
  };
  const onFetch = (message: unknown) => {
    const { request } = message as { request: Record<string, unknown> };
    const { method, origin, path, headers } = request;
    shown["requests of fetch"].push(textOf({ method, origin, path }), textOf(headers));
  };
  subscribe("http.client.request.start", onRequest);
  subscribe("undici:request:create", onFetch);
  try {
    await doing();
    shown.queries = query.mock.calls.map(textOf);
    const commands = send.mock.calls.map(([{ input }]) => textOf(input));
    const outputs = await Promise.all(send.mock.results.map(({ value }) => value));
    shown["calls of AWS"] = [...commands, ...outputs.map(textOf)];
    return shown;
  } finally {
    unsubscribe("http.client.request.start", onRequest);
    unsubscribe("undici:request:create", onFetch);
    query.mockRestore();
    send.mockRestore();
  }
}

describe("a trace", () => {
  it("holds no API key, but in the headers of what its own provider is asked", async () => {
    const validator = new HttpValidator({
      provider: "own",
      url: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1/models`,
      headers: (key) => ({ authorization: `Bearer ${key}` }),
      isRefusal: () => false,
    });
    const shown = await traced(async () => {
      await data.vault.put(user, "own", CANARY);
      (await data.vault.get(user, "own")).release();
      await data.vault.list(user);
      expect(await data.vault.validate({ validators: [validator] })).toMatchObject({ valid: 1 });
      await data.exports.run(await data.exports.request(user, { type: "full", format: "jsonl" }));
      await data.vault.delete(user, "own");
    });
    // What would show it is looked at.
    expect(shown.queries.join()).toMatch(/insert into \\"user_api_keys.*0204/);
    expect(shown["calls of AWS"].join()).toMatch(/"NumberOfBytes":32.*"Plaintext":"[0-9a-f]{64}"/);
    expect(shown.requests.join()).toMatch(/TrentService\.[^]*users\//);
    expect(shown["requests of fetch"]).toHaveLength(2);
    const found = Object.values(shown)
      .flat()
      .filter((text) => holds(text, CANARY));
    expect(found).toEqual([expect.stringMatching(/authorization.*Bearer/)]);
  });
});
