import type { Client } from "pg";
import { applyPending, inspectTrio } from "../../migrator/src";
import {
  type Plan,
  type PlannedMigration,
  makePlan,
  reachPlan,
  readPlan,
  refuseChangedPlan,
} from "../../migrator/src/plan";
import {
  type MigratorFixture,
  createFixture,
  projectTrios,
  protectedTable,
  trio,
} from "./migration-fixture";
import { type Reader, createReader, traced } from "./plan-fixture";

let fixture: MigratorFixture;
let migrator: Client;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  migrator = await fixture.database.connect("migrator");
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

function only(plan: Plan): PlannedMigration {
  const [migration, ...others] = plan.migrations;
  if (!migration || others.length > 0) throw new Error("One pending migration is expected.");
  return migration;
}

async function catalogRows(): Promise<unknown> {
  const { rows } = await superuser.query(
    `select (select count(*)::integer from pg_class) as relations,
            (select count(*)::integer from pg_depend) as dependencies,
            (select count(*)::integer from pg_locks where locktype = 'advisory'
                and database = (select oid from pg_database where datname = current_database())) as advisory,
            to_regclass('migrations.log') as log`,
  );
  return rows[0];
}

describe("readPlan", () => {
  it("shows the project's migrations on an empty database, everything new and no hazard to anyone", async () => {
    const plan = await readPlan(migrator, projectTrios());
    expect(plan).toMatchObject({
      limits: [],
      applied: [],
      database: { name: fixture.database.name },
    });
    expect(
      plan.migrations.map(({ name, destructive, hazards, blockers }) => ({
        name,
        destructive,
        hazards,
        blockers,
      })),
    ).toEqual(
      ["000_existing_schema", "001_add_missing_tables"].map((name) => ({
        name,
        destructive: false,
        hazards: ["changes access"],
        blockers: [],
      })),
    );
    expect(plan.migrations[1]?.rollback).toEqual({
      exists: true,
      losses: ["export_history", "user_progress", "user_api_keys"].map((table) => ({
        relation: `public.${table}`,
        column: null,
        presence: "new",
        rows: null,
        bytes: null,
      })),
      unclear: [],
    });
  });

  it("shows what 001 does to an application that is there: place, lock, size and rows", async () => {
    const [first, { forward }] = projectTrios();
    await applyPending(fixture.settings, [first]);
    await superuser.query(
      "insert into public.users (email) select 'user' || n from generate_series(1, 3000) n",
    );
    await superuser.query("analyze public.users");
    const { rows } = await superuser.query<{ bytes: number }>(
      "select pg_total_relation_size('public.users')::integer as bytes",
    );
    const migration = only(await readPlan(migrator, projectTrios()));
    expect(migration.hazards).toEqual(["blocks reads", "blocks writes", "changes access"]);
    const felt = migration.relations.filter(({ presence }) => presence === "there");
    expect(felt).toEqual([
      {
        relation: "public.users",
        mode: "ACCESS EXCLUSIVE",
        presence: "there",
        rows: 3000,
        bytes: rows[0]?.bytes,
        through: null,
      },
      {
        relation: "public.sessions",
        mode: "ACCESS EXCLUSIVE",
        presence: "there",
        rows: 0,
        bytes: 16384,
        through: null,
      },
    ]);
    expect(migration.statements.find(({ text }) => text.startsWith("create policy users"))).toEqual(
      {
        file: "sql/001_add_missing_tables.sql",
        line: 1 + forward.sql.split("\n").findIndex((line) => /^create policy users_m/.test(line)),
        column: 1,
        text: "create policy users_migrator on public.users for select to migrator using (true)",
        runs: "in a transaction",
        locks: [felt[0]],
        hazards: ["blocks reads", "blocks writes", "changes access"],
        onlyNew: false,
        unclear: [],
        notes: [],
      },
    );
  });

  it("counts what a destructive migration, and the rollback of another, would lose", async () => {
    const notes = protectedTable("000", "notes");
    await applyPending(fixture.settings, [notes]);
    await superuser.query("insert into public.notes select n, 'x' from generate_series(1, 500) n");
    await superuser.query("analyze public.notes");
    const loses = trio("001", "alter table public.notes drop column note;", {
      rollback: "drop table public.notes; truncate public.gone;",
    });
    const migration = only(await readPlan(migrator, [notes, loses]));
    expect(migration).toMatchObject({
      destructive: true,
      hazards: ["deletes data", "blocks reads", "blocks writes"],
      losses: [{ relation: "public.notes", column: "note", rows: 500, presence: "there" }],
      rollback: {
        losses: [
          { relation: "public.notes", column: null, rows: 500, presence: "there" },
          { relation: "public.gone", column: null, rows: null, presence: "absent" },
        ],
      },
    });
    for (const harmless of [
      "create table public.t (id integer); drop table public.t;",
      "drop table if exists public.gone;",
    ]) {
      expect(only(await readPlan(migrator, [notes, trio("001", harmless)]))).toMatchObject({
        destructive: false,
        hazards: [],
        losses: [],
        rollback: { exists: false, losses: [] },
      });
    }
    const bare = only(await readPlan(migrator, [notes, trio("001", "drop table if exists gone;")]));
    expect(bare).toMatchObject({
      destructive: true,
      statements: [{ unclear: ["which table gone is, without its schema"] }],
    });
  });

  it("says of a new type whether the catalog's old one makes it rewrite the table", async () => {
    await migrator.query(
      `create schema a;
       create table a.t (id integer, name varchar(20), amount numeric(8, 2));`,
    );
    const hazards = async (change: string) => {
      const migration = only(await readPlan(migrator, [trio("000", `alter table a.t ${change};`)]));
      return migration.hazards;
    };
    expect(await hazards("alter column name type text")).toEqual(["blocks reads", "blocks writes"]);
    expect(await hazards("alter column amount type numeric(10, 2)")).not.toContain(
      "rewrites table",
    );
    expect(await hazards("alter column name type varchar(10)")).toContain("rewrites table");
    expect(await hazards("alter column id type bigint")).toContain("rewrites table");
  });

  it("follows tables that the plan itself makes, renames and drops", async () => {
    await migrator.query("create schema a; create table a.t (id integer)");
    const sql = `create table a.u (id integer);
alter table a.u add column note text;
alter table a.t rename to v;
alter table a.v add column note text;
drop table a.v;
create table a.t (id integer);
drop table a.t;`;
    const migration = only(await readPlan(migrator, [trio("000", sql)]));
    expect(
      migration.statements.map(({ locks, hazards }) => [
        locks.map(({ relation, presence }) => `${relation} ${presence}`).join(),
        hazards.includes("deletes data"),
      ]),
    ).toEqual([
      ["", false],
      ["a.u new", false],
      ["a.t there", false],
      ["a.v there", false],
      ["a.v there", true],
      ["", false],
      ["a.t new", false],
    ]);
  });

  it("adds up the partitions of a table", async () => {
    await migrator.query(
      `create schema a;
       create table a.m (at date not null) partition by range (at);
       create table a.m_1 partition of a.m for values from ('2025-01-01') to ('2026-01-01');
       create table a.m_2 partition of a.m for values from ('2026-01-01') to ('2027-01-01');
       insert into a.m select date '2025-12-01' + n from generate_series(0, 99) n;
       analyze a.m;`,
    );
    const migration = only(
      await readPlan(migrator, [trio("000", "alter table a.m add column note text;")]),
    );
    expect(migration.relations).toMatchObject([{ relation: "a.m", rows: 100, bytes: 16384 }]);
  });

  it("says which steps run alone or in batches", async () => {
    await migrator.query("create schema a; create table a.t (id integer primary key, note text)");
    const sql = `create index concurrently t_note on a.t (note);
-- batch: table a.t, key id
update a.t u set note = 'x' where u.id = u.id /* batch: u.id */;
`;
    const plan = await readPlan(migrator, [trio("000", sql)]).catch((error: unknown) => error);
    expect(plan).toMatchObject({
      migrations: [
        { transactional: false, statements: [{ runs: "alone" }, { runs: "in batches" }] },
      ],
    });
  });

  it("acceptance 8: refuses what up would refuse: an edited file", async () => {
    const notes = protectedTable("000", "notes");
    await applyPending(fixture.settings, [notes]);
    const edited = { ...notes, forward: { ...notes.forward, sql: "select 1;" } };
    await expect(readPlan(migrator, [edited])).rejects.toThrow(/^MIG008 000_test was edited/);
  });
});

describe("a role that may only read", () => {
  let reader: Reader | undefined;
  afterEach(async () => {
    await reader?.drop();
    reader = undefined;
  });

  it("acceptance 6, safety 10: makes the migrator's own plan, and writes and locks nothing, without a log", async () => {
    reader = await createReader(fixture.database, superuser, ["pg_read_all_data"]);
    const before = await catalogRows();
    const { client, traces } = traced(reader.client);
    const plan = await readPlan(client, projectTrios());
    expect(traces).toMatchObject({ transaction: null, readOnly: "on", locks: [] });
    expect(await catalogRows()).toEqual(before);
    expect(before).toMatchObject({ log: null });
    expect(plan).toEqual(await readPlan(migrator, projectTrios()));
    await expect(reader.client.query("create table public.t (id integer)")).rejects.toThrow(
      "permission denied for schema public",
    );
  });

  it("acceptance 6, safety 10: makes the migrator's own plan with a log, and writes and locks nothing", async () => {
    const [first] = projectTrios();
    await applyPending(fixture.settings, [first]);
    reader = await createReader(fixture.database, superuser, ["pg_read_all_data"]);
    const { client, traces } = traced(reader.client);
    const plan = await readPlan(client, projectTrios());
    expect(traces).toMatchObject({ transaction: null, readOnly: "on", locks: [] });
    expect(plan).toEqual(await readPlan(migrator, projectTrios()));
    expect(plan.applied).toEqual(["000_existing_schema"]);
    // The migrator, under its lock, accepts what the reader saw.
    await refuseChangedPlan(migrator, projectTrios(), plan.hash);
  });

  it("says that it does not know what is applied, when it may not read the log", async () => {
    const [first] = projectTrios();
    await applyPending(fixture.settings, [first]);
    reader = await createReader(fixture.database, superuser);
    const plan = await readPlan(reader.client, projectTrios());
    expect(plan.limits).toEqual([
      "This role may not read migrations.log, so that all files count as pending: grant it " +
        "pg_read_all_data.",
    ]);
    expect(plan.applied).toBeUndefined();
    expect(plan.migrations.map(({ name }) => name)).toEqual(projectTrios().map(({ name }) => name));
    expect(plan.hash).not.toBe((await readPlan(migrator, projectTrios())).hash);

    // Rows that a policy hides are not taken for rows that are not there.
    await superuser.query(
      `grant usage on schema migrations to ${reader.name};
       grant select on migrations.log to ${reader.name}`,
    );
    expect((await readPlan(reader.client, projectTrios())).applied).toBeUndefined();
    await superuser.query(`grant pg_read_all_data to ${reader.name}`);
    expect((await readPlan(reader.client, projectTrios())).applied).toEqual([first.name]);
  });
});

describe("a plan without a database", () => {
  it("is made from the files, and gives the reason", async () => {
    const plan = await makePlan(
      undefined,
      { pending: projectTrios(), history: undefined },
      { unreachable: "There is no route." },
    );
    expect(plan).toMatchObject({
      database: undefined,
      applied: undefined,
      limits: [
        "There is no route. This plan is made from the files alone: all of them count as pending, " +
          "and sizes, rows and sessions are not known.",
      ],
    });
    expect(plan.migrations[1]?.hazards).toEqual([
      "blocks reads",
      "blocks writes",
      "changes access",
    ]);
    expect(plan.migrations[1]?.relations[0]).toEqual({
      relation: "public.users",
      mode: "ACCESS EXCLUSIVE",
      presence: "unknown",
      rows: null,
      bytes: null,
      through: null,
    });
  });

  it("names the error when the server is not there, and reads it when it is", async () => {
    const gone = { ...fixture.settings, port: 1 };
    const plan = await reachPlan(gone, projectTrios());
    expect(plan.limits[0]).toMatch(/^MIG003 Could not connect to database .* ECONNREFUSED/);
    expect((await reachPlan(fixture.settings, projectTrios())).limits).toEqual([]);
  });
});

describe("the hash of a plan", () => {
  const notes = protectedTable("000", "notes");
  const more = trio("001", "alter table public.notes add column more text;");

  it("stays the same while rows, sizes and sessions change", async () => {
    await applyPending(fixture.settings, [notes]);
    const { hash } = await readPlan(migrator, [notes, more]);
    await superuser.query("insert into public.notes select n from generate_series(1, 1000) n");
    await superuser.query("analyze public.notes");
    const holder = await fixture.database.connect("migrator");
    await holder.query("begin; lock table public.notes in row exclusive mode");
    const plan = await readPlan(migrator, [notes, more]);
    expect(plan.hash).toBe(hash);
    expect(only(plan)).toMatchObject({ relations: [{ rows: 1000 }], blockers: [{}] });
    await refuseChangedPlan(migrator, [notes, more], hash);
  });

  it("changes with the catalog, with a file, with what is applied, and with the database", async () => {
    await applyPending(fixture.settings, [notes]);
    const { hash } = await readPlan(migrator, [notes, more]);
    const seen = new Set([hash]);
    const differs = async (plan: Promise<Plan>) => {
      const other = (await plan).hash;
      expect(seen).not.toContain(other);
      seen.add(other);
    };
    for (const part of ["forward", "rollback", "verify"] as const) {
      const edited = { ...more, [part]: { ...more[part], sql: `${more[part].sql}\n-- More.` } };
      await differs(readPlan(migrator, [notes, edited]));
    }
    await superuser.query("grant select on public.notes to authenticated");
    await differs(readPlan(migrator, [notes, more]));
    await superuser.query("revoke select on public.notes from authenticated");
    expect((await readPlan(migrator, [notes, more])).hash).toBe(hash);
    await applyPending(fixture.settings, [notes, more]);
    await differs(readPlan(migrator, [notes, more]));

    const other = await createFixture();
    try {
      await applyPending(other.settings, [notes]);
      await differs(readPlan(await other.database.connect("migrator"), [notes, more]));
    } finally {
      await other.database.drop();
    }
  });

  it("is demanded before a run, and the refusal names both and what is pending", async () => {
    await applyPending(fixture.settings, [notes]);
    const { hash } = await readPlan(migrator, [notes, more]);
    await superuser.query("create index notes_note on public.notes (note)");
    const now = (await readPlan(migrator, [notes, more])).hash;
    await expect(refuseChangedPlan(migrator, [notes, more], hash)).rejects.toThrow(
      `MIG020 The plan that was approved (${hash}) is not the plan of now (${now}): since then a ` +
        "file, the catalog, or what is applied has changed, or it was made for another database or " +
        "without one. Pending now: 001_test. Nothing was run. Look at the new plan with " +
        "`npx migrator plan`, and approve that.",
    );
    await refuseChangedPlan(migrator, [notes, more], now);
  });

  it("is over the digests that the log keeps", async () => {
    await applyPending(fixture.settings, [notes]);
    const digests = await inspectTrio(notes);
    const history = [{ version: "000", name: notes.name, event: "apply", applied: true, digests }];
    const plan = await makePlan(migrator, {
      pending: [more],
      history: history as Parameters<typeof makePlan>[1]["history"],
    });
    expect(plan.hash).toBe((await readPlan(migrator, [notes, more])).hash);
  });
});
