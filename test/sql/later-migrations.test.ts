import type { Client } from "pg";
import { applyPending, rollbackTo } from "../../migrator/src";
import { type MigratorFixture, createFixture, currentTrios } from "../migrator/migration-fixture";
import { migrationsThrough, run } from "./sql-files";

const LAST = "007_vault_and_erasure";
const USERS = 10_000;
/** What a request may take while the machine does other things, too; the benchmarks look closer. */
const LONGEST_MS = 2_000;

/** One client that completes sessions as `app` does, and one that reads, until they are stopped. */
function startUsers(fixture: MigratorFixture, sessions: { id: string; user_id: string }[]) {
  let running = true;
  let longest = 0;
  let completed = 0;
  const loop = async (sql: string, isWriter: boolean) => {
    const app = await fixture.database.connect("app");
    for (let at = 0; running && at < sessions.length; at += 1) {
      const { id, user_id: user } = sessions[at] ?? { id: "", user_id: "" };
      const from = performance.now();
      await app.query("begin; set local role authenticated");
      await app.query("select set_config('request.jwt.claims', $1, true)", [
        JSON.stringify({ sub: user }),
      ]);
      const { rowCount } = await app.query(sql, [isWriter ? id : user]);
      await app.query("commit");
      longest = Math.max(longest, performance.now() - from);
      if (isWriter) completed += rowCount ?? 0;
    }
  };
  const loops = [
    loop("update public.sessions set ended_at = started_at + interval '1 h' where id = $1", true),
    loop("select count(*) from public.sessions where user_id = $1", false),
  ];
  return async () => {
    running = false;
    await Promise.all(loops);
    return { longest, completed };
  };
}

describe("002 to 007, over 10,000 users who go on learning", () => {
  let fixture: MigratorFixture;
  let superuser: Client;
  const names: readonly string[] = migrationsThrough(LAST);
  const trios = currentTrios().filter(({ name }) => names.includes(name));
  const options = { connectRoles: ["app", "monitor"] };

  beforeAll(async () => {
    fixture = await createFixture();
    superuser = await fixture.database.connect("postgres");
    await applyPending(fixture.settings, trios, { ...options, target: "001" });
    await superuser.query(`
      insert into public.users (email) select 'user-' || n from generate_series(1, ${USERS}) n;
      insert into public.sessions (user_id, started_at, ended_at, vocabulary_count)
      select u.id, t.at, case when n > 0 then t.at + n * interval '13 min' end, n % 5
        from (select id, row_number() over () as number from public.users) u,
             generate_series(0, 5) n,
             lateral (select timestamptz '2026-05-01Z' + (n * n * (u.number % 7)) * interval '5 h' as at) t;
      insert into public.user_progress (user_id) select id from public.users;
      insert into public.export_history (user_id, export_type, format)
      select id, 'full', 'csv' from public.users`);
  });
  afterAll(() => fixture.database.drop());

  /** The digest of what the catalog holds, by the newest entry of the log. */
  const digest = async () => {
    const { rows } = await superuser.query<{ digest: string }>(
      "select catalog_digest as digest from migrations.log order by id desc limit 1",
    );
    return rows[0]?.digest;
  };

  it("fail no request and keep none waiting, count everybody, and go back and forth", async () => {
    const at001 = await digest();
    const { rows } = await superuser.query<{ id: string; user_id: string }>(
      "select id, user_id from public.sessions where ended_at is null order by id",
    );
    const stop = startUsers(fixture, rows);
    const applied = await applyPending(fixture.settings, trios, options);
    const { longest, completed } = await stop();
    expect(applied.map(({ version }) => version)).toEqual([
      "002",
      "003",
      "004",
      "005",
      "006",
      "007",
    ]);
    expect(completed).toBeGreaterThan(50);
    expect(longest).toBeLessThan(LONGEST_MS);
    const migrator = await fixture.database.connect("migrator");
    for (const name of migrationsThrough(LAST)) await run(migrator, name, "verify");

    const at007 = await digest();
    expect(await rollbackTo(fixture.settings, "001")).toEqual([...names].slice(2).reverse());
    expect(at001).toEqual(expect.any(String));
    expect(await digest()).toBe(at001);
    await applyPending(fixture.settings, trios, options);
    expect(await digest()).toBe(at007);
  });
});
