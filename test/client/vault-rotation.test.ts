import { randomUUID } from "node:crypto";
import type { AppData } from "../../src/app-data";
import { codeOf } from "../../src/errors";
import type { RunProgress } from "../../src/vault/run";
import { type ClientDatabase, createKey, createClientDatabase } from "./client-fixture";
import { type KmsProxy, startKmsProxy } from "./kms-proxy";

let database: ClientDatabase;
let proxy: KmsProxy;
let before: AppData;
let after: AppData;
let users: string[];

beforeAll(async () => {
  [database, proxy] = await Promise.all([createClientDatabase(), startKmsProxy()]);
});
afterAll(async () => {
  await database.drop();
  await proxy.close();
});

/** 20 users with two keys each under an old KMS key, and a client that has a new one. */
beforeEach(async () => {
  proxy.reset();
  const superuser = await database.connect("postgres");
  await superuser.query("delete from public.users");
  const { endpoint } = proxy;
  before = await database.open({ endpoint });
  after = await database.open({
    endpoint,
    apiKeysKeyArn: await createKey(),
    apiKeysOtherKeyArns: [before.settings.apiKeysKeyArn],
  });
  users = Array.from({ length: 20 }, () => randomUUID()).sort();
  for (const id of users) {
    await before.asUser(id, (db) =>
      db
        .insertInto("users")
        .values({ id, email: `${id}@example.org` })
        .execute(),
    );
    await before.vault.put(id, "openai", `openai of ${id}`);
    await before.vault.put(id, "google", `google of ${id}`);
  }
});

const disable = (keyArn: string) => {
  proxy.decide = (_, used) => (used === keyArn ? { error: "DisabledException" } : "forward");
};

/** Whose keys can be read, by a client that has not decrypted them before. */
async function readable(from: AppData): Promise<string[]> {
  const fresh = await database.open(from.settings);
  const values = await Promise.all(
    users.map(async (id) => {
      const secret = await fresh.vault.get(id, "openai").catch((error) => codeOf(error));
      return secret === "KEY005"
        ? ""
        : secret === undefined || typeof secret === "string"
          ? "?"
          : id;
    }),
  );
  return values.filter((id) => id !== "");
}

describe("a change of the key, process by process", () => {
  /** The steps of docs/client.md, "Rotation of the key": who runs with which settings. */
  const steps = async () => {
    const { apiKeysKeyArn: next, apiKeysOtherKeyArns: others } = after.settings;
    const first = before.settings.apiKeysKeyArn;
    expect(others).toEqual([first]);
    const nextIsKnown = await database.open({ apiKeysOtherKeyArns: [next] });
    const nextIsWritten = await database.open({
      apiKeysKeyArn: next,
      apiKeysOtherKeyArns: [first],
    });
    const firstIsGone = await database.open({ apiKeysKeyArn: next });
    return { nextIsKnown, nextIsWritten, firstIsGone };
  };
  const everybodyReads = async (clients: readonly AppData[], value: string) => {
    for (const client of clients) {
      for (const id of users.slice(0, 3)) {
        expect((await client.vault.get(id, "openai")).reveal()).toBe(value);
      }
    }
  };
  const put = async (client: AppData, value: string) => {
    for (const id of users.slice(0, 3)) await client.vault.put(id, "openai", value);
  };

  it("breaks nothing on its way: processes of two neighbouring steps read what the other wrote", async () => {
    const { nextIsKnown, nextIsWritten, firstIsGone } = await steps();
    await put(nextIsKnown, "known");
    await everybodyReads([before, nextIsKnown, nextIsWritten], "known");
    await put(before, "before");
    await everybodyReads([before, nextIsKnown, nextIsWritten], "before");
    await put(nextIsWritten, "written");
    await everybodyReads([nextIsKnown, nextIsWritten, firstIsGone], "written");
    await put(nextIsKnown, "known again");
    await everybodyReads([nextIsKnown, nextIsWritten], "known again");

    expect(await nextIsWritten.vault.rotate()).toMatchObject({ due: 20, rotated: 20, failed: 0 });
    await everybodyReads([nextIsKnown, nextIsWritten, firstIsGone], "known again");
    await put(firstIsGone, "gone");
    await everybodyReads([nextIsKnown, nextIsWritten, firstIsGone], "gone");
  });

  it("KEY010 where a step was left out, and for a key that the stack has no longer", async () => {
    const { nextIsWritten, firstIsGone } = await steps();
    const user = users[0] ?? "";
    const unknown = async (client: AppData, keyArn: string) =>
      expect(client.vault.get(user, "openai")).rejects.toThrow(
        `KEY010 The user's API keys are encrypted under the KMS key ${keyArn}, which is neither ` +
          "apiKeysKeyArn nor one of apiKeysOtherKeyArns. If the stack has that key, the settings of this " +
          "process are older than a rotation: start it with the stack's present outputs. Otherwise " +
          "name it in apiKeysOtherKeyArns until `vault rotate` has gone through.",
      );
    await unknown(firstIsGone, before.settings.apiKeysKeyArn);
    await nextIsWritten.vault.put(user, "openai", "written");
    await unknown(before, nextIsWritten.settings.apiKeysKeyArn);
  });

  it("takes the same way back until the first key is gone", async () => {
    const { nextIsKnown, nextIsWritten } = await steps();
    await nextIsWritten.vault.rotate();
    expect(await nextIsKnown.vault.rotate()).toMatchObject({ due: 20, rotated: 20, failed: 0 });
    expect((await before.vault.get(users[0] ?? "", "google")).reveal()).toBe(
      `google of ${users[0]}`,
    );
  });
});

describe("vault.rotate", () => {
  it("moves all users to the new key, after which the old one can be disabled", async () => {
    disable(before.settings.apiKeysKeyArn);
    expect(await readable(after)).toEqual([]);
    proxy.reset();

    const progress: RunProgress[] = [];
    const result = await after.vault.rotate({
      batchSize: 8,
      onProgress: (each) => void progress.push(each),
    });
    expect(result).toMatchObject({ due: 20, rotated: 20, users: 20, failed: 0, isComplete: true });
    expect(progress.at(-1)?.users).toBe(20);
    expect(progress.length).toBeGreaterThanOrEqual(3);
    expect(progress.at(-1)?.usersPerSecond).toBeGreaterThan(0);

    disable(before.settings.apiKeysKeyArn);
    expect(await readable(after)).toEqual(users);
    for (const id of users) {
      expect((await after.vault.get(id, "google")).reveal()).toBe(`google of ${id}`);
    }
    expect(await after.vault.rotate()).toMatchObject({ due: 0, rotated: 0 });
  });

  it("counts without changing anything in a dry run", async () => {
    expect(await after.vault.rotate({ dryRun: true })).toMatchObject({ due: 20, rotated: 0 });
    expect(proxy.calls["Decrypt"]).toBe(20); // Of the puts above.
    expect(await after.vault.rotate({ dryRun: true })).toMatchObject({ due: 20 });
  });

  it("goes on where it was stopped, by its caller or by its deadline", async () => {
    const controller = new AbortController();
    const first = await after.vault.rotate({
      batchSize: 6,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(first.isComplete).toBe(false);
    expect(first.rotated).toBeGreaterThanOrEqual(1);
    expect(first.rotated).toBeLessThanOrEqual(6);
    expect(await after.vault.rotate({ deadlineMs: 0 })).toMatchObject({
      users: 0,
      rotated: 0,
      isComplete: false,
    });
    const left = 20 - first.rotated;
    expect(await after.vault.rotate()).toMatchObject({
      users: 20,
      due: left,
      rotated: left,
      isComplete: true,
    });
  });

  it("comes to different users first, so that runs which are all cut off come to everybody", async () => {
    let rotated = 0;
    for (let run = 0; run < 30; run += 1) {
      const controller = new AbortController();
      const cutOff = await after.vault.rotate({
        batchSize: 1,
        signal: controller.signal,
        onProgress: () => controller.abort(),
      });
      expect(cutOff.users).toBe(1);
      rotated += cutOff.rotated;
    }
    expect(rotated).toBeGreaterThan(1);
  });

  it("loses nothing that users put meanwhile", async () => {
    const [rotation] = await Promise.all([
      after.vault.rotate(),
      ...users.map((id) => after.vault.put(id, "anthropic", `anthropic of ${id}`)),
    ]);
    expect(rotation.failed).toBe(0);
    for (const id of users) {
      expect((await after.vault.list(id)).map(({ provider }) => provider)).toEqual([
        "anthropic",
        "google",
        "openai",
      ]);
    }
    expect(await after.vault.rotate({ dryRun: true })).toMatchObject({ due: 0 });
  });

  it("tells whose keys it cannot read, and rotates the others", async () => {
    const superuser = await database.connect("postgres");
    const broken = users[3];
    await superuser.query(
      "update public.user_api_keys set encrypted_keys = '\\x00' where user_id = $1",
      [broken],
    );
    expect(await after.vault.rotate()).toMatchObject({
      rotated: 19,
      failed: 1,
      failures: [{ userId: broken, code: "KEY008" }],
    });
  });

  it("ends at once where KMS refuses everything", async () => {
    proxy.decide = () => ({ error: "AccessDeniedException" });
    await expect(after.vault.rotate()).rejects.toThrow("KEY006");
    proxy.reset();
    expect(await after.vault.rotate({ dryRun: true })).toMatchObject({ due: 20 });
  });
});
