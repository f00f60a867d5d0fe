import type { Client } from "pg";
import { type Trio, applyPending, readHistory, rollbackTo } from "../../migrator/src";
import { type MigratorFixture, createFixture, protectedTable, trio } from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

// What nothing undoes: a sequence that was used shows that a migration has run, committed or not.
const base = trio(
  "000",
  `create sequence public.runs;
create table public.notes (id integer);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy notes_migrator on public.notes to migrator using (true) with check (true);
create table public.marks (id bigint default nextval('public.runs'));
alter table public.marks enable row level security;
alter table public.marks force row level security;
create policy marks_migrator on public.marks to migrator using (true) with check (true);
create function public.refuse() returns trigger language plpgsql set search_path = ''
as $$ begin raise exception 'refused at commit'; end $$;
revoke all on function public.refuse() from public;
create constraint trigger notes_refuse after insert on public.notes
  deferrable initially deferred for each row execute function public.refuse();
`,
);
const counted = (version: string) =>
  trio(version, "insert into public.marks default values;\n", {
    rollback: "insert into public.marks default values;\n",
  });

async function runs(): Promise<number> {
  const { rows } = await superuser.query<{ runs: number }>(
    "select (last_value - 1 + is_called::integer)::integer as runs from public.runs",
  );
  return rows[0]?.runs ?? -1;
}

/** What the log has of each event, in order. */
async function events(): Promise<string[]> {
  const { rows } = await superuser.query<{ event: string }>(
    "select event || ' ' || version as event from migrations.log order by id",
  );
  return rows.map(({ event }) => event);
}

describe("a run of migrations", () => {
  it("commits each before the next one is, with an entry for each", async () => {
    const entries = await applyPending(fixture.settings, [base, ...["001", "002"].map(counted)]);
    expect(entries.map(({ version, applied }) => [version, applied])).toEqual([
      ["000", true],
      ["001", true],
      ["002", true],
    ]);
    expect(entries).toEqual(await readHistory(fixture.settings));
    expect(await runs()).toBe(2);
  });

  it("runs nothing of a migration when the commit before it fails", async () => {
    const refused = trio("002", "insert into public.notes values (1);\n");
    const trios = [base, counted("001"), refused, counted("003")];
    await expect(applyPending(fixture.settings, trios)).rejects.toThrow("refused at commit");
    expect(await events()).toEqual(["apply 000", "apply 001", "failure 002"]);
    expect(await runs()).toBe(1);
  });

  it("runs nothing of a migration when the verify file before it raises", async () => {
    const verify = "do $$ begin raise exception 'not as promised'; end $$;";
    const trios = [base, counted("001"), { ...counted("002"), ...part(verify) }, counted("003")];
    await expect(applyPending(fixture.settings, trios)).rejects.toThrow(
      /^MIG005 sql\/002_test_verify\.sql:1:4: not as promised/,
    );
    expect(await events()).toEqual(["apply 000", "apply 001", "failure 002"]);
    // Sequences are not undone, so that of 002 counts.
    expect(await runs()).toBe(2);
  });

  it("keeps what is committed when the next migration fails", async () => {
    const wrong = trio("002", "select public.nothing();\n");
    const trios = [base, counted("001"), wrong, counted("003")];
    await expect(applyPending(fixture.settings, trios)).rejects.toThrow(
      /^MIG005 sql\/002_test\.sql/,
    );
    expect(await events()).toEqual(["apply 000", "apply 001", "failure 002"]);
  });

  it("commits a migration when the file of the next one cannot be read", async () => {
    const trios = [base, counted("001"), trio("002", "selekt 1;\n"), counted("003")];
    await expect(applyPending(fixture.settings, trios)).rejects.toThrow(
      /^POL001 sql\/002_test\.sql/,
    );
    expect(await events()).toEqual(["apply 000", "apply 001"]);
  });

  it("commits nothing that the gate refuses, and what is before it", async () => {
    const open = trio("002", "alter table public.notes disable row level security;\n");
    const trios = [base, counted("001"), open, counted("003")];
    await expect(applyPending(fixture.settings, trios)).rejects.toThrow(/^MIG006 002_test/);
    expect(await events()).toEqual(["apply 000", "apply 001", "failure 002"]);
    expect(await runs()).toBe(1);
  });

  it("tries one again whose verify file met a lock, and then the next one", async () => {
    const blocker = await fixture.database.connect("postgres");
    const verify = "do $$ begin perform from public.notes; end $$;";
    const trios = [base, counted("001"), { ...counted("002"), ...part(verify) }, counted("003")];
    const lines: string[] = [];
    const report = (line: string) => {
      lines.push(line);
      if (line.startsWith("001_test")) locked = blocker.query("begin; lock table public.notes");
      if (line.startsWith("Could not get a lock")) void blocker.query("rollback");
    };
    let locked: Promise<unknown> = Promise.resolve();
    const options = { report, transaction: { lockTimeoutMs: 50 } };
    const entries = await applyPending(fixture.settings, trios, options);
    await locked;
    expect(lines.filter((line) => line.startsWith("Could not get a lock"))).toEqual([
      "Could not get a lock (SQLSTATE 55P03); try 2 of 10 follows.",
    ]);
    expect(entries.map(({ version }) => version)).toEqual(["000", "001", "002", "003"]);
    expect(await events()).toEqual(["apply 000", "apply 001", "apply 002", "apply 003"]);
    // 002 ran twice, and 003 once.
    expect(await runs()).toBe(4);
  });

  it("follows the catalog from one migration to the next, as it is read afresh", async () => {
    const column = trio("001", "alter table public.tasks add column title text;\n");
    await applyPending(fixture.settings, [
      trio("000", protectedTable("000", "tasks").forward.sql),
      column,
      trio("002", "alter table public.tasks rename column title to name;\n"),
    ]);
    const before = (await readHistory(fixture.settings)).at(-1)?.catalogDigest;
    const entries = await applyPending(fixture.settings, [
      trio("000", protectedTable("000", "tasks").forward.sql),
      column,
      trio("002", "alter table public.tasks rename column title to name;\n"),
      trio("003", "comment on table public.tasks is 'Tasks.';\n"),
    ]);
    const { rows } = await superuser.query(
      "select catalog_digest_before from migrations.log where version = '003'",
    );
    expect(rows).toEqual([{ catalog_digest_before: before }]);
    expect(entries).toHaveLength(1);
  });
});

describe("a run of rollbacks", () => {
  it("undoes nothing of a migration when the commit before it fails", async () => {
    const refused: Trio = {
      ...counted("002"),
      rollback: { file: "sql/002_test_rollback.sql", sql: "insert into public.notes values (1);" },
    };
    await applyPending(fixture.settings, [base, counted("001"), refused, counted("003")]);
    const before = await runs();
    await expect(rollbackTo(fixture.settings, "000")).rejects.toThrow("refused at commit");
    expect((await events()).slice(4)).toEqual(["rollback 003", "failure 002"]);
    expect(await runs()).toBe(before + 1);
  });
});

function part(verify: string): Pick<Trio, "verify"> {
  return { verify: { file: "sql/002_test_verify.sql", sql: verify } };
}
