import { randomUUID } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { GetObjectCommand, ListObjectVersionsCommand, S3Client } from "@aws-sdk/client-s3";
import type { AppData } from "../../src/app-data";
import { holds } from "./canary";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";
import { filesInZip } from "./zip-file";

const CANARY = `canary-${randomUUID()}`;
const EMAIL = `${randomUUID()}@example.org`;

let database: ClientDatabase;
let data: AppData;
const user = randomUUID();

beforeAll(async () => {
  database = await createClientDatabase();
  data = await database.open();
  await data.asUser(user, async (db) => {
    await db.insertInto("users").values({ id: user, email: EMAIL }).execute();
    await db
      .insertInto("sessions")
      .values({ user_id: user, started_at: "2026-03-02T10:00:00Z" })
      .execute();
  });
  await data.vault.put(user, "openai", "sk-of-before");
  await data.vault.put(user, "openai", CANARY);
  for (const [type, format] of [
    ["full", "jsonl"],
    ["sessions", "csv"],
  ] as const) {
    await data.exports.run(await data.exports.request(user, { type, format }));
  }
});
afterAll(() => database.drop());

/** Every row of every table, the catalog's too, as text. */
async function dump(): Promise<string> {
  const superuser = await database.connect("postgres");
  const { rows: tables } = await superuser.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relkind in ('r', 'm')",
  );
  const lines: string[] = [];
  for (const { name } of tables) {
    const { rows } = await superuser.query({
      text: `select t::text from ${name} t`,
      rowMode: "array",
    });
    lines.push(...rows.map(([row]) => `${name} ${row}`));
  }
  return lines.join("\n");
}

/** Every version of every object with its name, unpacked. */
async function copyOfBucket(): Promise<string[]> {
  const s3 = new S3Client({ forcePathStyle: true });
  const where = { Bucket: database.settings.exportsBucket };
  const { Versions = [] } = await s3.send(new ListObjectVersionsCommand(where));
  const copies = await Promise.all(
    Versions.map(async ({ Key = "", VersionId }) => {
      const { Body } = await s3.send(new GetObjectCommand({ ...where, Key, VersionId }));
      const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
      const files = Key.endsWith(".zip") ? [...filesInZip(bytes).values()] : [gunzipSync(bytes)];
      return [Key, bytes.toString("latin1"), ...files.map((file) => file.toString())].join("\n");
    }),
  );
  s3.destroy();
  return copies;
}

describe("a stolen copy", () => {
  it("of the database has no API key in clear, and all other rows", async () => {
    const copy = await dump();
    expect(copy).toMatch(/^user_api_keys .*\\x0204/m);
    expect(holds(copy, EMAIL)).toBe(true);
    expect(holds(copy, CANARY)).toBe(false);
    expect(holds(copy, "sk-of-before")).toBe(false);
  });

  it("of the bucket, decrypted, has the exports' rows and no API key", async () => {
    const copies = await copyOfBucket();
    expect(copies).toHaveLength(2);
    expect(copies.filter((copy) => holds(copy, "2026-03-02"))).toHaveLength(2);
    expect(copies.filter((copy) => holds(copy, EMAIL))).toHaveLength(1);
    expect(copies.filter((copy) => holds(copy, CANARY))).toEqual([]);
  });

  it("would show an API key, as it is, in hexadecimal digits or in Base64", () => {
    for (const before of ["", ".", "..", "..."]) {
      const text = `${before}${CANARY}...`;
      for (const encoding of ["utf8", "hex", "base64"] as const) {
        expect(holds(Buffer.from(text).toString(encoding), CANARY)).toBe(true);
      }
    }
    expect(holds(EMAIL, CANARY)).toBe(false);
  });
});
