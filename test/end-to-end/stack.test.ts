import { DecryptCommand, EncryptCommand, KMSClient } from "@aws-sdk/client-kms";
import { ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { currentTrios } from "../migrator/migration-fixture";
import { LEARNERS, type Request, startLearning } from "../support/learners";
import { sqlFile } from "../support/project-migrations";
import { callTool } from "../support/tools";
import { LocalStack, type Outcome, PROJECT } from "./local-stack";

const MINUTES = 60_000;
const [ALICE, BOB] = [
  "11111111-1111-4111-8111-111111111111",
  "22222222-2222-4222-8222-222222222222",
];
// Without the preview, which tests of its own run.
const UP = ["up", "--yes", "--skip-preview"];
const NO_POLICY = { PULUMI_OPTION_POLICY_PACK: "" };

const home = mkdtempSync(path.join(tmpdir(), "app-data-stack-"));
const stack = new LocalStack(home);
let outputs: Record<string, string>;
let first: Outcome;
let previewOfDev: Promise<Outcome>;

beforeAll(async () => {
  first = await stack.npm("up");
  if (first.code !== 0) throw new Error(first.output);
  await stack.evaluateEnv();
  outputs = JSON.parse((await stack.pulumi(["stack", "output", "--json"])).output);
  // Another stack, so it needs not wait for its turn.
  previewOfDev = previewDev();
}, 15 * MINUTES);

afterAll(async () => {
  await stack.npm("down", "--", "--purge");
  rmSync(home, { recursive: true, force: true });
}, 10 * MINUTES);

/** One transaction of the application for a signed-in user. */
const asUser = (id: string, sql: string) =>
  `begin; set local role authenticated; select set_config('request.jwt.claims', '{"sub":"${id}"}', true); ${sql}; commit`;

/** Opens a connection to a port of this machine, and closes it. */
const connectTo = (port: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(void socket.end())).on("error", reject);
  });

/** The migrations of the project, whatever they are, and the newest of them. */
const PRESENT = currentTrios();
const NEWEST = PRESENT.at(-1)?.version ?? "";
/** A further migration. */
const NOTES = `${String(BigInt(NEWEST) + 1n).padStart(NEWEST.length, "0")}_test_notes`;

/** The trio of {@link NOTES}; its forward SQL is given. */
const notesTrio = (forward: string) => ({
  [`${NOTES}.sql`]: forward,
  [`${NOTES}_rollback.sql`]: "drop table public.test_notes;\n",
  [`${NOTES}_verify.sql`]: "select from public.test_notes;\n",
});
const PROTECTED_NOTES = `create table public.test_notes (id integer primary key);
alter table public.test_notes enable row level security;
alter table public.test_notes force row level security;
`;

describe("npm run up", () => {
  it("ends with what exists, where it listens, how to look at it and how to take it down", () => {
    expect(first.output).toContain('The stack "local" is up');
    expect(first.output).toMatch(
      /database +app at 127\.0\.0\.1:\d+, migrations 000_existing_schema, /,
    );
    for (const { name } of PRESENT) expect(first.output).toContain(name);
    expect(first.output).toContain('eval "$(npm run --silent env)"');
    expect(first.output).toMatch(/Take it down: +npm run down/);
    expect(first.output).not.toMatch(/warning:/i);
  });

  it(
    "changes nothing the second time, in seconds",
    async () => {
      const again = await stack.npm("up");
      expect(again.code).toBe(0);
      expect(again.output).toMatch(/Resources:\s+\d+ unchanged/);
      expect(again.output).not.toMatch(/to create|to update|to replace|to delete/);
      // Seconds on a quiet machine; the other tests run beside this one.
      expect(again.seconds).toBeLessThan(150);
    },
    10 * MINUTES,
  );

  it("acceptance 14: leaves no password in the state, the configuration or what it printed", async () => {
    const { output } = await stack.pulumi(["stack", "export"]);
    const config = readFileSync(path.join(home, "Pulumi.local.yaml"), "utf8");
    const everything = `${output}${config}${first.output}`;
    for (const role of ["MASTER", "MIGRATOR", "APP"]) {
      const { password } = new URL(stack.variable(`${role}_URL`));
      expect(password.length).toBeGreaterThan(20);
      expect(everything.includes(decodeURIComponent(password))).toBe(false);
    }
  });
});

describe("npm run redo", () => {
  it(
    "rolls the newest migration back, applies its file, and leaves nothing to be done",
    async () => {
      const newest = PRESENT.at(-1)?.name ?? "";
      const redo = await stack.npm("redo");
      expect(redo.output).toContain(`${newest}  rolled back`);
      expect(redo.output).toMatch(new RegExp(`^${newest}  applied in \\d+ ms$`, "m"));
      expect(redo.output).toContain('The stack "local" is up');
      expect(redo.code).toBe(0);
      const preview = await stack.npm("preview", "--", "--diff", "--expect-no-changes");
      expect(preview.output).toMatch(/Resources:\s+\d+ unchanged/);
      expect(preview.code).toBe(0);
    },
    10 * MINUTES,
  );
});

describe("npm run audit", () => {
  it(
    "finds the stack in order, and a catalog that has drifted not; the report says so, too",
    async () => {
      const audit = await stack.npm("--silent", "audit");
      expect(audit.output).toContain("Nothing is refused.");
      expect(audit.code).toBe(0);
      const asOwner = (sql: string) => stack.psql(stack.variable("MIGRATOR_URL"), sql);
      await asOwner("alter table public.users no force row level security");
      try {
        const drifted = await stack.npm("--silent", "audit");
        expect(drifted.output).toMatch(/mandatory row-level-security, public\.users\n +POL101 /);
        expect(drifted.code).toBe(1);
        const file = path.join(home, "report.html");
        const report = await stack.npm("report", "--", "--output", file);
        expect(report.code).toBe(0);
        const page = readFileSync(file, "utf8");
        expect(page).toContain("<h1>Schema of stack local (local)</h1>");
        expect(page).toMatch(/<li data-filter>widened: .*public\.users/);
        expect(page).toContain('<td data-label="verdict" class="all">refused</td>');
        for (const { name } of PRESENT) expect(page).toContain(`<code>${name}</code>`);
      } finally {
        await asOwner("alter table public.users force row level security");
      }
    },
    10 * MINUTES,
  );
});

describe("npm run check:before and check:after", () => {
  it(
    "find the stack in order, a line each, and say so to machines",
    async () => {
      const before = await stack.npm("--silent", "check:before");
      expect(before.output).toMatch(/^ok +plan approved +nothing is to be done$/m);
      expect(before.output).toMatch(/^\d+ ok, 0 failed, \d+ skipped$/m);
      expect(before.code).toBe(0);
      const after = await stack.npm("--silent", "check:after", "--", "--json");
      expect(after.output).toContain('"ok": true');
      expect(after.code).toBe(0);
    },
    10 * MINUTES,
  );
});

describe("the database", () => {
  it("shows a user's rows to that user alone", async () => {
    const app = stack.variable("APP_URL");
    for (const [id, email] of [
      [ALICE, "alice@example.org"],
      [BOB, "bob@example.org"],
    ] as const) {
      await stack.psql(
        app,
        asUser(id, `insert into public.users (id, email) values ('${id}', '${email}')`),
      );
    }
    const emails = "select string_agg(email, ',') from public.users";
    expect(await stack.psql(app, asUser(ALICE, emails))).toContain("alice@example.org");
    expect(await stack.psql(app, asUser(ALICE, emails))).not.toContain("bob@example.org");
    expect(await stack.psql(app, asUser(BOB, emails))).toContain("bob@example.org");
    await expect(stack.psql(app, "select from public.users")).rejects.toThrow(/permission denied/);
  });

  it("is owned by a role that is no superuser and cannot read past row level security", async () => {
    const sql =
      "select rolname, rolsuper, rolbypassrls from pg_roles where rolname in ('master', 'migrator', 'app') order by 1";
    expect(await stack.psql(stack.variable("MIGRATOR_URL"), sql)).toBe(
      "app|f|f\nmaster|f|f\nmigrator|f|f",
    );
    await expect(
      stack.psql(stack.variable("MASTER_URL").replace(/postgres$/, "app"), "select 1"),
    ).rejects.toThrow(/permission denied for database/);
  });
});

describe("AWS", () => {
  const clientOf = <T>(Client: new (settings: object) => T) =>
    new Client({
      endpoint: stack.variable("AWS_ENDPOINT_URL"),
      region: stack.variable("AWS_REGION"),
      credentials: { accessKeyId: "any", secretAccessKey: "any" },
    });

  it("lists an object that was put into the bucket", async () => {
    const s3 = clientOf(S3Client);
    const Bucket = outputs.exportsBucket;
    await s3.send(new PutObjectCommand({ Bucket, Key: `exports/${ALICE}/full.jsonl`, Body: "{}" }));
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents?.map(({ Key }) => Key)).toEqual([`exports/${ALICE}/full.jsonl`]);
  });

  it("decrypts with the context that was encrypted with, and no other", async () => {
    const kms = clientOf(KMSClient);
    const KeyId = outputs.apiKeysKeyArn;
    const fixed = { app: "app-data", environment: "local", purpose: "api-key" };
    const EncryptionContext = { ...fixed, user_id: ALICE };
    const { CiphertextBlob } = await kms.send(
      new EncryptCommand({ KeyId, EncryptionContext, Plaintext: Buffer.from("secret") }),
    );
    const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    expect(Buffer.from(Plaintext ?? []).toString()).toBe("secret");
    const other = { ...fixed, user_id: BOB };
    await expect(
      kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: other })),
    ).rejects.toMatchObject({ name: "InvalidCiphertextException" });
  });
});

async function previewDev(): Promise<Outcome> {
  const config = path.join(home, "Pulumi.dev.yaml");
  writeFileSync(config, readFileSync(path.join(PROJECT, "Pulumi.dev.yaml")));
  const variables = { PULUMI_STACK: "dev", PULUMI_OPTION_CONFIG_FILE: config };
  // Making a stack writes its salt beside Pulumi.yaml, so not into the project.
  const init = await stack.pulumi(["stack", "init", "dev", "--cwd", home], {
    PULUMI_STACK: "dev",
  });
  return init.code === 0 ? stack.pulumi(["preview"], variables) : init;
}

describe("pulumi preview of dev", () => {
  it(
    "shows a complete plan without error",
    async () => {
      const preview = await previewOfDev;
      expect(preview.output).toMatch(/\+ \d+ to create/);
      expect(preview.output).toContain("migrations-001_add_missing_tables");
      expect(preview.output).not.toMatch(/error:/);
      expect(preview.code).toBe(0);
    },
    10 * MINUTES,
  );
});

describe("a migration that forgets row level security", () => {
  const files = notesTrio("create table public.test_notes (id integer primary key);\n");

  it(
    "fails the preview with the policy's message and the file's name",
    async () => {
      const preview = await stack.pulumi(["preview"], stack.withMigrations(files));
      expect(preview.code).not.toBe(0);
      expect(preview.output).toMatch(/\[mandatory\].*migration-row-level-security/);
      expect(preview.output.replace(/\s+/g, " ")).toMatch(
        new RegExp(
          `${NOTES}\\.sql:1.*table public\\.test_notes has row level security neither enabled nor forced`,
        ),
      );
    },
    10 * MINUTES,
  );

  it(
    "is not committed when it is applied in spite of that",
    async () => {
      const variables = { ...stack.withMigrations(files), ...NO_POLICY };
      const up = await stack.pulumi(UP, variables);
      expect(up.code).not.toBe(0);
      expect(up.output.replace(/\s+/g, " ")).toContain(`MIG006 ${NOTES} was not committed`);
      const found =
        "select to_regclass('public.test_notes') is null, count(distinct version) from migrations.log where event = 'apply'";
      expect(await stack.psql(stack.variable("MIGRATOR_URL"), found)).toBe(`t|${PRESENT.length}`);
    },
    10 * MINUTES,
  );
});

describe("a broken statement in a migration", () => {
  it(
    "is shown with its place and changes nothing",
    async () => {
      const broken = `${PROTECTED_NOTES}comment on column public.test_notes.wrong is '';\n`;
      const up = await stack.pulumi(UP, stack.withMigrations(notesTrio(broken)));
      expect(up.code).not.toBe(0);
      const output = up.output.replace(/\s+/g, " ");
      expect(output).toContain(
        `${NOTES}.sql:4:1: column "wrong" of relation "public.test_notes" does not exist (SQLSTATE 42703)`,
      );
      expect(output).toContain("4 | comment on column public.test_notes.wrong is ''");
      const found =
        "select to_regclass('public.test_notes') is null, count(distinct version) from migrations.log where event = 'apply'";
      expect(await stack.psql(stack.variable("MIGRATOR_URL"), found)).toBe(`t|${PRESENT.length}`);
    },
    10 * MINUTES,
  );

  it(
    "goes through once it is mended",
    async () => {
      const up = await stack.pulumi(UP, stack.withMigrations(notesTrio(PROTECTED_NOTES)));
      expect(up.output).toContain(NOTES);
      expect(up.code).toBe(0);
      expect(
        await stack.psql(stack.variable("MIGRATOR_URL"), "select count(*) from public.test_notes"),
      ).toBe("0");
    },
    10 * MINUTES,
  );

  it(
    "cannot be edited afterwards",
    async () => {
      const edited = PROTECTED_NOTES.replace("integer", "bigint");
      const preview = await stack.pulumi(["preview"], stack.withMigrations(notesTrio(edited)));
      expect(preview.code).not.toBe(0);
      expect(preview.output.replace(/\s+/g, " ")).toMatch(
        new RegExp(
          `MIG008 ${NOTES} was edited after it was applied \\(applied SHA-256 [0-9a-f]{64}, file [0-9a-f]{64}\\)` +
            ".*While it is still being written: `npm run redo`\\.",
        ),
      );
    },
    10 * MINUTES,
  );

  it(
    "is done again while it is being written, and the stack follows",
    async () => {
      const edited = notesTrio(PROTECTED_NOTES.replace("integer", "bigint"));
      const variables = stack.withMigrations(edited);
      const redo = await stack.migrator("redo");
      expect(redo.output).toContain(`${NOTES}  rolled back\n${NOTES}  applied in`);
      const up = await stack.pulumi(UP, variables);
      expect(up.code).toBe(0);
      const preview = await stack.pulumi(["preview", "--expect-no-changes"], variables);
      expect(preview.output).not.toContain("MIG008");
      expect(preview.code).toBe(0);
      // As the tests that follow have it.
      const original = stack.withMigrations(notesTrio(PROTECTED_NOTES));
      expect((await stack.migrator("redo")).code).toBe(0);
      expect((await stack.pulumi(UP, original)).code).toBe(0);
    },
    10 * MINUTES,
  );
});

describe("the live catalog", () => {
  const asOwner = (sql: string) => stack.psql(stack.variable("MIGRATOR_URL"), sql);

  it(
    "that lost row level security is named by refresh and preview, and healed by the deployment",
    async () => {
      const variables = stack.withMigrations(notesTrio(PROTECTED_NOTES));
      await asOwner("alter table public.user_api_keys no force row level security");
      const named =
        "widened: row level security of public.user_api_keys no longer binds its owner: FORCE is off";
      const attestation = "**SchemaAttestation::migrations-attestation";
      const refresh = await stack.pulumi(
        ["refresh", "--yes", "--skip-preview", "--diff", "--target", attestation],
        variables,
      );
      expect(refresh.output).toContain(named);
      expect(refresh.code).toBe(0);
      const preview = await stack.pulumi(["preview", "--diff"], variables);
      const shown = preview.output.replace(/\s+/g, " ");
      expect(shown).toContain(named);
      expect(shown).toMatch(
        /table public\.user_api_keys has row level security enabled but not forced/,
      );
      const up = await stack.pulumi(UP, variables);
      expect(up.output).not.toMatch(/\[mandatory\]/);
      expect(up.code).toBe(0);
      const forced =
        "select relforcerowsecurity from pg_class where oid = 'public.user_api_keys'::regclass";
      expect(await asOwner(forced)).toBe("t");
    },
    10 * MINUTES,
  );

  it(
    "that holds a table nobody's migration made fails the deployment until it is gone",
    async () => {
      const variables = stack.withMigrations(notesTrio(PROTECTED_NOTES));
      await asOwner("create table public.stray (id integer)");
      const up = await stack.pulumi(UP, variables);
      expect(up.code).not.toBe(0);
      expect(up.output.replace(/\s+/g, " ")).toMatch(/MIG041 .*public\.stray/);
      await asOwner("drop table public.stray");
    },
    10 * MINUTES,
  );
});

describe("a lower target", () => {
  const lower = (allowDataLoss: boolean, target = NEWEST) =>
    stack.withMigrations(notesTrio(PROTECTED_NOTES), [
      `target: "${target}"`,
      `allowDataLoss: ${allowDataLoss}`,
    ]);
  const asMigrator = (sql: string) => stack.psql(stack.variable("MIGRATOR_URL"), sql);

  it(
    "keeps rows that its configuration does not allow to lose, and says so in the preview",
    async () => {
      await asMigrator(
        "begin; alter table public.test_notes no force row level security; insert into public.test_notes values (1); alter table public.test_notes force row level security; commit; select pg_stat_force_next_flush()",
      );
      const preview = await stack.pulumi(["preview"], lower(false));
      expect(preview.output).toMatch(
        /REFUSED while it loses rows \(MIG017\), because migrations\.allowDataLoss is false: public\.test_notes \(about 1 rows/,
      );
      expect(preview.code).toBe(0);
      const up = await stack.pulumi(UP, lower(false));
      expect(up.output.replace(/\s+/g, " ")).toContain("would lose rows (public.test_notes: 1)");
      expect(up.code).not.toBe(0);
      const left = "select to_regclass('public.test_notes') is not null";
      expect(await asMigrator(left)).toBe("t");
    },
    10 * MINUTES,
  );

  it(
    "rolls later migrations back, and leaves nothing to do for the next deployment",
    async () => {
      const variables = lower(true, "001");
      const up = await stack.pulumi(UP, variables);
      expect(up.output).toMatch(new RegExp(`migrations-${NOTES} +deleted`));
      expect(up.output).toContain(`${NOTES}: rolling back (1 of ${PRESENT.length - 1})`);
      expect(up.code).toBe(0);
      const found =
        "select to_regclass('public.test_notes') is null, version, event from migrations.log order by id desc limit 1";
      expect(await asMigrator(found)).toBe("t|002|rollback");
      const next = await stack.pulumi(["preview", "--expect-no-changes"], variables);
      expect(next.output).not.toMatch(/to update|to create/);
      expect(next.code).toBe(0);
    },
    10 * MINUTES,
  );

  describe("with 10,000 users who go on learning", () => {
    const asSuperuser = (sql: string) => stack.psql(superuserUrl(), sql);
    /** What the catalog held after the newest entry of the log. */
    const digest = () =>
      asMigrator("select catalog_digest from migrations.log order by id desc limit 1");
    const firstDigestOf = (version: string) =>
      asMigrator(
        `select catalog_digest from migrations.log where version = '${version}' and event = 'apply' order by id limit 1`,
      );

    it(
      "is left by npm run up: it fails no request, keeps none waiting, and counts everybody",
      async () => {
        expect(await digest()).toBe(await firstDigestOf("001"));
        await asSuperuser(LEARNERS);
        const open = await asSuperuser(
          "select id, user_id from public.sessions where ended_at is null order by id",
        );
        const sessions = open.split("\n").map((row) => {
          const [id = "", user = ""] = row.split("|");
          return { id, user_id: user };
        });
        expect(sessions).toHaveLength(10_000);

        const stop = startLearning(stack.variable("APP_URL"), sessions);
        const up = await stack.npm("up");
        const requests = await stop();
        expect(up.output).toContain('The stack "local" is up');
        expect(up.code).toBe(0);
        expect(await digest()).toBe(await firstDigestOf(NEWEST));

        const period = await asMigrator(
          `select extract(epoch from min(recorded_at) - max(duration_ms) filter (where version = '002') * interval '1 ms') * 1000,
                  extract(epoch from max(recorded_at)) * 1000
             from migrations.log
            where event = 'apply' and id > (select max(id) from migrations.log where event = 'rollback')`,
        );
        const [begin = 0, end = 0] = period.split("|").map(Number);
        for (const kind of ["write", "read"] as const) {
          const all = requests.filter((request) => request.kind === kind);
          const isMeanwhile = ({ at, ms }: Request) => at + ms >= begin && at <= end;
          const meanwhile = waits(all.filter(isMeanwhile));
          // The rest of the same run: as busy a machine, without a migration.
          const beside = waits(all.filter((request) => !isMeanwhile(request)));
          expect(meanwhile.count).toBeGreaterThan(20);
          expect(beside.count).toBeGreaterThan(20);
          expect(meanwhile.median).toBeLessThan(beside.median + 50);
          expect(meanwhile.longest).toBeLessThan(beside.longest + 1_000);
        }
        const completed = requests.filter(({ kind, rows }) => kind === "write" && rows === 1);
        expect(completed.length).toBeGreaterThan(50);
        // It computes every counter of every user once more, otherwise than trigger and 002.
        const verify = sqlFile("002_backfill_user_progress", "verify");
        await asMigrator(readFileSync(verify, "utf8"));
        const counted =
          "select count(*) from public.user_progress where total_sessions in (5, 6) and last_activity_at is not null";
        expect(await asMigrator(counted)).toBe("10000");
      },
      10 * MINUTES,
    );

    it(
      "goes back and forth to the same catalog",
      async () => {
        const newest = await digest();
        const back = await stack.pulumi(UP, lower(true, "001"));
        expect(back.code).toBe(0);
        expect(await digest()).toBe(await firstDigestOf("001"));
        const forward = await stack.pulumi(UP);
        expect(forward.code).toBe(0);
        expect(await digest()).toBe(newest);
      },
      10 * MINUTES,
    );
  });
});

function waits(requests: Request[]) {
  const ms = requests.map((request) => request.ms).toSorted((a, b) => a - b);
  return { count: ms.length, median: ms[ms.length >> 1] ?? 0, longest: ms.at(-1) ?? 0 };
}

function superuserUrl(): string {
  const { host, port, password } = callTool<{ host: string; port: number; password: string }>(
    "local/postgres.mjs",
    "startPostgres",
    { directory: path.join(home, "postgres") },
  );
  return `postgresql://postgres:${password}@${host}:${port}/app`;
}

describe("npm run down", () => {
  it(
    "leaves no process, no resource and no database",
    async () => {
      const status = JSON.parse((await stack.npm("--silent", "status", "--", "--json")).output);
      const ports: number[] = [status.emulator.port, status.postgres.port];
      for (const port of ports) await connectTo(port);
      const down = await stack.npm("down");
      expect(down.output).toContain("The stack is down; no server of it runs.");
      expect(down.code).toBe(0);
      for (const port of ports) await expect(connectTo(port)).rejects.toThrow(/ECONNREFUSED/);

      const directory = path.join(home, "postgres");
      const { host, port, password } = callTool<{ host: string; port: number; password: string }>(
        "local/postgres.mjs",
        "startPostgres",
        { directory },
      );
      const url = `postgresql://postgres:${password}@${host}:${port}/postgres`;
      try {
        const left =
          "select string_agg(datname, ',' order by datname) from pg_database union all select string_agg(rolname, ',' order by rolname) from pg_roles where rolname !~ '^pg_'";
        expect(await stack.psql(url, left)).toBe("postgres,template0,template1\nmaster,postgres");
      } finally {
        callTool("local/postgres.mjs", "stopPostgres", { directory });
      }
    },
    10 * MINUTES,
  );
});
