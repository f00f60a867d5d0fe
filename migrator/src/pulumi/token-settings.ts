import { createHash, createHmac, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { defaultContract } from "@app-data/rules";
import type { ClientBase } from "pg";
import { withConnection } from "../database/connection";
import { readSigningKey } from "../database/database-secret";
import type { ConnectionSettings } from "../database/settings";
import { inReadOnlyTransaction, inTransaction } from "../database/transaction";
import { CODES, MigratorError } from "../errors";
import type { CheckResult } from "./resource";

/** How the database verifies tokens, as a resource. The signing key is named, never held. */
export interface TokenSettingsInputs {
  connection: ConnectionSettings;
  /** ARN of the secret with the signing key. */
  secretArn: string;
  /** Version of the secret: another one means another key. "" where the database has none of them. */
  secretVersion: string;
  /** What a token has to be for. */
  audience: string;
  /** `none` has no row; with `required` `auth.uid()` believes nothing else. */
  tokens: "none" | "prepared" | "required";
  /** What the row says in place of that, a sentence each; filled in by the provider. */
  drift?: string[];
}

const BLOCK_BYTES = 64;
const PROOF_SECONDS = 60;

/** What happens to the row of `auth.token_settings`, step by step. */
export const tokenSettingsLifecycle = {
  /**
   * Reads the row where nothing else would change it, so that a preview shows one of a restored snapshot,
   * or that was changed by hand. Where database or secret cannot be reached nothing is said of it.
   */
  async check(
    olds: Partial<TokenSettingsInputs>,
    news: TokenSettingsInputs,
  ): Promise<CheckResult<TokenSettingsInputs>> {
    if (!isDeepStrictEqual(comparable(olds), comparable(news))) {
      return { inputs: news, failures: [] };
    }
    try {
      return { inputs: { ...news, drift: driftOf(news, await inputsNow(news)) }, failures: [] };
    } catch (error) {
      if (!(error instanceof MigratorError)) throw error;
      return { inputs: news, failures: [] };
    }
  },

  /** Nothing is ever replaced: the key before has to stay known for a while. */
  diff(olds: TokenSettingsInputs, news: TokenSettingsInputs): { changes: boolean } {
    const drifted = (news.drift ?? []).length > 0;
    return { changes: drifted || !isDeepStrictEqual(comparable(olds), comparable(news)) };
  },

  /** Sets the row, and proves what it does before it is committed; with `none` clears it. */
  async create(inputs: TokenSettingsInputs): Promise<{ id: string; outs: TokenSettingsInputs }> {
    await setTokens(inputs);
    return { id: inputs.connection.database, outs: comparable(inputs) };
  },

  /** As create; the key that is replaced goes on being accepted. */
  async update(news: TokenSettingsInputs): Promise<{ outs: TokenSettingsInputs }> {
    await setTokens(news);
    return { outs: comparable(news) };
  },

  /** What the row says now, so that a refresh shows what was changed by hand. */
  async read(
    id: string,
    state: TokenSettingsInputs,
  ): Promise<{ id: string; props: TokenSettingsInputs; inputs: TokenSettingsInputs }> {
    const now = await inputsNow(state);
    return { id, props: now, inputs: now };
  },

  /** With the stack, the row. */
  async delete({ connection }: TokenSettingsInputs): Promise<void> {
    await clearTokens(connection);
  },
};

/** The inputs, without what the engine and the provider add to them. */
function comparable(inputs: TokenSettingsInputs): TokenSettingsInputs;
function comparable(inputs: Partial<TokenSettingsInputs>): Partial<TokenSettingsInputs>;
function comparable(inputs: Partial<TokenSettingsInputs>): Partial<TokenSettingsInputs> {
  const { connection, secretArn, secretVersion, audience, tokens } = inputs;
  return { connection, secretArn, secretVersion, audience, tokens };
}

/** The inputs that would make the row what it is. */
async function inputsNow(inputs: TokenSettingsInputs): Promise<TokenSettingsInputs> {
  const pads =
    inputs.tokens === "none" ? undefined : hmacPads(await readSigningKey(inputs.secretArn));
  const found = await withConnection(inputs.connection, (client) =>
    inReadOnlyTransaction(client, () => readRow(client, pads)),
  );
  if (!found) return { ...comparable(inputs), tokens: "none" };
  const { audience, required, hasKey } = found;
  const tokens = required ? "required" : "prepared";
  const secretVersion = hasKey === false ? "" : inputs.secretVersion;
  return { ...comparable(inputs), audience, tokens, secretVersion };
}

function driftOf(wanted: TokenSettingsInputs, found: TokenSettingsInputs): string[] {
  return [
    ...(found.tokens === wanted.tokens ? [] : [`tokens are ${found.tokens}`]),
    ...(found.audience === wanted.audience ? [] : [`the audience is ${found.audience}`]),
    ...(found.secretVersion === wanted.secretVersion ? [] : ["the key is another"]),
  ];
}

/** Forgets the keys: `auth.uid()` believes the claims of a request again. */
async function clearTokens(connection: ConnectionSettings): Promise<void> {
  await withConnection(connection, (client) =>
    inTransaction(client, async () => {
      if (await isThere(client)) await client.query("delete from auth.token_settings");
    }),
  );
}

/** The key's inner and outer pad (RFC 2104), 64 bytes each, one behind the other. */
export function hmacPads(key: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  (key.length > BLOCK_BYTES ? createHash("sha256").update(key).digest() : key).copy(block);
  return Buffer.concat([block.map((byte) => byte ^ 0x36), block.map((byte) => byte ^ 0x5c)]);
}

/** @throws MigratorError MIG095 when the database would not verify who is signed in. */
async function setTokens(inputs: TokenSettingsInputs): Promise<void> {
  const { audience, tokens } = inputs;
  if (tokens === "none") return clearTokens(inputs.connection);
  const key = await readSigningKey(inputs.secretArn);
  await withConnection(inputs.connection, (client) =>
    inTransaction(client, async () => {
      if (!(await isThere(client))) {
        throw notVerified(
          "there is no auth.token_settings. Apply 006_verified_identity, or set identity.tokens to none",
        );
      }
      await client.query(
        `insert into auth.token_settings as t (believes_claims, audience, current_pads)
         values (not $1::boolean, $2, $3)
         on conflict (is_only_row) do update set
           believes_claims = excluded.believes_claims,
           audience = excluded.audience,
           current_pads = excluded.current_pads,
           previous_pads = case when t.current_pads = excluded.current_pads
             then t.previous_pads else t.current_pads end`,
        [tokens === "required", audience, hmacPads(key)],
      );
      await prove(client, key, inputs);
    }),
  );
}

/** Tries a token and a mere claim, as a request would, and whether the application can do without. */
async function prove(
  client: ClientBase,
  key: Buffer,
  { audience, tokens }: TokenSettingsInputs,
): Promise<void> {
  const [signedIn, claimed] = [randomUUID(), randomUUID()];
  const identity = async (token: string) => {
    await client.query(
      "select set_config('request.jwt.token', $1, true), set_config('request.jwt.claims', $2, true)",
      [token, JSON.stringify({ sub: claimed })],
    );
    const { rows } = await client.query<{ uid: string | null; verified: string | null }>(
      "select auth.uid() as uid, auth.verified_uid() as verified",
    );
    return rows[0] ?? { uid: null, verified: null };
  };
  const byToken = await identity(sign(key, signedIn, audience));
  if (byToken.verified !== signedIn) {
    throw notVerified(
      "auth.verified_uid() does not give the user of a token that was signed with the key. Compare " +
        "the clock of this machine with the server's, and run `npx migrator drift`",
    );
  }
  if (tokens !== "required") return;
  const byClaim = await identity("");
  if (byToken.uid !== signedIn || byClaim.uid !== null) {
    throw notVerified(
      "auth.uid() does not ask auth.verified_uid(). Where the application brought its own auth.uid(), " +
        "let that return auth.verified_uid() while auth.tokens_required()",
    );
  }
  const { loginRole, backOfficeRoles } = defaultContract;
  const { rows } = await client.query<{ role: string }>(
    `select role from unnest($2::text[]) as role
      where to_regrole(role) is not null and pg_has_role($1, role, 'member')`,
    [loginRole, backOfficeRoles],
  );
  const reached = rows.map(({ role }) => role).join(", ");
  if (reached === "") return;
  throw notVerified(
    `${loginRole} is a member of ${reached}, and so needs no token to see the rows of all users. ` +
      `As the master user: revoke ${reached} from ${loginRole}; or bring the stack's roles up with --refresh`,
  );
}

function sign(key: Buffer, sub: string, aud: string): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + PROOF_SECONDS;
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub, aud, exp })}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

async function readRow(
  client: ClientBase,
  pads: Buffer | undefined,
): Promise<{ audience: string; required: boolean; hasKey: boolean | null } | undefined> {
  if (!(await isThere(client))) return undefined;
  const { rows } = await client.query<{
    audience: string;
    required: boolean;
    hasKey: boolean | null;
  }>(
    `select audience, not believes_claims as required, current_pads = $1 as "hasKey" from auth.token_settings`,
    [pads],
  );
  return rows[0];
}

async function isThere(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ isThere: boolean }>(
    `select to_regclass('auth.token_settings') is not null as "isThere"`,
  );
  return rows[0]?.isThere === true;
}

function notVerified(reason: string): MigratorError {
  return new MigratorError(
    CODES.identityNotVerified,
    `Who is signed in would not be verified: ${reason}. Nothing was changed.`,
  );
}
