import type { Client } from "pg";
import { applyPending } from "../../migrator/src";
import { makePlan, readPlan, renderPlan } from "../../migrator/src/plan";
import {
  type MigratorFixture,
  createFixture,
  projectTrios,
  protectedTable,
  trio,
} from "./migration-fixture";

let fixture: MigratorFixture;
let migrator: Client;
let superuser: Client;

beforeAll(async () => {
  fixture = await createFixture();
  migrator = await fixture.database.connect("migrator");
  superuser = await fixture.database.connect("postgres");
});
afterAll(() => fixture.database.drop());

describe("renderPlan", () => {
  const notes = protectedTable("000", "notes");
  const changes = trio(
    "001",
    `create table public.tags (id integer primary key);
alter table public.tags enable row level security;
alter table public.tags force row level security;
alter table public.notes add column token uuid default gen_random_uuid();
select public.fill('canary');
alter table public.notes drop column note;
`,
    { rollback: "alter table public.notes drop column token; drop table public.tags;" },
  );
  const index = trio("002", "create index concurrently notes_token on public.notes (token);\n");

  it("tells what is there, what each statement locks, what is lost, and what to run", async () => {
    await applyPending(fixture.settings, [notes]);
    await superuser.query("insert into public.notes select n from generate_series(1, 12345) n");
    await superuser.query("analyze public.notes");
    const { rows } = await superuser.query<{ kilobytes: number }>(
      "select pg_total_relation_size('public.notes')::integer / 1024 as kilobytes",
    );
    const size = `about 12,345 rows, ${rows[0]?.kilobytes} kB`;
    const plan = await readPlan(migrator, [notes, changes, index]);
    const { systemIdentifier, databaseOid } = plan.database ?? {};
    expect(renderPlan(plan)).toBe(
      `Database ${fixture.database.name} (system ${systemIdentifier}, database ${databaseOid}): 1 applied, 2 pending.

001_test: one transaction; deletes data, may delete data, rewrites table, blocks reads, blocks writes, changes access
  sql/001_test.sql:4  alter table public.notes add column token uuid default gen_random_uuid()
                        ACCESS EXCLUSIVE on public.notes, rewrites table
  sql/001_test.sql:5  select public.fill('…')
                        may delete data
                        not known: what public.fill() does cannot be told from the text
  sql/001_test.sql:6  alter table public.notes drop column note
                        ACCESS EXCLUSIVE on public.notes, deletes data
  3 more on what this plan makes, or without lock and hazard
  locks      ACCESS EXCLUSIVE on public.notes (${size})
  loses      public.notes, column note (about 12,345 rows)
  rollback   loses public.notes, column token (about 12,345 rows)
             loses public.tags (new: what is written to it by then)

002_test: step by step, with a journal; builds index
  sql/002_test.sql:1  create index concurrently notes_token on public.notes (token)
                        SHARE UPDATE EXCLUSIVE on public.notes, builds index, alone
                        waits for transactions that write to the table, and for those with an older snapshot
  locks      SHARE UPDATE EXCLUSIVE on public.notes (${size})
  rollback   there is none

Plan ${plan.hash}
Run exactly this: npx migrator up --plan ${plan.hash}`,
    );
    expect(renderPlan(plan, { full: true })).toContain(
      "  sql/001_test.sql:2  alter table public.tags enable row level security\n" +
        "                        ACCESS EXCLUSIVE on public.tags, changes access\n",
    );
  });

  it("tells what is to be rolled back", async () => {
    await applyPending(fixture.settings, [notes]);
    const later = protectedTable("001", "later");
    await applyPending(fixture.settings, [notes, later]);
    const plan = await readPlan(migrator, [notes, later], { target: "000" });
    expect(renderPlan(plan).split("\n")).toEqual([
      expect.stringMatching(/: 2 applied, 0 pending, to be rolled back: 001_test\.$/),
      "",
      "001_test: to be rolled back",
      expect.stringMatching(/^ {2}rollback {3}loses public\.later \(about 0 rows, \d+ kB\)$/),
      "",
      `Plan ${plan.hash}`,
      "Rolled back by a deployment of the stack, or by: npx migrator rollback --to 000",
    ]);
    const nothing = await readPlan(migrator, [notes, later]);
    expect(renderPlan(nothing).split("\n").slice(1)).toEqual([
      "",
      `Nothing to do. Plan ${nothing.hash}`,
    ]);
    expect(nothing.hash).not.toBe(plan.hash);
  });

  it("offers no run of a plan that knows too little", async () => {
    const plan = await makePlan(undefined, { pending: projectTrios(), history: undefined });
    const lines = renderPlan(plan).split("\n");
    expect(lines.slice(0, 2)).toEqual([
      "No database: 2 pending.",
      "Note: The database was not asked. This plan is made from the files alone: all of them count as " +
        "pending, and sizes, rows and sessions are not known.",
    ]);
    expect(lines.at(-1)).toBe(`Plan ${plan.hash}; \`up\` cannot be held to it, see above.`);
    expect(lines).toContain("  locks      ACCESS EXCLUSIVE on public.users");
  });
});
