import { createHmac } from "node:crypto";
import { type Client, DatabaseError } from "pg";
import { signToken } from "../../src/session/token";
import {
  A,
  AUDIENCE,
  B,
  type VerifiedFixture,
  createVerifiedFixture,
  forge,
  now,
} from "./verified-identity-fixture";

// Somebody runs any SQL as the login `app`, in the session of a request that is A's own.

let fixture: VerifiedFixture;
let key: Buffer;

beforeAll(async () => {
  fixture = await createVerifiedFixture();
  ({ key } = fixture);
  await fixture.setTokens({ required: true });
});
afterAll(() => fixture.drop());

const tokenOf = (userId: string) => signToken({ secret: key, userId, audience: AUDIENCE });

/** What a session sees that does as it likes: how each statement ends, and whose rows come of it. */
async function attack(
  statements: readonly string[],
  token = tokenOf(A),
): Promise<{ outcomes: string[]; seen: string[] }> {
  const client = await fixture.database.connect("app");
  await client.query("select set_config('request.jwt.token', $1, false)", [token]);
  const outcomes: string[] = [];
  for (const sql of statements) {
    outcomes.push(await client.query(sql).then(() => "done", stateOf));
  }
  const seen = await rowsSeen(client);
  await client.end();
  return { outcomes, seen };
}

const stateOf = (error: unknown) => (error instanceof DatabaseError ? (error.code ?? "") : "");

/** Whose rows there are, for all that the session may still become. */
async function rowsSeen(client: Client): Promise<string[]> {
  const found = new Set<string>();
  for (const role of ["authenticated", "service_role", "anon", "app"]) {
    if ((await client.query(`set role ${role}`).catch(() => undefined)) === undefined) continue;
    for (const sql of [
      "select id from public.users",
      "select user_id as id from public.user_progress",
    ]) {
      const rows = await client.query<{ id: string }>(sql).then(
        (result) => result.rows,
        () => [],
      );
      for (const { id } of rows) found.add(id);
    }
  }
  return [...found].sort();
}

const ONLY_OWN = [A];
const PERMISSION_DENIED = "42501";

describe("any SQL as app", () => {
  it("reads its own user's rows by their token, and there are others", async () => {
    expect((await attack([])).seen).toEqual(ONLY_OWN);
    const superuser = await fixture.database.connect("postgres");
    expect(await rowsSeen(superuser)).toEqual([A, B]);
  });

  it("is bound by row level security, in all that it may become", async () => {
    const superuser = await fixture.database.connect("postgres");
    const { rows } = await superuser.query(
      `select rolname as role from pg_roles
        where pg_has_role('app', oid, 'member') and (rolsuper or rolbypassrls or rolname = 'migrator')`,
    );
    expect(rows).toEqual([]);
  });

  const forgedClaims = [
    `set request.jwt.claims = '{"sub": "${B}", "role": "service_role"}'`,
    `set request.jwt.claim.sub = '${B}'`,
    `set request.jwt.claim.role = 'service_role'`,
  ];
  it("cannot claim to be another by the claims, which it could without the switch", async () => {
    expect(await attack(forgedClaims)).toEqual({
      outcomes: ["done", "done", "done"],
      seen: ONLY_OWN,
    });
    await fixture.setTokens({ required: false });
    expect((await attack(forgedClaims)).seen).toEqual([B]);
    await fixture.setTokens({ required: true });
  });

  it.each<[string, () => string]>([
    ["that it signed with no key", () => forge(asB(), Buffer.alloc(0))],
    ["that it signed with a key of zeros", () => forge(asB(), Buffer.alloc(32))],
    ["that it signed with a pad", () => forge(asB(), Buffer.alloc(64, 0x36))],
    ["that it signed with the audience", () => forge(asB(), Buffer.from(AUDIENCE))],
    ["without a signature", () => forge(asB(), key).replace(/[^.]*$/, "")],
    ["of no algorithm", () => forge(asB(), key, { header: { alg: "none" } }).replace(/[^.]*$/, "")],
    ["of no algorithm, with a signature of its own", () => withSignature(asB(), tokenOf(A))],
    [
      "of its own header and signature, with another payload",
      () => {
        const [header, , signature] = tokenOf(A).split(".");
        return [header, Buffer.from(JSON.stringify(asB())).toString("base64url"), signature].join(
          ".",
        );
      },
    ],
    [
      "signed as the algorithm in it says",
      () => forge(asB(), Buffer.from("x"), { header: { alg: "HS512" }, algorithm: "sha512" }),
    ],
    [
      "with a digest in place of the signature",
      () => {
        const signed = forge(asB(), key).split(".").slice(0, 2).join(".");
        return `${signed}.${createHmac("sha256", "").update(signed).digest("base64url")}`;
      },
    ],
    ["that was for another audience", () => forge({ ...asB(), aud: "another" }, key)],
    ["that is out of date", () => forge({ ...asB(), exp: now() - 1 }, key)],
  ])("cannot be another by a token %s", async (_, make) => {
    expect((await attack([], make())).seen).toEqual([]);
    expect((await attack([], forge(asB(), key))).seen).toEqual([B]);
  });

  it("can set any setting, and is nobody else by that", async () => {
    const { outcomes, seen } = await attack([
      ...forgedClaims,
      "set standard_conforming_strings = off",
      "set backslash_quote = on",
      "set transform_null_equals = on",
      "set plpgsql.extra_errors = 'all'",
      "set plan_cache_mode = force_generic_plan",
      "set search_path = pg_temp, public, auth, pg_catalog",
      "set app_data.allow_data_loss = on",
      "set default_transaction_read_only = on",
      "set bytea_output = escape",
    ]);
    expect(outcomes).toEqual(outcomes.map(() => "done"));
    expect(seen).toEqual(ONLY_OWN);
    expect((await attack(["set row_security = off"])).seen).toEqual([]);
  });

  it("cannot take on a role but those that need a token", async () => {
    const superuser = await fixture.database.connect("postgres");
    const { rows } = await superuser.query<{ role: string }>(
      "select rolname as role from pg_roles order by 1",
    );
    const roles = rows.map(({ role }) => role);
    expect(roles).toEqual(expect.arrayContaining(["migrator", "service", "service_role"]));
    const become = (how: string) => attack(roles.map((role) => `set ${how} "${role}"`));
    const taken = (outcomes: string[]) => roles.filter((_, at) => outcomes[at] === "done");
    expect(taken((await become("role")).outcomes)).toEqual(["anon", "app", "authenticated"]);
    expect(taken((await become("session authorization")).outcomes)).toEqual(["app"]);
    const granted = await attack([
      "grant service_role to app",
      "grant migrator to app",
      "alter role app bypassrls",
      "create role helper",
    ]);
    expect(granted.outcomes).not.toContain("done");
    expect(granted.seen).toEqual(ONLY_OWN);
  });

  it("cannot put anything in the place of what verifies", async () => {
    const replacements = [
      "create or replace function auth.uid() returns uuid return null",
      "create or replace function auth.verified_uid() returns uuid return null",
      "create or replace function auth.tokens_required() returns boolean return false",
      "alter function auth.uid() rename to other",
      "alter function auth.verified_uid() security invoker",
      "alter function auth.verified_uid() set search_path = pg_temp",
      "drop function auth.uid()",
      "create function pg_temp.sha256(bytea) returns bytea return ''",
      "create function public.sha256(bytea) returns bytea return ''",
      "create temporary table token_settings (required boolean)",
      "create temporary view now as select 1",
      "create domain pg_temp.uuid as text",
      "create domain public.jsonb as text",
      "create operator public.= (leftarg = bytea, rightarg = bytea, function = byteane)",
      "create schema other",
      "create cast (text as uuid) without function",
      "alter table auth.token_settings disable row level security",
      "create policy mine on auth.token_settings using (true)",
      "drop policy users_select_own on public.users",
      "create event trigger x on ddl_command_end execute function auth.uid()",
    ];
    for (const role of ["app", "authenticated", "anon"]) {
      const { outcomes, seen } = await attack([`set role ${role}`, ...replacements]);
      expect(outcomes.slice(1).filter((outcome) => outcome === "done")).toEqual([]);
      expect(seen).toEqual(ONLY_OWN);
    }
  });

  it("cannot read what tokens are signed with, nor write it", async () => {
    const superuser = await fixture.database.connect("postgres");
    const { rows } = await superuser.query<{ path: string; pads: Buffer }>(
      "select pg_relation_filepath('auth.token_settings') as path, current_pads as pads from auth.token_settings",
    );
    const { path = "", pads = Buffer.alloc(0) } = rows[0] ?? {};
    expect(pads.subarray(0, 32).map((byte) => byte ^ 0x36)).toEqual(key);
    const attempts = [
      "select current_pads from auth.token_settings",
      "table auth.token_settings",
      "select (t).current_pads from auth.token_settings t",
      "select count(*) from auth.token_settings where current_pads > ''",
      "copy auth.token_settings to stdout",
      "copy (select * from auth.token_settings) to stdout",
      "declare x cursor with hold for select * from auth.token_settings",
      "prepare x as select * from auth.token_settings; execute x",
      "lock table auth.token_settings",
      "select table_to_xml('auth.token_settings', true, false, '')",
      "select query_to_xml('select * from auth.token_settings', true, false, '')",
      "select stavalues1 from pg_catalog.pg_statistic",
      `select pg_read_binary_file('${path}')`,
      `select lo_import('${path}')`,
      `copy (select 1) to program 'cat ${path}'`,
      "select pg_ls_dir('.')",
      "insert into auth.token_settings values (true, false, 'x', '')",
      "update auth.token_settings set believes_claims = true",
      "update auth.token_settings set current_pads = ''",
      "delete from auth.token_settings",
      "truncate auth.token_settings",
      "merge into auth.token_settings t using (select 1) s on true when matched then delete",
      "do 'begin execute ''table auth.token_settings''; end'",
    ];
    for (const role of ["app", "authenticated", "anon"]) {
      const { outcomes } = await attack([`set role ${role}`, ...attempts]);
      expect(attempts.filter((_, at) => outcomes[at + 1] === "done")).toEqual([]);
      const denied = outcomes.filter((outcome) => outcome === PERMISSION_DENIED);
      expect(denied.length).toBeGreaterThan(attempts.length - 4);
    }
    // The control: whoever may do it, reads it.
    const { rows: found } = await superuser.query(
      "select length(pg_read_binary_file($1)) > 0 as it_is",
      [path],
    );
    expect(found).toEqual([{ it_is: true }]);
  });

  it("finds nobody else's token, where the client hands it over as a value", async () => {
    const token = tokenOf(B);
    const [, , signature = ""] = token.split(".");
    const look = async () => {
      const attacker = await fixture.database.connect("app");
      const found: string[] = [];
      for (const sql of [
        "select * from pg_stat_activity",
        "select * from pg_stat_get_activity(null)",
        "select * from pg_settings",
        "select * from pg_prepared_statements",
        "select * from pg_cursors",
        "select * from pg_locks",
        "select * from pg_prepared_xacts",
        "select * from pg_stat_statements",
        "select * from pg_file_settings",
        "select * from pg_shmem_allocations",
        "select * from pg_db_role_setting",
        "select * from pg_backend_memory_contexts",
        "select current_setting('request.jwt.token', true)",
        "show all",
      ]) {
        const rows = await attacker.query(sql).then(
          (result) => result.rows as unknown[],
          () => [],
        );
        found.push(JSON.stringify(rows));
      }
      await attacker.end();
      return found.join("\n");
    };

    const victim = await fixture.database.connect("app");
    await victim.query("begin; set local role authenticated");
    await victim.query("select set_config('request.jwt.token', $1, true)", [token]);
    const whileLast = await look();
    await victim.query({
      name: "named",
      text: "select auth.uid() as uid, $1::text as x",
      values: [token],
    });
    const whilePrepared = await look();
    const { rows } = await victim.query("select auth.uid() as uid");
    await victim.query("rollback");
    expect(rows).toEqual([{ uid: B }]);
    // The statement itself is seen: the look reaches that far.
    expect(whileLast).toContain("set_config('request.jwt.token', $1, true)");
    expect(whilePrepared).toContain("$1::text as x");
    expect(whileLast).not.toContain(signature);
    expect(whilePrepared).not.toContain(signature);

    // And it is why a token does not belong in the text.
    await victim.query(`select set_config('request.jwt.token', '${token}', true)`);
    expect(await look()).toContain(signature);
    await victim.end();
  });

  it("leaves nobody another identity in a session that it had before", async () => {
    const client = await fixture.database.connect("app");
    for (const sql of [
      `select set_config('request.jwt.token', '${tokenOf(B)}', false)`,
      "set role authenticated",
      "prepare mine as select id from public.users",
    ]) {
      await client.query(sql);
    }
    await client.query("begin; set local role authenticated");
    await client.query("select set_config('request.jwt.token', $1, true)", [tokenOf(A)]);
    const { rows } = await client.query("select id from public.users");
    await client.query("commit");
    expect(rows).toEqual([{ id: A }]);
    await client.end();
  });
});

describe("the login service", () => {
  it("takes on service_role, and no role of a user", async () => {
    const service = await fixture.database.connect("service");
    const become = (role: string) =>
      service.query(`set role ${role}`).then(
        () => true,
        () => false,
      );
    const taken: string[] = [];
    for (const role of ["app", "anon", "authenticated", "migrator", "service_role"]) {
      if (await become(role)) taken.push(role);
    }
    expect(taken).toEqual(["service_role"]);
    const { rows } = await service.query("select user_id from public.user_progress order by 1");
    expect(rows).toEqual([{ user_id: A }, { user_id: B }]);
    const { rows: identity } = await service.query("select auth.uid() as uid");
    expect(identity).toEqual([{ uid: null }]);
    await expect(service.query("select from public.user_api_keys")).rejects.toThrow("permission");
  });
});

function asB(): object {
  return { sub: B, aud: AUDIENCE, iat: now(), exp: now() + 60 };
}

/** Claims without an algorithm, with the signature of another token. */
function withSignature(claims: object, token: string): string {
  const [header, payload] = forge(claims, key, { header: { alg: "none" } }).split(".");
  return [header, payload, token.split(".")[2]].join(".");
}
