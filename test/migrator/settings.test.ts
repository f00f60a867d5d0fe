import { applyMigration } from "../../migrator/src";
import { makePlan, renderPlan } from "../../migrator/src/plan";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";

const HELD = [
  "search_path",
  "lock_timeout",
  "statement_timeout",
  "transaction_timeout",
  "row_security",
];
let fixture: MigratorFixture;
beforeEach(async () => {
  fixture = await createFixture();
  await applyMigration(fixture.settings, protectedTable("000", "notes"));
});
afterEach(() => fixture.database.drop());

/** What a file finds set after it has run `statements`. */
async function settingsAfter(statements: string): Promise<unknown> {
  const migration = trio(
    "001",
    `${statements}
create table public.found (name text, setting text);
alter table public.found enable row level security;
alter table public.found force row level security;
create policy write on public.found for insert to migrator with check (true);
insert into public.found select name, current_setting(name) from unnest(array['${HELD.join("','")}']) name;`,
  );
  await applyMigration(fixture.settings, migration, { transaction: { lockTimeoutMs: 700 } });
  const superuser = await fixture.database.connect("postgres");
  const { rows } = await superuser.query("select name, setting from public.found");
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

describe("what a file sets", () => {
  it.each([
    [
      "as a dump begins",
      "set statement_timeout = 0; set lock_timeout = 0; set transaction_timeout = 0; set row_security = off; select pg_catalog.set_config('search_path', 'public', false);",
    ],
    [
      "in the transaction",
      "set local lock_timeout = '1h'; set local row_security to off; set local search_path to public, pg_temp;",
    ],
    ["by a reset", "reset all;"],
    ["by a reset of one", "reset lock_timeout; set search_path to default;"],
    [
      "in a block",
      "do $$ begin perform set_config('lock_' || 'timeout', '0', true), set_config('row_security', 'off', false); end $$;",
    ],
    [
      "by a function of its own",
      `create function public.loosen() returns void language plpgsql set search_path = '' as $f$ begin set local lock_timeout = 0; set row_security = off; end $f$;
       revoke all on function public.loosen() from public;
       select public.loosen();`,
    ],
    [
      "by a function in a write",
      `create function public.loosen() returns text language sql set search_path = '' as $f$ select set_config('lock_timeout', '0', false) $f$;
       revoke all on function public.loosen() from public;
       create policy write on public.notes for insert to migrator with check (true);
       insert into public.notes values (1, public.loosen());`,
    ],
  ])("%s does not weaken what the migrator promises", async (_form, statements) => {
    expect(await settingsAfter(statements)).toEqual({
      search_path: '""',
      lock_timeout: "700ms",
      statement_timeout: "0",
      transaction_timeout: "0",
      row_security: "on",
    });
  });

  it("is kept where it weakens nothing", async () => {
    const superuser = await fixture.database.connect("postgres");
    const keeps = trio(
      "001",
      `set work_mem = '7MB'; set local lock_timeout = 0;
       do $$ begin execute 'comment on table public.notes is ' || quote_literal(current_setting('work_mem')); end $$;`,
    );
    await applyMigration(fixture.settings, keeps);
    const { rows } = await superuser.query(
      "select obj_description('public.notes'::regclass) as said",
    );
    expect(rows).toEqual([{ said: "7MB" }]);
  });

  it("is named in the plan, with its place", async () => {
    const dump = trio(
      "001",
      "set work_mem = '7MB';\nset lock_timeout = 0;\nselect pg_catalog.set_config('search_path', '', false);\nreset all;\n",
    );
    const plan = renderPlan(await makePlan(undefined, { pending: [dump], history: undefined }));
    expect(plan).toContain(`  sql/001_test.sql:2  set lock_timeout = 0
                        no lock, no hazard
                        overridden: the migrator's own lock_timeout holds
  sql/001_test.sql:3  select pg_catalog.set_config('…', '…', false)
                        no lock, no hazard
                        overridden: the migrator's own search_path holds
  sql/001_test.sql:4  reset all
                        no lock, no hazard
                        overridden: the migrator's own ${"search_path, lock_timeout, statement_timeout, " + "transaction_timeout, idle_in_transaction_session_timeout, client_connection_check_interval, row_security"} holds
  1 more on what this plan makes, or without lock and hazard`);
  });
});

describe("a file that counts on a search path of its own", () => {
  it("is refused before it runs, with the line and the name to write", async () => {
    const dump = trio("001", "set search_path = public;\ncreate table pages (id integer);\n");
    await expect(applyMigration(fixture.settings, dump)).rejects.toThrow(
      /^MIG002 sql\/001_test\.sql:2:1: pages is made in no schema: .* such as public\.pages\./,
    );
  });
});
