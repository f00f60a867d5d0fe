import { randomBytes, randomUUID } from "node:crypto";
import { TokenSigner } from "../../src/session/token-signer";
import { readSettings } from "../../src/settings";
import { changeSecret, createSecret } from "../support/secrets";
import { type EmulatorProxy, startEmulatorProxy } from "./emulator-proxy";

const MINUTE_MS = 60_000;
const user = randomUUID();
const newKey = () => ({ key: randomBytes(32).toString("base64") });

let secretsManager: EmulatorProxy;
/** What it does with a call. */
let outcome: "answer" | "refuse" | "hang";
let calls = 0;

beforeAll(async () => {
  secretsManager = await startEmulatorProxy((_incoming, _body, outgoing) => {
    calls += 1;
    if (outcome === "refuse") {
      outgoing.writeHead(400, { "content-type": "application/x-amz-json-1.1" });
      outgoing.end(JSON.stringify({ __type: "AccessDeniedException", message: "No." }));
    }
    return outcome !== "answer";
  });
});
afterAll(() => secretsManager.close());
beforeEach(() => {
  outcome = "answer";
  calls = 0;
});
afterEach(() => jest.restoreAllMocks());

/** One that has read nothing yet, and a clock that goes by hand. */
async function createSigner() {
  const secretArn = await createSecret(newKey());
  const settings = readSettings({
    endpoint: secretsManager.endpoint,
    region: "eu-central-1",
    appSecretArn: "none",
    apiKeysKeyArn: "none",
    apiKeysContext: {},
    exportsBucket: "none",
  });
  let now = Date.now();
  jest.spyOn(Date, "now").mockImplementation(() => now);
  return {
    secretArn,
    signer: new TokenSigner(settings, secretArn, "app-data"),
    /** Of a process that starts now. */
    another: () => new TokenSigner(settings, secretArn, "app-data"),
    pass: (ms: number) => (now += ms),
  };
}

describe("the key that signs tokens", () => {
  it("is read once for all who ask at the same time", async () => {
    const { signer } = await createSigner();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => signer.sign(user)));
    expect(new Set(tokens).size).toBe(1);
    expect(calls).toBe(1);
  });

  it("is read again after five minutes, and goes on until the answer is there", async () => {
    const { signer, secretArn, another, pass } = await createSigner();
    const before = await signer.sign(user, 3_600);
    await changeSecret(secretArn, newKey());
    pass(4 * MINUTE_MS);
    expect(await signer.userOf(before)).toBe(user);
    expect(calls).toBe(1);
    pass(2 * MINUTE_MS);
    expect(await signer.sign(user)).not.toBe(await another().sign(user));
    await signer["reading"];
    expect(await signer.sign(user)).toBe(await another().sign(user));
  });

  it("signs nobody out when it is replaced once, in whichever process they ask", async () => {
    const { signer, secretArn, another, pass } = await createSigner();
    const before = await signer.sign(user, 3_600);
    await changeSecret(secretArn, newKey());
    const started = another();
    expect(await started.userOf(before)).toBe(user);
    // This one has not taken up the key yet that the other signs with.
    expect(await signer.userOf(await started.sign(user, 3_600))).toBe(user);
    pass(6 * MINUTE_MS);
    expect(await signer.userOf(before)).toBe(user);

    await changeSecret(secretArn, newKey());
    pass(6 * MINUTE_MS);
    expect(await signer.userOf(before)).toBeUndefined();
    expect(await another().userOf(before)).toBeUndefined();
  });

  it("is not asked for by each token that is none of ours", async () => {
    const { signer } = await createSigner();
    const [header, payload] = (await signer.sign(user)).split(".");
    const forged = () => `${header}.${payload}.${randomBytes(32).toString("base64url")}`;
    for (let index = 0; index < 5; index += 1) {
      expect(await signer.userOf(forged())).toBeUndefined();
    }
    expect(calls).toBe(3);
  });

  it("is waited for after ten minutes", async () => {
    const { signer, secretArn, another, pass } = await createSigner();
    await signer.sign(user);
    await changeSecret(secretArn, newKey());
    pass(11 * MINUTE_MS);
    expect(await signer.sign(user)).toBe(await another().sign(user));
  });

  it.each(["refuse", "hang"] as const)(
    "goes on at once where Secrets Manager does not answer (%s), and is asked for again a minute later",
    async (what) => {
      const { signer, secretArn, another, pass } = await createSigner();
      const before = await signer.sign(user, 3_600);
      await changeSecret(secretArn, newKey());
      pass(6 * MINUTE_MS);
      outcome = what;
      const started = performance.now();
      const [found] = await Promise.all([signer.userOf(before), signer.sign(user)]);
      expect(found).toBe(user);
      // One attempt that is not answered takes two seconds.
      expect(performance.now() - started).toBeLessThan(1_000);
      await signer["reading"];
      const after = calls;
      expect(await signer.userOf(before)).toBe(user);
      expect(calls).toBe(after);
      outcome = "answer";
      pass(2 * MINUTE_MS);
      await signer.sign(user);
      await signer["reading"];
      expect(await signer.sign(user)).toBe(await another().sign(user));
    },
  );

  it("that was never there is an error, within ten seconds, and is asked for at the next call", async () => {
    const { signer } = await createSigner();
    outcome = "hang";
    const started = performance.now();
    await expect(signer.sign(user)).rejects.toThrow("CFG104");
    expect(performance.now() - started).toBeLessThan(10_000);
    outcome = "answer";
    expect(await signer.userOf(await signer.sign(user))).toBe(user);
  });
});
