import type { Client } from "pg";
import { applyPending, inspectTrio } from "../../migrator/src";
import { checksAfter } from "../../tools/check/after.mjs";
import { checksBefore, judgeBackup, judgePlan, judgeStaging } from "../../tools/check/before.mjs";
import { allHold, renderOutcome, runChecks } from "../../tools/check/checks.mjs";
import { loginOf, wantedIn } from "../../tools/check/context.mjs";
import { verdictOf } from "../../tools/check/programs.mjs";
import { judgeErrorRate } from "../../tools/check/transactions.mjs";
import { type MigratorFixture, createFixture, currentTrios } from "../migrator/migration-fixture";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const LOGINS = ["migrator", "app", "service", "monitor"] as const;
const home = mkdtempSync(path.join(tmpdir(), "app-data-checks-"));

let fixture: MigratorFixture;
let superuser: Client;

/** What the checks know of the stack `local`. */
const context = {
  stack: {
    name: "local",
    isLocal: true,
    run: () => Promise.reject(new Error("no stack is asked")),
    read: () => Promise.reject(new Error("no stack is asked")),
  },
  environment: "local",
  directory: "sql",
  target: undefined,
  approvedPlan: undefined,
  countersFile: path.join(home, "checks/local.json"),
  wanted: () => wantedIn("sql"),
  outputs: {},
  connection: ["--url-variable", "MIGRATOR_URL"],
  logins: {
    migrator: { variable: "MIGRATOR_URL" },
    app: { variable: "APP_URL" },
    service: { variable: "SERVICE_URL" },
    monitor: { variable: "MONITOR_URL" },
  },
};

const pointAt = ({ database }: MigratorFixture) => {
  for (const role of LOGINS) process.env[`${role.toUpperCase()}_URL`] = database.url(role);
};

beforeAll(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  await applyPending(fixture.settings, currentTrios(), {
    connectRoles: ["app", "service", "monitor"],
  });
  pointAt(fixture);
});
afterAll(async () => {
  for (const role of LOGINS) Reflect.deleteProperty(process.env, `${role.toUpperCase()}_URL`);
  rmSync(home, { recursive: true, force: true });
  await fixture.database.drop();
});

/** The states of some checks of `check:after`, by name. */
async function statesOf(...names: string[]) {
  const checks = checksAfter(context).filter(({ name }) => names.includes(name));
  const outcomes = await runChecks(checks);
  return Object.fromEntries(outcomes.map(({ name, state }) => [name, state]));
}

/** Breaks something, and mends it whatever `work` finds. */
async function whileBroken<T>(broken: string, mended: string, work: () => Promise<T>): Promise<T> {
  await superuser.query(broken);
  try {
    return await work();
  } finally {
    await superuser.query(mended);
  }
}

describe("check:before", () => {
  it("passes where nothing is to be done, and says what it skips", async () => {
    // What `npm run policy` finds, its own tests show.
    const checks = checksBefore(context).filter(({ name }) => name !== "migrations judged");
    const outcomes = await runChecks(checks);
    expect(outcomes.filter(({ state }) => state === "failed")).toEqual([]);
    expect(outcomes.map(renderOutcome)).toEqual(
      expect.arrayContaining([
        "skipped backup                  the local stack makes no backups",
        "skipped staging                 asked of prod alone",
        "ok      plan approved           nothing is to be done",
        "ok      no drift                the catalog is as the migrations made it",
      ]),
    );
    expect(allHold(outcomes)).toBe(true);
  });

  it("asks prod for a plan that was approved, and takes no other", async () => {
    const plan = { hash: "a1", migrations: [{}], rollbacks: [] };
    expect(judgePlan(plan, "a1", "prod").state).toBe("ok");
    expect(judgePlan(plan, "b2", "prod").says).toContain("Approved was plan b2, and now it is a1.");
    expect(judgePlan(plan, undefined, "prod").state).toBe("failed");
    expect(judgePlan(plan, undefined, "dev").state).toBe("skipped");

    const empty = await createFixture();
    try {
      pointAt(empty);
      const prod = { ...context, environment: "prod", target: "001" };
      const checks = checksBefore(prod).filter(({ name }) => name === "plan approved");
      const [outcome] = await runChecks(checks);
      expect(outcome?.says).toMatch(/^Nobody has approved plan [0-9a-f]{64}\. /);
      const [, hash] = /plan ([0-9a-f]{64})/.exec(outcome?.says ?? "") ?? [];
      const approved = checksBefore({ ...prod, approvedPlan: hash }).filter(
        ({ name }) => name === "plan approved",
      );
      expect((await runChecks(approved))[0]?.state).toBe("ok");
    } finally {
      pointAt(fixture);
      await empty.database.drop();
    }
  });

  it("asks no database before the first deployment", async () => {
    const url = process.env["MIGRATOR_URL"];
    delete process.env["MIGRATOR_URL"];
    const checks = checksBefore(context).filter(({ name }) => name !== "migrations judged");
    process.env["MIGRATOR_URL"] = url;
    const outcomes = await runChecks(checks);
    expect(outcomes.filter(({ says }) => says === "nothing is deployed yet")).toHaveLength(5);
    expect(allHold(outcomes)).toBe(true);
  });

  it("asks RDS for a backup of moments ago", () => {
    const now = new Date("2026-05-01T12:00:00Z");
    const at = (time: string) => ({
      BackupRetentionPeriod: 14,
      LatestRestorableTime: new Date(time),
    });
    expect(judgeBackup(at("2026-05-01T11:55:00Z"), now).state).toBe("ok");
    expect(judgeBackup(at("2026-05-01T10:00:00Z"), now).state).toBe("failed");
    expect(judgeBackup({ BackupRetentionPeriod: 0 }, now).says).toMatch(/^RDS keeps no backups/);
  });

  it("names the migrations that staging lacks, and the files that are not as staging has them", async () => {
    const names = wantedIn("sql");
    const digestsOf = (forward: string) => ({
      forward: { text: "", content: forward },
      rollback: { text: "", content: "r" },
      verify: { text: "", content: "v" },
    });
    const a = { name: "000_a", digests: digestsOf("a") };
    const b = { name: "001_b", digests: digestsOf("b") };
    expect(judgeStaging([a, b], [a, b]).state).toBe("ok");
    expect(judgeStaging([a], [a, b]).says).toContain("staging lacks 001_b.");
    expect(judgeStaging([a, { ...b, digests: digestsOf("edited") }], [a, b]).says).toBe(
      "staging has another version of the forward file of 001_b. Deploy these files there first.",
    );

    const asked: string[][] = [];
    const checkAgainst = async (resources: object[]) => {
      const run = (args: string[]) => {
        asked.push(args);
        const out = JSON.stringify({ deployment: { resources } });
        return Promise.resolve({ code: 0, out, err: "" });
      };
      const prod = { ...context, environment: "prod", stack: { ...context.stack, run } };
      const [outcome] = await runChecks(
        checksBefore(prod).filter(({ name }) => name === "staging"),
      );
      return outcome;
    };
    const resources = await Promise.all(
      currentTrios().map(async (trio) => ({
        type: "pulumi-nodejs:dynamic/database:Migration",
        outputs: { name: trio.name, digests: await inspectTrio(trio) },
      })),
    );
    expect(await checkAgainst(resources)).toMatchObject({
      state: "ok",
      says: `staging has all ${names.length} migrations, of the same SQL`,
    });
    expect(asked).toEqual([["stack", "export", "--stack", "staging"]]);
    const gone = resources.map((one, at) => (at === 0 ? { ...one, delete: true } : one));
    expect(await checkAgainst(gone)).toMatchObject({
      state: "failed",
      says: `staging lacks ${names[0]}. Deploy it first.`,
    });
  });
});

describe("check:after", () => {
  it("passes after a deployment", async () => {
    const outcomes = await runChecks(checksAfter(context));
    const others = outcomes.filter(({ state }) => state !== "ok");
    expect(others.map(renderOutcome)).toEqual([
      expect.stringMatching(
        /^skipped error rate .* transactions rolled back since .* too few to tell$/,
      ),
    ]);
    const says = Object.fromEntries(outcomes.map((outcome) => [outcome.name, outcome.says]));
    expect(says["policies counted"]).toBe(
      "user_api_keys 4, user_progress 5, export_history 5; 12 are of the document",
    );
    expect(says["triggers fire"]).toMatch(
      /^a completion of 90 s with 7 words is counted, in [\d.]+ ms; the 3 of updated_at fire, too$/,
    );
    expect(says["users kept apart"]).toBe(
      "of a user's 3 rows they see 3, another user 0, nobody 0",
    );
  });

  it("leaves no row behind", async () => {
    const { rows } = await superuser.query(
      "select (select count(*) from public.users) + (select count(*) from public.sessions) as left",
    );
    expect(rows).toEqual([{ left: "0" }]);
  });

  it.each([
    [
      "a dropped policy",
      "drop policy user_api_keys_delete_own on public.user_api_keys",
      `create policy user_api_keys_delete_own on public.user_api_keys for delete to authenticated
         using ((select auth.uid()) = user_id)`,
      ["policies counted", "protection unchanged", "no drift"],
    ],
    [
      "a policy that opens a table",
      "alter policy export_history_select_own on public.export_history using (true)",
      `alter policy export_history_select_own on public.export_history
         using ((select auth.uid()) = user_id)`,
      ["policies", "users kept apart", "protection unchanged"],
    ],
    [
      "row level security switched off",
      "alter table public.user_progress disable row level security",
      "alter table public.user_progress enable row level security",
      ["RLS enabled", "policies", "users kept apart", "protection unchanged"],
    ],
    [
      "a dropped index",
      "drop index public.idx_user_progress_last_activity",
      "create index idx_user_progress_last_activity on public.user_progress (last_activity_at desc)",
      ["indexes exist", "indexes used", "verify files"],
    ],
    [
      "a disabled trigger",
      "alter table public.sessions disable trigger trigger_update_user_progress_from_session",
      "alter table public.sessions enable trigger trigger_update_user_progress_from_session",
      ["triggers fire", "verify files"],
    ],
    ...["user_api_keys", "user_progress", "export_history"].map(
      (table): [string, string, string, string[]] => [
        `a disabled trigger of ${table}`,
        `alter table public.${table} disable trigger trigger_${table}_updated_at`,
        `alter table public.${table} enable trigger trigger_${table}_updated_at`,
        ["triggers fire", "verify files"],
      ],
    ),
    [
      "a user from before 001 without a progress row",
      "insert into public.users (email, created_at) values ('a@example.org', '2020-01-01')",
      "delete from public.users",
      ["initial data"],
    ],
  ])("fails on %s", async (_what, broken, mended, names) => {
    const found = await whileBroken(broken, mended, () => statesOf(...names));
    expect(found).toEqual(Object.fromEntries(names.map((name) => [name, "failed"])));
  });

  it("fails where tokens are required and the database has no word of it", async () => {
    const stateOf = async (identityTokens: string) => {
      const all = checksAfter({ ...context, outputs: { identityTokens } });
      const outcomes = await runChecks(all.filter(({ name }) => name === "identity demanded"));
      return outcomes.map(({ state }) => state);
    };
    expect(await stateOf("prepared")).toEqual([]);
    expect(await stateOf("required")).toEqual(["failed"]);
    await superuser.query(`
      insert into auth.token_settings (believes_claims, audience, current_pads)
      values (false, 'app-data', repeat('x', 128)::bytea)`);
    expect(await stateOf("required")).toEqual(["ok"]);
    await superuser.query("delete from auth.token_settings");
  });

  it("asks no progress row of who signed up later", async () => {
    const states = await whileBroken(
      "insert into public.users (email) values ('b@example.org')",
      "delete from public.users",
      () => statesOf("initial data"),
    );
    expect(states).toEqual({ "initial data": "ok" });
  });

  it("names a login that it was not given", async () => {
    const url = process.env["APP_URL"];
    delete process.env["APP_URL"];
    const [outcome] = await runChecks(
      checksAfter(context).filter(({ name }) => name === "triggers fire"),
    );
    process.env["APP_URL"] = url;
    expect(outcome?.state).toBe("failed");
    expect(outcome?.says).toContain("The environment variable APP_URL is not set.");
  });

  it("logs in by the secrets of a stack where it was given no URL", () => {
    const outputs = {
      databaseHost: "127.0.0.1",
      databasePort: 15432,
      databaseName: "app",
      databaseAddress: "app.example.eu-central-1.rds.amazonaws.com",
      monitorSecretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:monitor",
    };
    expect(loginOf("monitor", outputs)).toEqual({ variable: "MONITOR_URL" });
    const url = process.env["MONITOR_URL"];
    delete process.env["MONITOR_URL"];
    expect(loginOf("monitor", outputs)).toEqual({
      host: "127.0.0.1",
      port: 15432,
      database: "app",
      user: "monitor",
      credentials: { kind: "secret", secretId: outputs.monitorSecretArn },
      tls: { mode: "verify-full", serverName: outputs.databaseAddress },
    });
    process.env["MONITOR_URL"] = url;
  });

  it("tells an error in one line, without the lines of the file", () => {
    const err =
      "MIG005 a.sql:2:1: it does not hold\n  1 | begin\n  2 | raise\n    | ^\nCorrect it.\n";
    const verdict = verdictOf({ code: 1, out: "", err }, "it holds");
    expect(renderOutcome({ name: "verify files", ...verdict })).toBe(
      "failed  verify files            MIG005 a.sql:2:1: it does not hold Correct it.",
    );
    expect(verdictOf({ code: 0, out: "", err: "" }, "it holds").says).toBe("it holds");
  });

  it("judges the transactions since check:before, and of too few none", () => {
    const before = { takenAt: "12:00", since: null, committed: 50_000, rolledBack: 4_000 };
    const after = (committed: number, rolledBack: number) =>
      judgeErrorRate({ takenAt: "12:30", since: null, committed, rolledBack }, before);
    expect(after(59_950, 4_050)).toEqual({
      state: "ok",
      says: "50 of 10000 transactions rolled back since 12:00",
    });
    expect(after(59_000, 5_000).state).toBe("failed");
    expect(after(50_100, 4_100).state).toBe("skipped");
  });

  it("holds no hour to be well by what was counted over a longer time", () => {
    const counted = (since: string | null, rolledBack: number) => ({
      ...{ takenAt: "2026-05-01T12:30:00Z", since, committed: 1_000_000, rolledBack },
    });
    for (const since of [null, "2025-05-01T12:00:00Z"]) {
      expect(judgeErrorRate(counted(since, 5_000)).state).toBe("skipped");
      expect(judgeErrorRate(counted(since, 500_000)).state).toBe("failed");
    }
    expect(judgeErrorRate(counted(null, 5_000)).says).toBe(
      "5000 of 1005000 transactions rolled back since the server's first start; " +
        "nothing was kept within the hour, of which this does not tell",
    );
    const before = { ...counted(null, 0), takenAt: "2026-05-01T12:00:00Z" };
    expect(judgeErrorRate(counted("2026-05-01T12:20:00Z", 5_000), before)).toEqual({
      state: "ok",
      says: "5000 of 1005000 transactions rolled back since 2026-05-01T12:20:00Z",
    });
  });
});
