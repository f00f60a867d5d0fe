import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { connect } from "../app-data.js";
import { AppDataError, codeOf } from "../errors.js";
import { AWS_TIMEOUTS, readSecret } from "../session/aws-secrets.js";
import { checkLogin } from "../session/login-check.js";
import { readLogin } from "../session/login.js";
import { ConnectionPool } from "../session/pool.js";
import { type Settings, readSettings } from "../settings.js";
import { Envelope } from "../vault/envelope.js";
import type { Answer } from "./commands.js";

/** What was found of one thing. */
interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** What there is, or what is wrong and what to do. */
  readonly detail: string;
  readonly durationMs: number;
}

/** Milliseconds for a check, all of which run at once. */
const CHECK_MS = 7_000;

/** Each looks at one thing, and says what there is. */
type Check = (settings: Settings) => Promise<string>;

const CHECKS: Readonly<Record<string, Check>> = {
  async "secret of app"(settings) {
    const { user, host, port } = await readLogin(settings, settings.appSecretArn);
    return `${user} at ${host}:${port}`;
  },
  async "secret of service"(settings) {
    if (settings.serviceSecretArn === undefined) return "none: app takes on service_role";
    return (await readLogin(settings, settings.serviceSecretArn)).user;
  },
  async "secret of monitor"(settings) {
    if (settings.monitorSecretArn === undefined) return "none: ship-figures cannot run";
    return (await readLogin(settings, settings.monitorSecretArn)).user;
  },
  async "signing key"(settings) {
    if (settings.tokenSecretArn === undefined) return "none: identities are not verified";
    await readSecret(settings, settings.tokenSecretArn);
    return `for audience ${settings.tokenAudience}`;
  },
  "TLS to the database": (settings) => asLogin(settings, settings.appSecretArn, readTls),
  migrations: (settings) => asLogin(settings, settings.appSecretArn, readMigrations),
  "rights of app": (settings) =>
    withPool(settings, settings.appSecretArn, async (pool) => {
      await checkLogin(pool, settings);
      return "owns nothing, sees no row without claims";
    }),
  async "session as a user"(settings) {
    const data = await connect({ ...settings, poolSize: 1 });
    await data.close();
    return "auth.uid() is who was asked for";
  },
  async "session of the back office"(settings) {
    const data = await connect({ ...settings, poolSize: 1 });
    try {
      await data.asService(
        (db) => db.selectFrom("export_history").select("id").limit(1).execute(),
        {
          mode: "snapshot",
        },
      );
      return "service_role reads exports";
    } finally {
      await data.close();
    }
  },
  async figures(settings) {
    if (settings.monitorSecretArn === undefined) return "not looked at: no monitorSecretArn";
    return asLogin(settings, settings.monitorSecretArn, async (query) => {
      const [row] = await query("select monitoring.report() is not null as ok");
      return row?.["ok"] === true ? "monitoring.report() answers" : "monitoring.report() is empty";
    });
  },
  "key for API keys": checkKeys,
  "bucket of the exports": checkBucket,
};

/** What each migration that the library needs has made, in the order of their numbers. */
const MADE = `
  select m.name, m.made from (values
    ('000', exists (select from pg_class where relname = 'sessions')),
    ('001', exists (select from pg_class where relname = 'user_api_keys')),
    ('003', exists (select from pg_proc where proname = 'refresh_progress_analytics')),
    ('004', exists (select from pg_proc where proname = 'claim_export_object_deletions')),
    ('005', exists (select from pg_namespace where nspname = 'monitoring')),
    ('006', exists (select from pg_proc where proname = 'verified_uid')),
    ('007', exists (select from pg_policy where polname = 'users_delete_own'))
  ) as m (name, made) order by 1`;

/**
 * Looks at everything at once, in less than ten seconds.
 * Whoever asks for it has a doubt, so what fails is an answer and not an error.
 */
export async function examine(): Promise<Answer> {
  const findings: Finding[] = [];
  let settings: Settings | undefined;
  findings.push(
    await find("settings", async () => {
      settings = readSettings();
      return `region ${settings.region}${settings.endpoint ? `, endpoint ${settings.endpoint}` : ""}`;
    }),
  );
  const known = settings;
  if (known !== undefined) {
    const limited = { ...known, deadlineMs: Math.min(known.deadlineMs, CHECK_MS) };
    const checks = Object.entries(CHECKS);
    findings.push(
      ...(await Promise.all(checks.map(([name, check]) => find(name, () => check(limited))))),
    );
  }
  const ok = findings.every((finding) => finding.ok);
  const lines = findings.map(
    ({ name, ok: isOk, detail }) => `${isOk ? "ok  " : "FAIL"}  ${name.padEnd(26)}  ${detail}`,
  );
  return { text: lines.join("\n"), data: { ok, findings }, exitCode: ok ? 0 : 1 };
}

async function find(name: string, check: () => Promise<string>): Promise<Finding> {
  const started = performance.now();
  const found = (ok: boolean, detail: string): Finding => ({
    name,
    ok,
    detail,
    durationMs: Math.round(performance.now() - started),
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => resolve(found(false, `no answer in ${CHECK_MS} ms`)), CHECK_MS);
  });
  try {
    return await Promise.race([check().then((detail) => found(true, detail)), late]);
  } catch (error) {
    return found(false, reasonOf(error));
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AppDataError) return error.message;
  if (!(error instanceof Error)) return String(error);
  // What the SDK of AWS throws has its code as its name.
  const code = codeOf(error) ?? (error.name === "Error" ? undefined : error.name);
  return code === undefined ? error.message : `${code}: ${error.message}`;
}

type Query = (text: string) => Promise<Record<string, unknown>[]>;

/** Runs queries as the login itself, without a role. */
async function asLogin(
  settings: Settings,
  secretArn: string,
  work: (query: Query) => Promise<string>,
): Promise<string> {
  return withPool(settings, secretArn, (pool) =>
    pool.use((client) => work(async (text) => (await client.query(text)).rows), CHECK_MS),
  );
}

async function withPool(
  settings: Settings,
  secretArn: string,
  work: (pool: ConnectionPool) => Promise<string>,
): Promise<string> {
  const login = await readLogin(settings, secretArn);
  const pool = new ConnectionPool(login, { ...settings, poolSize: 1 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

async function readTls(query: Query): Promise<string> {
  const [row] = await query("select ssl, version from pg_stat_ssl where pid = pg_backend_pid()");
  return row?.["ssl"] === true
    ? `${String(row["version"])}, certificate verified`
    : "off, as databaseTls says: the loopback interface alone";
}

async function readMigrations(query: Query): Promise<string> {
  const rows = await query(MADE);
  const missing = rows.filter(({ made }) => made !== true).map(({ name }) => String(name));
  if (missing.length === 0) return `up to ${String(rows.at(-1)?.["name"])}`;
  throw new Error(`${missing.join(", ")} not applied, which the library needs. Run \`pulumi up\`.`);
}

/** During a rotation there are several, and whoever is to go on has to have the right to each. */
async function checkKeys(settings: Settings): Promise<string> {
  const keyArns = [settings.apiKeysKeyArn, ...settings.apiKeysOtherKeyArns];
  await Promise.all(
    keyArns.map((apiKeysKeyArn) =>
      checkKey({ ...settings, apiKeysKeyArn, apiKeysOtherKeyArns: [] }),
    ),
  );
  const each = keyArns.length === 1 ? "" : `each of ${keyArns.length} `;
  return `${each}encrypts and decrypts, for one user alone`;
}

/** Encrypts and decrypts for nobody, and tries what has to be refused: another user's. */
async function checkKey(settings: Settings): Promise<void> {
  const envelope = new Envelope(settings);
  const [user, other] = [randomUUID(), randomUUID()];
  try {
    const secret = Buffer.from(randomUUID());
    const key = { provider: "doctor", createdAt: new Date().toISOString(), secret };
    const message = await envelope.seal(user, [key]);
    const opened = await envelope.open(user, message);
    const isSame = opened.keys.length === 1;
    opened.wipe();
    if (!isSame) throw new Error("What was encrypted does not decrypt to the same.");
    const foreign = await envelope.open(other, message).then(
      () => undefined,
      (error: unknown) => codeOf(error),
    );
    if (foreign !== "KEY007") throw new Error("A message decrypts in another user's context.");
  } finally {
    envelope.end();
  }
}

async function checkBucket(settings: Settings): Promise<string> {
  const client = new S3Client({
    region: settings.region,
    requestHandler: AWS_TIMEOUTS,
    ...(settings.endpoint !== undefined && { endpoint: settings.endpoint, forcePathStyle: true }),
  });
  const where = { Bucket: settings.exportsBucket, Key: `users/doctor/${randomUUID()}` };
  try {
    const { VersionId } = await client.send(new PutObjectCommand({ ...where, Body: where.Key }));
    const { Body } = await client.send(new GetObjectCommand(where));
    const text = await Body?.transformToString();
    await client.send(new DeleteObjectCommand({ ...where, VersionId }));
    if (text !== where.Key) throw new Error("An object is not read as it was written.");
    return `${settings.exportsBucket}: writes, reads and deletes`;
  } finally {
    client.destroy();
  }
}
