import { randomUUID } from "node:crypto";
import type { AppData } from "../../src/app-data";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";
import { type EmulatorProxy, startEmulatorProxy } from "./emulator-proxy";

// The clock of this machine is an hour late, by the clock of AWS.

const LATE_MS = 3_600_000;
/** What AWS bears at most, of its services that are strictest about it. */
const MOST_MS = 300_000;

let database: ClientDatabase;
let aws: EmulatorProxy;
let refused: string[] = [];
let data: AppData;
const user = randomUUID();

/** `20260302T100000Z` in ms. */
const timeOf = (text: string) =>
  Date.parse(text.replace(/^(....)(..)(..T..)(..)(..)Z$/, "$1-$2-$3:$4:$5Z"));

beforeAll(async () => {
  database = await createClientDatabase();
  aws = await startEmulatorProxy(({ headers }, _body, outgoing) => {
    const now = Date.now() + LATE_MS;
    outgoing.setHeader("date", new Date(now).toUTCString());
    const signedAt = timeOf(String(headers["x-amz-date"]));
    if (Math.abs(now - signedAt) <= MOST_MS) return false;
    const target = headers["x-amz-target"];
    if (target === undefined) {
      refused.push("S3");
      outgoing.writeHead(403, { "content-type": "application/xml" });
      outgoing.end("<Error><Code>RequestTimeTooSkewed</Code><Message>Late.</Message></Error>");
    } else {
      refused.push(String(target).split(".")[0] ?? "");
      outgoing.writeHead(400, { "content-type": "application/x-amz-json-1.1" });
      outgoing.end(JSON.stringify({ __type: "InvalidSignatureException", message: "Late." }));
    }
    return true;
  });
  const superuser = await database.connect("postgres");
  await superuser.query("insert into public.users (id, email) values ($1, 'a@example.org')", [
    user,
  ]);
  data = await database.open({ endpoint: aws.endpoint });
});
afterAll(async () => {
  await database.drop();
  await aws.close();
});
beforeEach(() => (refused = []));

it("is no matter to the vault: KMS says what time it is, once", async () => {
  await data.vault.put(user, "openai", "sk-1");
  await data.vault.put(user, "openai", "sk-2");
  expect((await data.vault.get(user, "openai")).reveal()).toBe("sk-2");
  expect(refused).toEqual(["TrentService"]);
});

it("is no matter to exports, nor to their links", async () => {
  const id = await data.exports.request(user, { type: "sessions", format: "jsonl" });
  await data.exports.run(id);
  expect(refused).toEqual(["S3"]);
  const link = new URL(await data.exports.download(user, id));
  const signedAt = timeOf(link.searchParams.get("X-Amz-Date") ?? "");
  expect(Math.abs(Date.now() + LATE_MS - signedAt)).toBeLessThan(60_000);
  expect(refused).toEqual(["S3"]);
});
