import type { Client } from "pg";
import { applyMigration } from "../../migrator/src";
import { type Catalog, catalogDigest, readCatalog } from "../../migrator/src/catalog";
import { type Drift, findDrift } from "../../migrator/src/judge/drift";
import { heal, healStatements } from "../../migrator/src/run/heal/heal";
import { healDrift } from "../../migrator/src/run/heal/heal-drift";
import { acceptDrift } from "../../migrator/src/run/repair";
import { expectedCatalog } from "../../migrator/src/log/expected-catalog";
import { withMigrationLock } from "../../migrator/src/database/lock";
import type { TestDatabase } from "../support/database";
import {
  type MigratorFixture,
  createFixture,
  createMigratedDatabase,
  projectTrios,
  trio,
} from "./migration-fixture";

const files = projectTrios().map(({ forward }) => forward);
let migrated: TestDatabase;
let fixture: MigratorFixture;
let superuser: Client;

beforeAll(async () => {
  migrated = await createMigratedDatabase();
});
afterAll(() => migrated.drop());

beforeEach(async () => {
  fixture = await createFixture(migrated.name);
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

/** The digest of what belongs to this database alone: other tests share the server's roles. */
function localDigest(catalog: Catalog): string {
  return catalogDigest(new Map([...catalog].filter(([key]) => !key.startsWith("role "))));
}

async function currentDigest(): Promise<string> {
  await superuser.query("begin read only");
  const catalog = await readCatalog(superuser);
  await superuser.query("rollback");
  return localDigest(catalog);
}

async function healEntries(): Promise<unknown[]> {
  const { rows } = await superuser.query<{ event: string; name: string; note: string }>(
    "select event, name, note from migrations.log where event in ('heal', 'repair') order by id",
  );
  return rows;
}

const sentences = (drifts: readonly Drift[]) => drifts.map(({ what }) => what);

describe("healDrift", () => {
  const byHand = [
    "alter table public.users disable row level security, no force row level security",
    "alter policy users_select_own on public.users using (true)",
    "drop policy user_progress_service on public.user_progress",
    "create policy helper on public.sessions to anon using (true)",
    "grant truncate on public.users to authenticated",
    "grant select on public.user_api_keys to public",
    "revoke select (email), select on public.users from authenticated",
    "drop index public.idx_sessions_user_id",
    "alter table public.user_progress disable trigger trigger_user_progress_updated_at",
    "drop trigger trigger_user_api_keys_updated_at on public.user_api_keys",
    // Made by 000 in a `do` block, and by 001 outside of one.
    "create or replace function auth.uid() returns uuid language sql as 'select null::uuid'",
    "grant execute on function auth.uid() to public",
    "alter function public.update_user_progress_from_session() security invoker",
    "alter default privileges for role migrator grant all on tables to authenticated",
    "comment on column public.users.email is null",
  ];

  it("acceptance 5: repairs what the migrations made, and enters it into the log", async () => {
    const asMade = await currentDigest();
    for (const statement of byHand) await superuser.query(statement);
    const found = await findDrift(fixture.settings);
    expect(found.length).toBeGreaterThanOrEqual(byHand.length);

    const { healed, remaining } = await healDrift(fixture.settings);
    expect(sentences(remaining)).toEqual([]);
    expect(healed).toEqual(sentences(found));
    expect(await currentDigest()).toBe(asMade);
    expect(await healEntries()).toEqual([
      { event: "heal", name: "001_add_missing_tables", note: healed.join("\n") },
    ]);
  });

  it("lets a user see their own row alone again", async () => {
    const [me, other] = [
      "11111111-1111-4111-8111-111111111111",
      "22222222-2222-4222-8222-222222222222",
    ];
    await superuser.query(
      "insert into public.users (id, email) values ($1, 'a@b.c'), ($2, 'd@e.f')",
      [me, other],
    );
    const visible = () =>
      fixture.database.asUser(me, async (client) => {
        const { rows } = await client.query<{ id: string }>("select id from public.users");
        return rows.map(({ id }) => id);
      });
    expect(await visible()).toEqual([me]);
    await superuser.query("alter policy users_select_own on public.users using (true)");
    expect(await visible()).toHaveLength(2);
    await healDrift(fixture.settings);
    expect(await visible()).toEqual([me]);
  });

  it("writes nothing and needs no lock where there is no drift", async () => {
    const keeper = await fixture.database.connect("migrator");
    const result = await withMigrationLock(keeper, () =>
      healDrift(fixture.settings, { lock: { waitMs: 0 } }),
    );
    expect(result).toEqual({ healed: [], remaining: [] });
    expect(await healEntries()).toEqual([]);
  });

  it("does not heal beside another migrator", async () => {
    await superuser.query("alter table public.users disable row level security");
    const keeper = await fixture.database.connect("migrator");
    await expect(
      withMigrationLock(keeper, () => healDrift(fixture.settings, { lock: { waitMs: 0 } })),
    ).rejects.toThrow(/^MIG007 /);
    await healDrift(fixture.settings);
    expect(await findDrift(fixture.settings)).toEqual([]);
  });

  it("heals the rest where something is beyond it, and says what to do about that", async () => {
    await superuser.query("alter table public.users disable row level security");
    await superuser.query("alter table public.sessions owner to app");
    await superuser.query("create table public.spare (id integer)");
    await superuser.query("alter table public.users add column note text");

    const { healed, remaining } = await healDrift(fixture.settings);
    expect(healed).toEqual(["row level security of public.users is switched off"]);
    expect(remaining.map(({ what, healable, remedy }) => [what, healable, remedy])).toEqual([
      [
        "table public.spare was added by no migration, without row level security",
        false,
        "Drop it, or write it as a new migration.",
      ],
      [
        "column note (text) was added to public.users by no migration",
        false,
        "Undo it by hand, or write it as a new migration.",
      ],
      [
        "public.sessions is owned by app instead of migrator",
        false,
        "must be owner of table sessions (SQLSTATE 42501). As a role that may: " +
          'alter table public.sessions owner to "migrator";',
      ],
    ]);
  });

  it("makes a function that is gone again, with what called it and with its grants", async () => {
    const asMade = await currentDigest();
    await superuser.query("drop function auth.uid() cascade");
    expect((await findDrift(fixture.settings)).length).toBe(16);
    expect((await healDrift(fixture.settings)).remaining).toEqual([]);
    expect(await currentDigest()).toBe(asMade);
  });

  it("builds an index anew that a failed build left INVALID", async () => {
    await superuser.query("drop index public.idx_export_history_status");
    await superuser.query(
      "create index concurrently idx_export_history_status on public.export_history (status, created_at desc)",
    );
    await superuser.query(
      "update pg_index set indisvalid = false where indexrelid = 'public.idx_export_history_status'::regclass",
    );
    expect(await healDrift(fixture.settings)).toEqual({
      healed: [
        "index public.idx_export_history_status is INVALID: no query uses it, and a unique one keeps no promise",
      ],
      remaining: [],
    });
    const { rows } = await superuser.query(
      "select indisvalid from pg_index where indexrelid = 'public.idx_export_history_status'::regclass",
    );
    expect(rows).toEqual([{ indisvalid: true }]);
  });

  it("heals views by their own query and options", async () => {
    const view = trio(
      "002",
      `create view public.my_sessions with (security_invoker = true) as
         select id, started_at from public.sessions where user_id = (select auth.uid());
       revoke all on public.my_sessions from public;
       grant select on public.my_sessions to authenticated;`,
    );
    await applyMigration(fixture.settings, view);
    const asMade = await currentDigest();
    for (const change of [
      "alter view public.my_sessions set (security_invoker = false)",
      "create or replace view public.my_sessions as select id, started_at from public.sessions",
      "drop view public.my_sessions",
    ]) {
      await superuser.query(change);
      expect((await healDrift(fixture.settings)).remaining).toEqual([]);
      expect(await currentDigest()).toBe(asMade);
    }
  });

  it("keeps its hands off while a migration is half done", async () => {
    await superuser.query("alter table public.users disable row level security");
    await superuser.query(
      `insert into migrations.log (event, applied, version, name, digests, forward_sql, rollback_sql,
         duration_ms, operator, tool_version)
       values ('begin apply', false, '002', '002_test', '{}', '', '', 0, 'test', 'test')`,
    );
    const { healed, remaining } = await healDrift(fixture.settings);
    expect(healed).toEqual([]);
    expect(sentences(remaining)).toEqual(["row level security of public.users is switched off"]);
  });
});

describe("heal", () => {
  async function inTransactionAs<T>(role: string, work: () => Promise<T>): Promise<T> {
    await superuser.query("begin");
    await superuser.query(`set local role ${role}`);
    try {
      return await work();
    } finally {
      await superuser.query("rollback");
    }
  }

  it("lets a role that may give a table back to its owner do so", async () => {
    await superuser.query("alter table public.users owner to app");
    await inTransactionAs("postgres", async () => {
      const { healed, remaining } = await heal(superuser, await expectedCatalog(superuser), files);
      expect(sentences(healed)).toEqual(["public.users is owned by app instead of migrator"]);
      expect(sentences(remaining)).toEqual([]);
    });
  });

  it("leaves the index of a large table to a build that keeps nobody waiting", async () => {
    await superuser.query("drop index public.idx_sessions_user_id");
    await superuser.query("insert into public.users (email) values ('a@b.c')");
    await superuser.query(
      "insert into public.sessions (user_id, started_at) select id, now() from public.users",
    );
    const { remaining } = await inTransactionAs("migrator", async () =>
      heal(superuser, await expectedCatalog(superuser), files, { largestIndexedBytes: 4096 }),
    );
    expect(remaining.map(({ remedy }) => remedy)).toEqual([
      "public.sessions is too large to be kept from writers while the index is built. Outside a " +
        "transaction: drop index concurrently if exists public.idx_sessions_user_id; CREATE INDEX " +
        "CONCURRENTLY idx_sessions_user_id ON public.sessions USING btree (user_id, ended_at);",
    ]);
  });

  it("changes nothing when something else would differ afterwards", async () => {
    // What made the function in another migration makes a second one beside it, with an argument.
    const twice = `${files[1]?.sql}\ncreate function public.update_user_progress_updated_at(n integer)
      returns integer language sql as 'select n';`;
    await superuser.query("alter function public.update_user_progress_updated_at() stable");
    await inTransactionAs("migrator", async () => {
      await expect(
        heal(superuser, await expectedCatalog(superuser), [{ file: "002.sql", sql: twice }]),
      ).rejects.toThrow(
        "MIG040 Healing the drift made something else differ, so nothing was changed: function " +
          "public.update_user_progress_updated_at(integer) was added by no migration; it runs with the " +
          "rights of who calls it, and public may call it. The database had: volatility of function " +
          "public.update_user_progress_updated_at() changed from volatile to stable. Repair these " +
          "by hand, then run it again.",
      );
    });
  });
});

describe("healStatements", () => {
  it("says when no migration holds the statement that makes a function", async () => {
    await superuser.query("alter function auth.uid() volatile");
    const drifts = await findDrift(fixture.settings);
    const { fixes } = await healStatements(drifts, files);
    expect(fixes.map(({ statements }) => statements.length)).toEqual([1]);
    expect(fixes[0]?.statements[0]).toMatch(/^create or replace function auth\.uid\(\)/);

    const { unhealable } = await healStatements(drifts, files.slice(1));
    expect(unhealable.map(({ healable, remedy }) => [healable, remedy])).toEqual([
      [
        false,
        "No applied migration holds a statement that makes it with its schema's name; repair it by hand.",
      ],
    ]);
  });
});

describe("acceptDrift", () => {
  it("does not accept what the gate refuses, and the drift stays told", async () => {
    await superuser.query("create table public.open (id integer primary key)");
    await superuser.query("alter table public.open owner to migrator");
    await expect(acceptDrift(fixture.settings, { reason: "wanted" })).rejects.toThrow(
      /^MIG006 The drift was not accepted: it leaves rows unprotected\. POL\d+ .*public\.open/,
    );
    expect((await findDrift(fixture.settings)).map(({ object }) => object)).toContain(
      "table public.open",
    );
  });

  it("makes the catalog as it is the expected one, with the reason in the log", async () => {
    await superuser.query("create index extra on public.users (created_at)");
    const what =
      "index public.extra was added by no migration: CREATE INDEX extra ON public.users USING btree (created_at)";
    const accepted = await acceptDrift(fixture.settings, { reason: "Needed until 003." });
    expect(accepted).toEqual([what]);
    expect(await findDrift(fixture.settings)).toEqual([]);
    expect(await healEntries()).toEqual([
      { event: "repair", name: "001_add_missing_tables", note: `Needed until 003.\n${what}` },
    ]);

    await superuser.query("drop index public.extra");
    expect(sentences(await findDrift(fixture.settings))).toEqual(["index public.extra is gone"]);
  });
});
