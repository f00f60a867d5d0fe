import { randomBytes } from "node:crypto";
import { type TokenSettingsInputs, providers, tokenSettingsLifecycle } from "../../migrator/src";
import { hmacPads } from "../../migrator/src/pulumi/token-settings";
import {
  AUDIENCE,
  type VerifiedFixture,
  createVerifiedFixture,
} from "../sql/verified-identity-fixture";
import { applyAll, rejection } from "../sql/sql-files";
import { createSecret } from "../support/secrets";
import { createFixture } from "./migration-fixture";

let fixture: VerifiedFixture;
let inputs: TokenSettingsInputs;

beforeAll(async () => {
  fixture = await createVerifiedFixture();
  inputs = {
    connection: fixture.settings,
    secretArn: fixture.secretArn,
    secretVersion: "one",
    audience: AUDIENCE,
    tokens: "required",
  };
});
afterAll(() => fixture.drop());

const rowsOf = async () => {
  const migrator = await fixture.database.connect("migrator");
  const { rows } = await migrator.query<Record<string, unknown>>(
    "select * from auth.token_settings",
  );
  await migrator.end();
  return rows;
};

describe("the settings of tokens", () => {
  it("are set, looked at again, and cleared; a second time too", async () => {
    const made = await tokenSettingsLifecycle.create(inputs);
    expect(made).toEqual({ id: fixture.database.name, outs: inputs });
    expect(await rowsOf()).toEqual([
      {
        is_only_row: true,
        believes_claims: false,
        audience: AUDIENCE,
        current_pads: hmacPads(fixture.key),
        previous_pads: null,
      },
    ]);
    expect(await tokenSettingsLifecycle.read(made.id, made.outs)).toEqual({
      id: made.id,
      props: inputs,
      inputs,
    });
    await tokenSettingsLifecycle.delete(made.outs);
    await tokenSettingsLifecycle.delete(made.outs);
    expect(await rowsOf()).toEqual([]);
    const { props } = await tokenSettingsLifecycle.read(made.id, made.outs);
    expect(props).toEqual({ ...inputs, tokens: "none" });
    expect(tokenSettingsLifecycle.diff({ ...inputs, tokens: "none" }, inputs)).toEqual({
      changes: true,
    });
  });

  it("of another life of the stack are cleared where it wants none, and no secret is asked for", async () => {
    await tokenSettingsLifecycle.create(inputs);
    const none = { ...inputs, secretArn: "of-no-secret", tokens: "none" } as const;
    const { props } = await tokenSettingsLifecycle.read("x", none);
    expect(props).toMatchObject({ tokens: "required" });
    const { outs } = await tokenSettingsLifecycle.create(none);
    expect(await rowsOf()).toEqual([]);
    expect(await tokenSettingsLifecycle.read("x", outs)).toEqual({
      id: "x",
      props: none,
      inputs: none,
    });

    // As the emulator that forgot: what the state names is nowhere, and is not asked.
    await tokenSettingsLifecycle.create(inputs);
    const dead = {
      ...inputs.connection,
      credentials: { kind: "secret", secretId: "of-no-secret" },
    } as const;
    await providers.TokenSettings.update("x", { ...inputs, connection: dead }, none);
    expect(await rowsOf()).toEqual([]);
  });

  it("hold no key, in inputs, state or SQL", async () => {
    const { outs } = await tokenSettingsLifecycle.create(inputs);
    const told = JSON.stringify([inputs, outs, await tokenSettingsLifecycle.read("x", outs)]);
    for (const form of ["base64", "base64url", "hex"] as const) {
      expect(told).not.toContain(fixture.key.toString(form));
      expect(told).not.toContain(hmacPads(fixture.key).toString(form).slice(0, 40));
    }
    expect(told).toContain(fixture.secretArn);
  });

  it("show in a refresh what was changed by hand, and are set right again", async () => {
    await tokenSettingsLifecycle.create(inputs);
    const migrator = await fixture.database.connect("migrator");
    for (const [change, shown] of [
      ["believes_claims = true", { tokens: "prepared" }],
      ["audience = 'another'", { audience: "another" }],
      ["current_pads = repeat('x', 128)::bytea", { secretVersion: "" }],
    ] as const) {
      await migrator.query(`update auth.token_settings set ${change}`);
      const found = await tokenSettingsLifecycle.read("x", inputs);
      expect(found.inputs).toEqual({ ...inputs, ...shown });
      expect(tokenSettingsLifecycle.diff({ ...inputs, ...shown }, inputs)).toEqual({
        changes: true,
      });
      await tokenSettingsLifecycle.update(inputs);
      expect((await tokenSettingsLifecycle.read("x", inputs)).inputs).toEqual(inputs);
    }
    expect(tokenSettingsLifecycle.diff(inputs, inputs)).toEqual({ changes: false });
  });

  it("show at preview what a restored snapshot or a hand has changed, and nothing else", async () => {
    const drifts = async (olds: Partial<TokenSettingsInputs>, news = inputs) => {
      const { inputs: checked, failures } = await tokenSettingsLifecycle.check(olds, news);
      expect(failures).toEqual([]);
      const { changes } = tokenSettingsLifecycle.diff(news, checked);
      expect(changes).toBe((checked.drift ?? []).length > 0);
      return checked.drift;
    };
    await tokenSettingsLifecycle.create(inputs);
    expect(await drifts(inputs)).toEqual([]);
    expect(await drifts({ ...inputs, drift: ["tokens are none"] })).toEqual([]);
    const none = { ...inputs, tokens: "none" } as const;
    expect(await drifts(none, none)).toEqual(["tokens are required"]);

    const migrator = await fixture.database.connect("migrator");
    await migrator.query(`update auth.token_settings set
      believes_claims = true, audience = 'another', current_pads = repeat('x', 128)::bytea`);
    expect(await drifts(inputs)).toEqual([
      "tokens are prepared",
      "the audience is another",
      "the key is another",
    ]);
    await migrator.query("delete from auth.token_settings");
    expect(await drifts(inputs)).toEqual(["tokens are none"]);
    expect(await drifts(none, none)).toEqual([]);
    const { outs } = await tokenSettingsLifecycle.update({ ...inputs, drift: ["tokens are none"] });
    expect(outs).toEqual(inputs);
    expect(await drifts(inputs)).toEqual([]);
  });

  it("are not looked at before they are made, where they change, or where nobody answers", async () => {
    const nowhere = { ...inputs, connection: { ...inputs.connection, port: 1 } };
    for (const [olds, news] of [
      [{}, inputs],
      [{ ...inputs, audience: "another" }, inputs],
      [nowhere, nowhere],
      [
        { ...inputs, secretArn: "of-no-secret" },
        { ...inputs, secretArn: "of-no-secret" },
      ],
    ] as const) {
      const checked = await tokenSettingsLifecycle.check(olds, news);
      expect(checked).toEqual({ inputs: news, failures: [] });
    }
  });

  it("are refused while app takes on service_role, and nothing is changed", async () => {
    await tokenSettingsLifecycle.delete(inputs);
    const superuser = await fixture.database.connect("postgres");
    await superuser.query("grant service_role to app with inherit false granted by master");
    const { message } = await rejection(tokenSettingsLifecycle.create(inputs));
    expect(message).toBe(
      "MIG095 Who is signed in would not be verified: app is a member of service_role, and so needs no " +
        "token to see the rows of all users. As the master user: revoke service_role from app; or bring " +
        "the stack's roles up with --refresh. Nothing was changed.",
    );
    expect(await rowsOf()).toEqual([]);
    // Prepared, the application goes on as it did.
    await tokenSettingsLifecycle.create({ ...inputs, tokens: "prepared" });
    await superuser.query("revoke service_role from app granted by master");
    await tokenSettingsLifecycle.update(inputs);
    expect(await rowsOf()).toMatchObject([{ believes_claims: false }]);
  });

  it("are refused without 006, and there is nothing to clear", async () => {
    const { database, settings: connection } = await createFixture();
    try {
      await applyAll(await database.connect("migrator"));
      const { message } = await rejection(tokenSettingsLifecycle.create({ ...inputs, connection }));
      expect(message).toMatch(
        /^MIG095 .* Apply 006_verified_identity, or set identity\.tokens to none/,
      );
      const none = { ...inputs, connection, tokens: "none" } as const;
      const { outs } = await tokenSettingsLifecycle.create(none);
      expect((await tokenSettingsLifecycle.read("x", outs)).props).toEqual(none);
      await tokenSettingsLifecycle.delete(none);
    } finally {
      await database.drop();
    }
  });

  it.each([
    ["no key", { password: "canary-of-a-secret" }],
    ["a short key", { key: randomBytes(16).toString("base64") }],
    ["a key that is no text", { key: 7 }],
    ["no object", "canary-of-a-secret"],
  ])("are refused for a secret with %s, which is not repeated", async (_, value) => {
    const secretArn = await createSecret(value);
    const { message } = await rejection(tokenSettingsLifecycle.create({ ...inputs, secretArn }));
    expect(message).toBe(
      `MIG004 The secret ${secretArn} holds no signing key: it must be a JSON object with a text field ` +
        '"key", 32 random bytes or more in Base64.',
    );
  });

  it("are what Pulumi finds by the name in its state", async () => {
    await providers.TokenSettings.update("x", inputs, { ...inputs, tokens: "prepared" });
    expect(await rowsOf()).toMatchObject([{ believes_claims: true }]);
    await providers.TokenSettings.delete("x", inputs);
    expect(await rowsOf()).toEqual([]);
  });
});

describe("drift", () => {
  it("is not which of the stack's logins takes on service_role; all else is", async () => {
    const { findDrift } = await import("../../migrator/src/judge/drift");
    const { applyPending } = await import("../../migrator/src");
    const { projectTrios } = await import("./migration-fixture");
    const { database, settings } = await createFixture();
    const superuser = await database.connect("postgres");
    const drift = async () => (await findDrift(settings)).map(({ what }) => what);
    try {
      await superuser.query("revoke service_role from service granted by master");
      await applyPending(settings, projectTrios(), { connectRoles: ["app"] });
      expect(await drift()).toEqual([]);
      await superuser.query(`
        grant service_role to service with inherit false, set true granted by master;
        grant service_role to app with inherit false, set true granted by master`);
      expect(await drift()).toEqual([]);
      await superuser.query("grant authenticated to service with inherit false granted by master");
      expect(await drift()).toEqual([
        "role service became a member of authenticated (admin false, inherit false, set true)",
      ]);
      await superuser.query("revoke authenticated from service granted by master");
      await superuser.query("grant service_role to service with inherit true granted by master");
      expect(await drift()).toHaveLength(1);
    } finally {
      await superuser.query(`
        grant service_role to service with inherit false, set true granted by master;
        revoke service_role from app granted by master`);
      await database.drop();
    }
  });
});
