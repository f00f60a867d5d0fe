import type { Client } from "pg";
import { applyPending, rollbackTo } from "../../migrator/src";
import { type MigratorFixture, createFixture, trio } from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;

// Forced row level security hides all of its rows from the migrator, but those that a policy shows.
const protect = (table: string) =>
  `alter table ${table} enable row level security;
alter table ${table} force row level security;
`;
const BASE = trio(
  "000",
  `create sequence public.runs;
create table public.topics (id integer primary key);
create table public.notes (
  id integer primary key, note text, "user" text, empty text, visits integer not null default 1,
  topic integer constraint notes_topic references public.topics on delete cascade
);
create table public.likes (
  note integer references public.notes on delete set null
);
create table public.large (id integer primary key, note text);
create table public.loose (day date not null, note text);
create table public.days (day date not null, note text) partition by range (day);
create table public.days_2025 partition of public.days for values from ('2025-01-01') to ('2026-01-01');
create table public.days_2026 partition of public.days for values from ('2026-01-01') to ('2027-01-01');
${["topics", "notes", "likes", "large", "loose", "days", "days_2025", "days_2026"].map((name) => protect(`public.${name}`)).join("")}
create policy notes_migrator on public.notes to migrator using (true) with check (true);
create policy topics_migrator on public.topics to migrator using (true) with check (true);
create policy days_migrator on public.days to migrator using (true) with check (true);
create policy days_migrator on public.days_2025 to migrator using (true) with check (true);
create policy large_migrator on public.large to migrator using (true) with check (true);
create function public.forget() returns void language plpgsql set search_path = ''
as $$ begin delete from public.notes where id > 7; end $$;
revoke all on function public.forget() from public;
`,
);
const ROWS = `insert into public.topics values (1), (2);
insert into public.notes select n, 'note', 'who', null, 1, 1 + n % 2 from generate_series(1, 10) n;
insert into public.likes select 1 + n % 2 from generate_series(1, 4) n;
insert into public.large select n, 'note' from generate_series(1, 100) n;
insert into public.days values ('2025-05-01', 'a'), ('2025-06-01', 'b'), ('2026-05-01', 'c');
insert into public.loose values ('2027-05-01', 'd');
`;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

/** Applies a migration whose rollback is the given SQL, on tables with rows. */
async function apply(rollback: string, forward = "select 1;"): Promise<void> {
  await applyPending(fixture.settings, [BASE, trio("001", forward, { rollback })]);
  await superuser.query(ROWS);
}

const rollBack = (allowDataLoss = false) => rollbackTo(fixture.settings, "000", { allowDataLoss });

async function number(sql: string): Promise<number> {
  const { rows } = await superuser.query<{ number: number }>(`select (${sql})::integer as number`);
  return rows[0]?.number ?? -1;
}

const block = (sql: string) => `do $$ begin ${sql} end $$;`;
const hidden = (sql: string) => block(`execute replace($q$${sql}$q$, 'NOTES', 'notes');`);

const LOSING: [string, string, string][] = [
  ["delete", "delete from public.notes; select 1;", "public.notes: 10"],
  ["a block that deletes", block("delete from public.notes where id < 4;"), "public.notes: 3"],
  ["hidden text that deletes", hidden("delete from public.NOTES"), "public.notes: 10"],
  ["a function that deletes", "select public.forget();", "public.notes: 3"],
  [
    "delete in a query",
    "with gone as (delete from public.notes returning id) select count(*) from gone;",
    "public.notes: 10",
  ],
  [
    "merge",
    "merge into public.notes n using public.topics t on n.topic = t.id when matched then delete;",
    "public.notes: 10",
  ],
  [
    "delete that others follow by foreign keys",
    "delete from public.topics where id = 1;",
    "public.topics: 1; public.notes: 5",
  ],
  [
    "delete, and as many new rows",
    "delete from public.notes where id < 3; insert into public.notes values (11), (12);",
    "public.notes: 2",
  ],
  ["update to null", "update public.notes set note = null;", "public.notes, column note: 10"],
  [
    "update to what is null",
    `update public.notes set "user" = empty where id < 3;`,
    "public.notes, column user: 2",
  ],
  [
    "a block that updates to null",
    block("update public.notes set note = nullif(note, 'note') where id = 1;"),
    "public.notes, column note: 1",
  ],
  [
    "hidden text that updates to null",
    hidden("update public.NOTES set note = null"),
    "public.notes, column note: 10",
  ],
  [
    "hidden text that empties a column by a foreign key",
    hidden(
      "alter table public.NOTES drop constraint notes_topic; delete from public.NOTES where id = 2",
    ),
    "public.notes: 1; public.likes, column note: 2",
  ],
  [
    "update to null, and a new row with a value",
    "update public.notes set note = null where id = 1; insert into public.notes values (11, 'x');",
    "public.notes, column note: 1",
  ],
  ["truncate", "truncate public.large;", "public.large: 100"],
  ["hidden text that truncates", hidden("truncate public.NOTES cascade"), "public.notes: 10"],
  [
    "truncate, and as many new rows",
    "truncate public.large; insert into public.large select n from generate_series(1, 100) n;",
    "public.large: 100",
  ],
  [
    "hidden text that truncates, and more new rows",
    block("truncate public.notes cascade; insert into public.notes select generate_series(1, 20);"),
    "public.notes: 10",
  ],
  [
    "delete from a detached partition",
    "alter table public.days detach partition public.days_2025; delete from public.days_2025;",
    "public.days: 2",
  ],
  [
    "hidden delete from a detached partition",
    block(
      "execute 'alter table public.days detach partition public.days_2025'; delete from public.days_2025;",
    ),
    "public.days: 2",
  ],
  ["drop table", "drop table public.large;", "public.large: 100"],
  ["hidden text that drops a table", hidden("drop table public.NOTES cascade"), "public.notes: 10"],
  ["drop schema", "drop schema public cascade; create schema public;", "public.large: 100"],
  ["drop column", `alter table public.notes drop column "user";`, "public.notes, column user: 10"],
  [
    "hidden text that drops a column",
    hidden("alter table public.NOTES drop column note"),
    "public.notes, column note: 10",
  ],
  [
    "a new type that keeps nothing",
    "alter table public.notes alter column note type integer using null::integer;",
    "public.notes, column note: 10",
  ],
  ["drop of a partition", "drop table public.days_2025;", "public.days: 2"],
  ["truncate of a partition", "truncate public.days_2026;", "public.days: 1"],
  ["delete from partitions", "delete from public.days;", "public.days: 3"],
];

const KEEPING: [string, string][] = [
  ["nothing that writes", "select 1;"],
  ["insert", "insert into public.notes values (11);"],
  ["update to another value", "update public.notes set note = 'x', visits = visits - 1;"],
  ["hidden text that updates to another value", hidden("update public.NOTES set note = 'x'")],
  ["drop of a column without values", "alter table public.notes drop column empty;"],
  ["hidden drop of such", hidden("alter table public.NOTES drop column empty")],
  [
    "another name",
    `alter table public.notes rename note to body; alter table public.notes rename to memos;
-- dropped: table public.notes`,
  ],
  ["another type", "alter table public.notes alter column visits type bigint;"],
  [
    "hidden text for another type",
    hidden("alter table public.NOTES alter column visits type bigint"),
  ],
  ["detached partition", "alter table public.days detach partition public.days_2025;"],
  [
    "attached partition",
    "alter table public.loose alter column day set not null; alter table public.days attach partition public.loose for values from ('2027-01-01') to ('2028-01-01');",
  ],
  [
    "drop of a table that it makes",
    "create table public.tmp as select * from public.notes; drop table public.tmp;",
  ],
  [
    "what can be made again",
    "-- rebuilt: public.large\n-- dropped: table public.large\ndrop table public.large;",
  ],
];

describe("a rollback that would lose rows or values", () => {
  it.each(LOSING)("is refused, with their number: %s", async (_how, rollback, loss) => {
    await apply(rollback);
    const before = await number("select sum(visits) from public.notes");
    await expect(rollBack()).rejects.toThrow(/^MIG017 001_test_rollback\.sql .*would lose rows/);
    await expect(rollBack()).rejects.toThrow(loss);
    expect(await number("select sum(visits) from public.notes")).toBe(before);
    expect(await number("select count(*) from public.large")).toBe(100);
    expect(await number("select count(note) from public.likes")).toBe(4);
    const forced = "select count(*) from pg_class where relforcerowsecurity and relname = 'large'";
    expect(await number(forced)).toBe(1);
  });

  it("goes on when that is allowed", async () => {
    await apply(
      "-- dropped: table public.large\ndelete from public.notes; drop table public.large;",
    );
    await expect(rollBack(true)).resolves.toEqual(["001_test"]);
    expect(await number("select count(*) from public.notes")).toBe(0);
  });
});

describe("a rollback of two migrations of which the older would lose rows", () => {
  it("tells that the newer one is rolled back, and stays so", async () => {
    await apply("drop table public.large;");
    await applyPending(fixture.settings, [
      BASE,
      trio("001", "select 1;", { rollback: "drop table public.large;" }),
      trio("002", "select 2;", { rollback: "select 3;" }),
    ]);
    const lines: string[] = [];
    const report = (line: string) => void lines.push(line);
    await expect(rollbackTo(fixture.settings, "000", { report })).rejects.toThrow(
      /^MIG017 001_test.*public\.large: 100\)\. Its transaction was undone\./,
    );
    expect(lines.at(-1)).toBe("Rolled back before that, and stays so: 002_test");
  });
});

describe("a rollback that deletes from a table of somebody else", () => {
  it("is refused with the number that the server counts", async () => {
    await superuser.query("create table public.others (id integer)");
    await superuser.query("insert into public.others select generate_series(1, 4)");
    await superuser.query(
      `alter table public.others enable row level security;
       alter table public.others force row level security;
       create policy p on public.others to migrator using (true) with check (true);
       grant select, update, delete on public.others to migrator;`,
    );
    await apply("delete from public.others where id < 4;");
    await expect(rollBack()).rejects.toThrow(/^MIG017 .*\(public\.others: 3\)/);
  });
});

describe("a rollback that loses nothing", () => {
  it.each(KEEPING)("goes on: %s", async (_how, rollback) => {
    await apply(rollback);
    await expect(rollBack()).resolves.toEqual(["001_test"]);
  });

  it("goes on when what it drops was emptied before", async () => {
    await apply(
      `-- dropped: table public.large
${hidden("drop table public.large")}alter table public.notes drop column note;`,
    );
    await superuser.query("delete from public.large; update public.notes set note = null");
    await expect(rollBack()).resolves.toEqual(["001_test"]);
  });

  it("runs once, and counts no table that it does not write", async () => {
    await apply(
      `select nextval('public.runs'); alter table public.large add column more text;
${block("alter table public.notes drop column empty; update public.notes set note = 'x';")}`,
    );
    await superuser.query("select pg_stat_reset()");
    await rollBack();
    expect(await number("select last_value - 1 + is_called::integer from public.runs")).toBe(1);
    const scans = "select seq_scan from pg_stat_user_tables where relid = 'public.large'::regclass";
    expect(await number(scans)).toBe(0);
  });
});

describe("a rollback of several steps that would lose rows", () => {
  const CONCURRENT = "create index concurrently large_note on public.large (note);";

  it("is refused before its first step where the text says so", async () => {
    await apply(`drop index concurrently public.large_note; drop table public.large;`, CONCURRENT);
    await expect(rollBack()).rejects.toThrow(/^MIG017 .*public\.large: 100/);
    expect(await number("select count(*) from pg_class where relname = 'large_note'")).toBe(1);
  });

  it("is refused at the step that does, and goes on there", async () => {
    await apply(
      `drop index concurrently public.large_note; ${hidden("drop table public.large")}`,
      CONCURRENT,
    );
    await expect(rollBack()).rejects.toThrow(/^MIG017 .*public\.large: 100/);
    expect(await number("select count(*) from public.large")).toBe(100);
    await expect(rollBack()).rejects.toThrow(/^MIG017 .*public\.large: 100/);
    await expect(rollBack(true)).resolves.toEqual(["001_test"]);
  });
});
