import { writeFileSync } from "node:fs";
import path from "node:path";
import { inspect } from "node:util";
import {
  type AttestationInputs,
  type ConnectionSettings,
  type MigrationInputs,
  type PlanInputs,
  attestationLifecycle,
  migrationLifecycle,
  planLifecycle,
  readHistory,
} from "../../migrator/src";
import { readPassword } from "../../migrator/src/database/credentials";
import { closeTunnels } from "../../migrator/src/database/transports/tunnel-pool";
import { ADDRESS, migrationResources } from "../components/migration-resources";
import { createAuthority } from "./certificate-fixture";
import { type MigratorFixture, createFixture } from "./migration-fixture";
import { type Listener, listenWithTls } from "./server-fixture";
import { TOKEN, type TunnelFixture, createTunnelFixture } from "./tunnel-fixture";

const INSTANCE = "i-0a1b2c3d4e5f67890";
const systemPath = process.env["PATH"] ?? "";

let fixture: MigratorFixture;
let aws: TunnelFixture;
let server: Listener;
let authoritiesFile: string;

beforeEach(async () => {
  fixture = await createFixture();
  const authority = createAuthority("Authority of a test");
  server = await listenWithTls(authority.issue(ADDRESS), fixture.database);
  aws = await createTunnelFixture({ [ADDRESS]: `127.0.0.1:${server.port}` });
  aws.online = [INSTANCE];
  process.env["PATH"] = `${aws.folder}${path.delimiter}${systemPath}`;
  authoritiesFile = path.join(aws.folder, "authority.pem");
  writeFileSync(authoritiesFile, authority.certificate);
});
afterEach(async () => {
  await closeTunnels();
  await server.close();
  await aws.close();
  process.env["PATH"] = systemPath;
  await fixture.database.drop();
});

/**
 * The inputs that the stack gives its resources when it is configured so; of the connection, only who
 * signs certificates is another than on AWS.
 */
async function stackInputs(login: "secret" | "iam") {
  const resources = await migrationResources("dev", {
    "database.name": fixture.settings.database,
    "database.bastion": "tag:Role=bastion",
    "database.tunnel": "127.0.0.1:6432",
    "database.login": login,
  });
  const [plan, first, second, attestation] = ["plan", "000", "001", "attestation"].map((part) => {
    const found = resources.find(({ name }) => name.includes(part));
    return structuredClone(found?.inputs) as Record<string, unknown>;
  });
  const connection = plan?.["connection"] as ConnectionSettings;
  const tls = { ...connection.tls, authoritiesFile } as ConnectionSettings["tls"];
  return {
    connection: { ...connection, tls },
    plan: plan as unknown as PlanInputs,
    migrations: [first, second] as unknown as MigrationInputs[],
    attestation: attestation as unknown as AttestationInputs,
  };
}

/** What the engine would have the stack's resources do at a first `up`. @returns all that it is told. */
async function bringUp(
  { plan, migrations, attestation }: Awaited<ReturnType<typeof stackInputs>>,
  connection: ConnectionSettings,
): Promise<unknown[]> {
  const told: unknown[] = [];
  const planned = await planLifecycle.check({}, { ...plan, connection });
  told.push(planned, await planLifecycle.create(planned.inputs));
  for (const migration of migrations) {
    const inputs = { ...migration, connection, snapshot: "", restoreCommand: "" };
    const checked = await migrationLifecycle.check({}, inputs);
    told.push(checked, await migrationLifecycle.create(checked.inputs));
  }
  told.push(await attestationLifecycle.create({ ...attestation, connection, migrations: [] }));
  return told;
}

/** Everything that a value shows by any means. */
function everything(value: unknown): string {
  const options = { depth: 20, showHidden: true, maxArrayLength: null, maxStringLength: null };
  return `${String(value)}\n${JSON.stringify(value)}\n${inspect(value, options)}`;
}

describe("a stack with a bastion", () => {
  it("plans, migrates and attests through one port-forward, with the secret's password", async () => {
    const inputs = await stackInputs("secret");
    const { credentials } = fixture.settings;
    const told = await bringUp(inputs, { ...inputs.connection, credentials });
    expect(told[0]).toMatchObject({
      inputs: { pending: ["000_existing_schema", "001_add_missing_tables"] },
      failures: [],
    });
    const log = await readHistory(fixture.settings);
    expect(log.map(({ name }) => name)).toEqual(["000_existing_schema", "001_add_missing_tables"]);
    const sessions = aws.calls.filter(([name]) => name === "StartSession");
    expect(sessions).toEqual([
      [
        "StartSession",
        {
          Target: INSTANCE,
          DocumentName: "AWS-StartPortForwardingSessionToRemoteHost",
          Parameters: { host: [ADDRESS], portNumber: ["5432"] },
        },
      ],
    ]);
    const state = JSON.stringify(told);
    expect(state).not.toContain(fixture.database.password("migrator"));
    expect(state).not.toContain(TOKEN);
  });

  it("does not take a server for the database that another authority vouches for", async () => {
    const inputs = await stackInputs("secret");
    const { credentials } = fixture.settings;
    const tls = { mode: "verify-full", serverName: ADDRESS } as const;
    await expect(readHistory({ ...inputs.connection, tls, credentials })).rejects.toThrow(
      `MIG003 Could not connect to database ${fixture.settings.database} at ${ADDRESS}:5432 through an ` +
        "instance with the tag Role = bastion as migrator: unable to verify the first certificate",
    );
  });
});

describe("a stack with a login by IAM", () => {
  beforeEach(() => {
    // Tokens of one second are equal, so that the server can be given one as the password.
    jest.useFakeTimers({
      now: new Date(),
      doNotFake: [
        "hrtime",
        "nextTick",
        "performance",
        "queueMicrotask",
        "setImmediate",
        "clearImmediate",
        "setInterval",
        "clearInterval",
        "setTimeout",
        "clearTimeout",
      ],
    });
  });
  afterEach(() => jest.useRealTimers());

  async function setPassword(password: string): Promise<void> {
    const superuser = await fixture.database.connect("postgres");
    await superuser.query(`alter role migrator password '${password}'`);
  }

  it("acceptance 14: logs in with a token, which is in no input, output, plan, log or error", async () => {
    const inputs = await stackInputs("iam");
    const { connection } = inputs;
    const token = await readPassword(connection);
    expect(token).toMatch(
      new RegExp(`^${ADDRESS}:5432/\\?(?=.*DBUser=migrator)(?=.*eu-central-1%2Frds-db)`),
    );
    const signature = /X-Amz-Signature=([0-9a-f]{64})/.exec(token)?.[1] ?? "no signature";

    await setPassword(token);
    try {
      const told: unknown[] = [inputs, await bringUp(inputs, connection)];
      const superuser = await fixture.database.connect("postgres");
      const { rows } = await superuser.query<{ event: string; entry: string }>(
        "select version || ' ' || event as event, l::text as entry from migrations.log l order by id",
      );
      // 001 is two steps: what protects the rows, and then their batches.
      expect(rows.map(({ event }) => event)).toEqual(["000 apply", "001 begin apply", "001 apply"]);
      told.push(rows);

      await setPassword("another");
      const refused = await readHistory(connection).catch((error: unknown) => error);
      expect(String(refused)).toMatch(
        /MIG003 .* password authentication failed for user "migrator".* that the role is a member of rds_iam and that rds-db:connect is allowed for it\.$/,
      );
      told.push(refused);
      for (const each of told) expect(everything(each)).not.toContain(signature);
      // The search would find it.
      expect(everything(new Error("failed", { cause: { token } }))).toContain(signature);
    } finally {
      await setPassword(fixture.database.password("migrator"));
    }
  });
});

describe("membership of rds_iam", () => {
  it("is the master's, too, once a role that it made has it: RDS then takes no password of it", async () => {
    const superuser = await fixture.database.connect("postgres");
    const membership = async () => {
      const { rows } = await superuser.query(
        `select pg_has_role('master', 'rds_iam', 'member') as master,
                pg_has_role('migrator', 'rds_iam', 'member') as migrator,
                pg_has_role('app', 'rds_iam', 'member') as app`,
      );
      return rows[0];
    };
    await superuser.query("create role rds_iam");
    try {
      expect(await membership()).toEqual({ master: false, migrator: false, app: false });
      await superuser.query("grant rds_iam to migrator");
      expect(await membership()).toEqual({ master: true, migrator: true, app: false });
    } finally {
      await superuser.query("drop role rds_iam");
    }
  });
});
