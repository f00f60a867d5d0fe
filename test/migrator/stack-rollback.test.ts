import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Client } from "pg";
import {
  type AttestationInputs,
  type AttestationState,
  type MigrationInputs,
  type MigrationState,
  type PlanInputs,
  type PlanState,
  type Trio,
  attestationLifecycle,
  migrationLifecycle,
  applyPending,
  planLifecycle,
  providers,
  readHistory,
  readTrios,
  rollbackTo,
} from "../../migrator/src";
import { acceptDrift, repair } from "../../migrator/src/run/repair";
import {
  type MigratorFixture,
  createFixture,
  protectedTable,
  trio,
  writeTrios,
} from "./migration-fixture";

const waivers = { file: "policy/waivers.json", environment: "local" } as const;
const NOTES = protectedTable("000", "notes");
const KEYS = protectedTable("001", "keys");
const TOPICS = protectedTable("002", "topics");

let fixture: MigratorFixture;
let superuser: Client;
let directory: string;
let stack: Stack;
/** What the engine shows of what the resources print. */
let shown: string[];

beforeEach(async () => {
  shown = [];
  jest.spyOn(console, "log").mockImplementation((line: string) => shown.push(line));
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  directory = mkdtempSync(path.join(tmpdir(), "stack-rollback-"));
  writeTrios(directory, [NOTES, KEYS, TOPICS]);
  stack = new Stack();
});
afterEach(async () => {
  jest.restoreAllMocks();
  rmSync(directory, { recursive: true });
  await fixture.database.drop();
});

interface Resource<Inputs, State> {
  inputs: Inputs;
  outs: State;
}

interface Settings {
  target?: string;
  allowDataLoss?: boolean;
}

/** The resources as Pulumi calls them: plan, migrations, attestation, and at the end what is gone. */
class Stack {
  private plan: Resource<PlanInputs, PlanState> | undefined;
  private migrations = new Map<string, Resource<MigrationInputs, MigrationState>>();
  private attestation: Resource<AttestationInputs, AttestationState> | undefined;

  /** What a deployment, or its preview, changes; throws what stops it. */
  async run(kind: "preview" | "up", settings: Settings = {}): Promise<string[]> {
    const { target = "", allowDataLoss = false } = settings;
    const connection = fixture.settings;
    const isUp = kind === "up";
    const changed: string[] = [];

    const planInputs = {
      ...{ connection, directory, target, allowDataLoss, waivers },
      ...{ approvedPlan: "", snapshots: null },
    };
    const plan = await planLifecycle.check(this.plan?.inputs ?? {}, planInputs);
    refuse(plan.failures);
    let planned: PlanInputs | PlanState = plan.inputs;
    if (!this.plan || planLifecycle.diff(this.plan.outs, plan.inputs).changes) {
      changed.push("plan");
      if (isUp) {
        const { outs } = this.plan
          ? await planLifecycle.update(plan.inputs)
          : await planLifecycle.create(plan.inputs);
        planned = outs;
        this.plan = { inputs: plan.inputs, outs };
      }
    } else planned = this.plan.outs;

    const wanted = readTrios(directory).filter(({ version }) => !target || version <= target);
    for (const each of wanted) {
      const known = this.migrations.get(each.name);
      const { pending = [], newestEntry } = planned;
      const pendingAfter = newestEntry && pending.includes(each.name) ? newestEntry.id : null;
      const { inputs, failures } = await migrationLifecycle.check(known?.inputs ?? {}, {
        ...sqlOf(each),
        ...{ connection, connectRoles: [], waivers, pendingAfter },
        ...{ snapshot: "", restoreCommand: "" },
      });
      refuse(failures);
      if (known && !migrationLifecycle.diff(known.outs, inputs).changes) continue;
      changed.push(each.name);
      if (!isUp) continue;
      const { outs } = known
        ? await migrationLifecycle.update(known.outs, inputs)
        : await migrationLifecycle.create(inputs);
      this.migrations.set(each.name, { inputs, outs });
    }

    const migrations = wanted.map(({ forward }) => forward.sql);
    const attested = await attestationLifecycle.check(this.attestation?.inputs ?? {}, {
      connection,
      migrations,
    });
    refuse(attested.failures);
    const { inputs } = attested;
    if (!this.attestation || attestationLifecycle.diff(this.attestation.outs, inputs).changes) {
      changed.push("attestation");
      if (isUp) {
        const { outs } = await attestationLifecycle.update(inputs);
        this.attestation = { inputs, outs };
      }
    }

    for (const name of [...this.migrations.keys()].reverse()) {
      if (wanted.some((each) => each.name === name)) continue;
      changed.push(`delete ${name}`);
      if (isUp) this.delete(name);
    }
    return changed;
  }

  /** Deletes everything, the plan last. */
  async destroy(): Promise<void> {
    for (const name of [...this.migrations.keys()].reverse()) this.delete(name);
    if (this.plan) await providers.MigrationPlan.delete("", this.plan.outs);
  }

  /** Deletes the resource of a migration, of which the database hears nothing. */
  delete(name: string): void {
    expect(providers.Migration).not.toHaveProperty("delete");
    this.migrations.delete(name);
  }

  /** What the state says of a migration. */
  migration(name: string): MigrationState | undefined {
    return this.migrations.get(name)?.outs;
  }
}

function refuse([failure]: { reason: string }[]): void {
  if (failure) throw new Error(failure.reason);
}

function sqlOf({ version, name, forward, rollback, verify }: Trio) {
  const files = {
    forwardFile: forward.file,
    rollbackFile: rollback.file,
    verifyFile: verify.file,
  };
  const sql = { forwardSql: forward.sql, rollbackSql: rollback.sql, verifySql: verify.sql };
  return { version, name, ...files, ...sql };
}

async function tables(): Promise<string[]> {
  const { rows } = await superuser.query<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1",
  );
  return rows.map(({ name }) => name);
}

describe("a stack whose target is lowered", () => {
  it("keeps rows that the new configuration does not allow to lose, though the old one did", async () => {
    await stack.run("up", { allowDataLoss: true });
    await superuser.query("insert into public.keys values (1, 'secret')");
    await expect(stack.run("up", { target: "000", allowDataLoss: false })).rejects.toThrow(
      /^MIG017 001_test_rollback\.sql .*public\.keys: 1/,
    );
    expect(await tables()).toEqual(["keys", "notes"]);
  });

  it("loses rows that the new configuration allows to lose, though the old one did not", async () => {
    await stack.run("up", { allowDataLoss: false });
    await superuser.query("insert into public.keys values (1, 'secret')");
    await stack.run("up", { target: "000", allowDataLoss: true });
    expect(await tables()).toEqual(["notes"]);
  });

  it("rolls back newest first, and attests the database as it is then", async () => {
    await stack.run("up");
    const settings = { target: "000" };
    const changes = ["plan", "attestation", "delete 002_test", "delete 001_test"];
    expect(await stack.run("preview", settings)).toEqual(changes);
    expect(await tables()).toEqual(["keys", "notes", "topics"]);
    expect(await stack.run("up", settings)).toEqual(changes);
    expect(await tables()).toEqual(["notes"]);
    const { rows } = await superuser.query(
      "select version from migrations.log where event = 'rollback' order by id",
    );
    expect(rows).toEqual([{ version: "002" }, { version: "001" }]);
    expect(shown).toEqual(["002_test: rolling back (1 of 2)", "001_test: rolling back (2 of 2)"]);
    expect(await stack.run("preview", settings)).toEqual([]);
  });

  it("keeps rows when Pulumi goes on after a failure and deletes what is above the target", async () => {
    await stack.run("up", { allowDataLoss: true });
    await superuser.query("insert into public.topics values (1, 'a')");
    const settings = { target: "001", allowDataLoss: false };
    await expect(stack.run("up", settings)).rejects.toThrow(/^MIG017/);
    stack.delete("002_test");
    expect(await tables()).toEqual(["keys", "notes", "topics"]);
    await expect(stack.run("up", settings)).rejects.toThrow(/^MIG017/);
    await stack.run("up", { target: "001", allowDataLoss: true });
    expect(await tables()).toEqual(["keys", "notes"]);
  });

  it("goes up again", async () => {
    await stack.run("up");
    await stack.run("up", { target: "000" });
    expect(await stack.run("up")).toEqual(["plan", "001_test", "002_test", "attestation"]);
    expect(await tables()).toEqual(["keys", "notes", "topics"]);
    expect(await stack.run("preview")).toEqual([]);
  });

  it("applies again what it had rolled back before it was stopped, when the target is taken back", async () => {
    await stack.run("up");
    await superuser.query("insert into public.keys values (1, 'secret')");
    await expect(stack.run("up", { target: "000" })).rejects.toThrow(/^MIG017/);
    expect(await tables()).toEqual(["keys", "notes"]);
    const changes = ["plan", "002_test", "attestation"];
    expect(await stack.run("preview")).toEqual(changes);
    // The catalog is then as it was attested last.
    expect(await stack.run("up")).toEqual(["plan", "002_test"]);
    expect(await tables()).toEqual(["keys", "notes", "topics"]);
    expect(await stack.run("preview")).toEqual([]);
  });
});

describe("a stack that is destroyed", () => {
  it("rolls its migrations back, as its last deployment allows", async () => {
    await stack.run("up");
    await superuser.query("insert into public.notes values (1, 'a')");
    await expect(stack.destroy()).rejects.toThrow(/^MIG017 .*public\.notes: 1/);
    expect(await tables()).toEqual(["notes"]);
    await superuser.query("delete from public.notes");
    await stack.destroy();
    expect(await tables()).toEqual([]);
  });

  it("takes over a new flag without another change", async () => {
    await stack.run("up");
    await superuser.query("insert into public.notes values (1, 'a')");
    expect(await stack.run("up", { allowDataLoss: true })).toEqual(["plan"]);
    expect(await stack.run("preview", { allowDataLoss: true })).toEqual([]);
    await stack.destroy();
    expect(await tables()).toEqual([]);
  });
});

describe("a stack beside the command line", () => {
  const edited = trio(
    "002",
    `${TOPICS.forward.sql}comment on table public.topics is 'Topics.';\n`,
    {
      rollback: TOPICS.rollback.sql,
    },
  );

  beforeEach(() => stack.run("up"));

  it("refuses a file that was edited after it was applied", async () => {
    writeTrios(directory, [NOTES, KEYS, edited]);
    await expect(stack.run("preview")).rejects.toThrow(/^MIG008 002_test was edited/);
  });

  it("takes over a file that the log has accepted, and changes nothing in the database", async () => {
    writeTrios(directory, [NOTES, KEYS, edited]);
    const reason = "commented by hand";
    await superuser.query("comment on table public.topics is 'Topics.'");
    await acceptDrift(fixture.settings, { reason });
    await repair(
      fixture.settings,
      { kind: "accept-file", trio: readTrios(directory)[2] ?? edited },
      { reason },
    );
    const before = await readHistory(fixture.settings);
    const { appliedAt } = stack.migration("002_test") ?? {};
    expect(await stack.run("preview")).toContain("002_test");
    await stack.run("up");
    expect(await readHistory(fixture.settings)).toEqual(before);
    expect(stack.migration("002_test")).toMatchObject({ appliedAt });
    expect(await stack.run("preview")).toEqual([]);
  });

  it("follows a migration that was undone and applied again with another file", async () => {
    await rollbackTo(fixture.settings, "001");
    writeTrios(directory, [NOTES, KEYS, edited]);
    const [entry] = await applyPending(fixture.settings, readTrios(directory));
    await stack.run("up");
    const { recordedAt: appliedAt, catalogDigest } = entry ?? {};
    expect(stack.migration("002_test")).toMatchObject({ appliedAt, catalogDigest });
    expect(await stack.run("preview")).toEqual([]);
  });

  it.each([
    ["its file as it was", TOPICS],
    ["its file edited", edited],
  ])("applies what was undone there, with %s", async (_how, file) => {
    await rollbackTo(fixture.settings, "001");
    writeTrios(directory, [NOTES, KEYS, file]);
    expect(await stack.run("preview")).toEqual(["plan", "002_test", "attestation"]);
    await stack.run("up");
    expect(await tables()).toEqual(["keys", "notes", "topics"]);
    expect(await stack.run("preview")).toEqual([]);
  });

  it("tells an edit from the state where the database cannot be reached", async () => {
    const [, , known] = readTrios(directory);
    const outs = stack.migration("002_test");
    if (!known || !outs) throw new Error("002_test is not applied.");
    const inputs = (each: Trio) => ({
      ...{ ...sqlOf(each), connection: { ...fixture.settings, port: 1 }, connectRoles: [] },
      ...{ waivers, snapshot: "", restoreCommand: "", pendingAfter: null },
    });
    const olds = { ...inputs(known), digests: outs.digests };
    const { failures } = await migrationLifecycle.check(olds, inputs(edited));
    expect(failures).toEqual([
      { property: "forwardSql", reason: expect.stringMatching(/^MIG008 002_test was edited/) },
    ]);
  });
});
