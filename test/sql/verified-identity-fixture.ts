import { createHmac, randomBytes } from "node:crypto";
import type { ClientBase } from "pg";
import { tokenSettingsLifecycle } from "../../migrator/src";
import { type MigratorFixture, createFixture } from "../migrator/migration-fixture";
import { createSecret } from "../support/secrets";
import { applyThrough } from "./sql-files";

export const A = "aaaaaaaa-0000-4000-8000-000000000001";
export const B = "bbbbbbbb-0000-4000-8000-000000000002";
export const AUDIENCE = "app-data";
export const now = () => Math.floor(Date.now() / 1000);

/** Any token: of any header, claims and key. */
export function forge(
  claims: unknown,
  key: Buffer,
  { header = { alg: "HS256", typ: "JWT" } as unknown, algorithm = "sha256" } = {},
): string {
  const encode = (value: unknown) =>
    (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))).toString("base64url");
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createHmac(algorithm, key).update(signed).digest("base64url")}`;
}

/** A database with two users in it that verifies tokens, and what they are signed with. */
export interface VerifiedFixture extends MigratorFixture {
  key: Buffer;
  secretArn: string;
  /** Sets the switch, as the stack does. */
  setTokens(changes: { required: boolean; secretArn?: string }): Promise<void>;
  /** One transaction of a signed-in user that `app` begins with a token; rolled back. */
  withToken<T>(token: string, work: (client: ClientBase) => Promise<T>): Promise<T>;
  /** What both functions say of a token. */
  usersOf(token: string): Promise<{ uid: string | null; verified: string | null }>;
  /** Gives the server's roles back what they had, and drops the database. */
  drop(): Promise<void>;
}

/** Makes `app` no member of service_role, as a stack does that requires tokens. */
export async function createVerifiedFixture(): Promise<VerifiedFixture> {
  const fixture = await createFixture();
  const { database, settings: connection } = fixture;
  const superuser = await database.connect("postgres");
  await applyThrough(await database.connect("migrator"), "006_verified_identity");
  await superuser.query(`
    grant connect on database ${database.name} to service;
    revoke service_role from app granted by master;
    insert into public.users (id, email) values ('${A}', 'a@example.org'), ('${B}', 'b@example.org');
    insert into public.user_progress (user_id) values ('${A}'), ('${B}')`);
  const key = randomBytes(32);
  const secretArn = await createSecret({ key: key.toString("base64") });
  const withToken: VerifiedFixture["withToken"] = (token, work) =>
    database.asRole("authenticated", undefined, async (client) => {
      await client.query("select set_config('request.jwt.token', $1, true)", [token]);
      return work(client);
    });
  return {
    ...fixture,
    key,
    secretArn,
    async setTokens({ required, ...others }) {
      const tokens = required ? "required" : "prepared";
      const secret = { secretArn, secretVersion: "1", ...others };
      await tokenSettingsLifecycle.update({ connection, audience: AUDIENCE, tokens, ...secret });
    },
    withToken,
    usersOf: (token) =>
      withToken(token, async (client) => {
        const { rows } = await client.query<{ uid: string | null; verified: string | null }>(
          "select auth.uid() as uid, auth.verified_uid() as verified",
        );
        return rows[0] ?? { uid: null, verified: null };
      }),
    async drop() {
      await superuser.query(
        "grant service_role to app with inherit false, set true granted by master",
      );
      await database.drop();
    },
  };
}
