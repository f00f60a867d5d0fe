import { applyPending } from "../../migrator/src";
import { type MigratorFixture, createFixture, trio } from "./migration-fixture";

const ROWS = 3_000;
const TABLE = `create table public.foods (id integer primary key, title text not null, note text);
alter table public.foods enable row level security, force row level security;
create policy foods_migrator on public.foods for insert to migrator with check (true);
`;
const rows = Array.from({ length: ROWS }, (_, id) => `(${id}, 'Butter; salted, no. ${id}', null)`);
const inserts = rows.map((row) => `insert into public.foods (id, title, note) values ${row};\n`);

let fixture: MigratorFixture;
beforeEach(async () => {
  fixture = await createFixture();
});
afterEach(() => fixture.database.drop());

async function count(): Promise<unknown> {
  const superuser = await fixture.database.connect("postgres");
  const { rows: counted } = await superuser.query("select count(*)::integer from public.foods");
  return counted;
}

describe("a migration with many rows", () => {
  it.each([
    ["one insert", `insert into public.foods (id, title, note) values\n${rows.join(",\n")};\n`],
    ["an insert for each", inserts.join("")],
  ])("is applied with all of them: %s", async (_, data) => {
    await applyPending(fixture.settings, [trio("000", TABLE + data)]);
    expect(await count()).toEqual([{ count: ROWS }]);
  });

  it("tells the line of the one that fails, and keeps nothing", async () => {
    const failing = inserts.with(2_345, inserts[7] ?? "");
    await expect(
      applyPending(fixture.settings, [trio("000", TABLE + failing.join(""))]),
    ).rejects.toThrow(/^MIG005 sql\/000_test\.sql:2349:1: duplicate key .*\(SQLSTATE 23505\)/);
    await expect(count()).rejects.toThrow('relation "public.foods" does not exist');
  });
});
