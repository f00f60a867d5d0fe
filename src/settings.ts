import { AppDataError, shown } from "./errors.js";

/** Where the stack is. Every field has a variable, which `npm run env` prints for the local stack. */
export interface Settings {
  /**
   * ARN of the secret of the login `app`: JSON with `host`, `port`, `dbname`, `username`, `password`.
   * Variable `APP_DATA_APP_SECRET_ARN`; stack output `appSecretArn`.
   */
  readonly appSecretArn: string;
  /**
   * ARN of the secret of the login that takes on `service_role`, where that is not `app`. Without it
   * {@link AppData.asService} uses `app`. Variable `APP_DATA_SERVICE_SECRET_ARN`.
   */
  readonly serviceSecretArn?: string | undefined;
  /**
   * Where to dial instead of the secret's `host`: a tunnel. Certificate, authorities and IAM tokens are
   * the secret's host's all the same. Variable `APP_DATA_DATABASE_HOST`.
   */
  readonly databaseHost?: string | undefined;
  /** Variable `APP_DATA_DATABASE_PORT`. */
  readonly databasePort?: number | undefined;
  /**
   * What logs in: the secret's password, or an IAM token for its `username`, valid for RDS alone.
   * Variable `APP_DATA_DATABASE_LOGIN`.
   * @default "password"
   */
  readonly databaseLogin: "password" | "iam";
  /**
   * `verify` demands a certificate of the RDS authorities for the secret's host. `off` is for a
   * database on the loopback interface alone. Variable `APP_DATA_DATABASE_TLS`.
   * @default "verify"
   */
  readonly databaseTls: "verify" | "off";
  /** Region of the stack. Variable `AWS_REGION`. */
  readonly region: string;
  /**
   * ARN of the key that API keys are encrypted under. Variable `APP_DATA_API_KEYS_KEY_ARN`; output
   * `apiKeysKeyArn`.
   */
  readonly apiKeysKeyArn: string;
  /**
   * ARNs of keys that API keys may be under as well: during a rotation the one before, or the next.
   * Variable `APP_DATA_API_KEYS_OTHER_KEY_ARNS`, with commas between them; output `apiKeysOtherKeyArns`.
   * @default []
   */
  readonly apiKeysOtherKeyArns: readonly string[];
  /**
   * The part of the encryption context that is the same for all users, as JSON in the variable
   * `APP_DATA_API_KEYS_CONTEXT`; output `apiKeysEncryptionContext`.
   */
  readonly apiKeysContext: Readonly<Record<string, string>>;
  /**
   * Providers that {@link Vault.put} takes keys for; without it, any name of the right form. Variable
   * `APP_DATA_PROVIDERS`, with commas between them.
   */
  readonly providers?: readonly string[] | undefined;
  /** Bucket of the exports. Variable `APP_DATA_EXPORTS_BUCKET`; output `exportsBucket`. */
  readonly exportsBucket: string;
  /**
   * ARN of the secret of the login `monitor`, for the job that ships figures. Variable
   * `APP_DATA_MONITOR_SECRET_ARN`; output `monitorSecretArn`.
   */
  readonly monitorSecretArn?: string | undefined;
  /**
   * ARN of the secret that signs tokens, where the stack demands verified identities. Variable
   * `APP_DATA_TOKEN_SECRET_ARN`; output `tokenSecretArn`.
   */
  readonly tokenSecretArn?: string | undefined;
  /** Audience of those tokens. Variable `APP_DATA_TOKEN_AUDIENCE`; output `tokenAudience`. */
  readonly tokenAudience?: string | undefined;
  /**
   * AWS endpoint other than Amazon's: an emulator. Variable `AWS_ENDPOINT_URL`.
   */
  readonly endpoint?: string | undefined;
  /**
   * Most connections of a pool. There is one for users, one for exports that run, and one for the back
   * office where `serviceSecretArn` is given: a process has up to three times as many. Variable
   * `APP_DATA_POOL_SIZE`.
   * @default 10
   */
  readonly poolSize: number;
  /**
   * Milliseconds that a transaction may take with the wait for a connection, unless its caller says
   * otherwise. Variable `APP_DATA_DEADLINE_MS`.
   * @default 30000
   */
  readonly deadlineMs: number;
  /**
   * Tables and views of schema `public` that everybody may read; none other may show a row without an identity.
   * @default []
   */
  readonly openTables: readonly string[];
}

/** The name of a provider. */
export const PROVIDER = /^[a-z0-9-]{1,64}$/;
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/;
const MOST_CONNECTIONS = 1_000;
/** An hour. */
const LONGEST_DEADLINE_MS = 3_600_000;
const LARGEST_PORT = 65_535;

/**
 * Reads what is not given from the environment, and checks all of it.
 * @throws AppDataError CFG101 for a value that is missing, CFG102 for one of another form, CFG103 for
 * a database without TLS that is not on the loopback interface.
 *
 * @example
 * const { exportsBucket } = readSettings();
 */
export function readSettings(
  given: Partial<Settings> = {},
  environment: NodeJS.ProcessEnv = process.env,
): Settings {
  const text = (value: string | undefined, variable: string) =>
    value ?? (environment[variable] || undefined);
  const required = (value: string | undefined, name: string, variable: string) =>
    text(value, variable) ?? missing(name, variable);
  const settings: Settings = {
    appSecretArn: required(given.appSecretArn, "appSecretArn", "APP_DATA_APP_SECRET_ARN"),
    serviceSecretArn: text(given.serviceSecretArn, "APP_DATA_SERVICE_SECRET_ARN"),
    databaseHost: text(given.databaseHost, "APP_DATA_DATABASE_HOST"),
    databasePort: wholeNumber(
      given.databasePort ?? text(undefined, "APP_DATA_DATABASE_PORT"),
      "databasePort",
      LARGEST_PORT,
    ),
    databaseLogin: oneOf(
      given.databaseLogin ?? text(undefined, "APP_DATA_DATABASE_LOGIN") ?? "password",
      "databaseLogin",
      ["password", "iam"],
    ),
    databaseTls: oneOf(
      given.databaseTls ?? text(undefined, "APP_DATA_DATABASE_TLS") ?? "verify",
      "databaseTls",
      ["verify", "off"],
    ),
    region: required(given.region, "region", "AWS_REGION"),
    apiKeysKeyArn: required(given.apiKeysKeyArn, "apiKeysKeyArn", "APP_DATA_API_KEYS_KEY_ARN"),
    apiKeysOtherKeyArns:
      given.apiKeysOtherKeyArns ??
      listIn(text(undefined, "APP_DATA_API_KEYS_OTHER_KEY_ARNS")) ??
      [],
    apiKeysContext:
      given.apiKeysContext ??
      readContext(required(undefined, "apiKeysContext", "APP_DATA_API_KEYS_CONTEXT")),
    providers: providerNames(given.providers ?? listIn(text(undefined, "APP_DATA_PROVIDERS"))),
    exportsBucket: required(given.exportsBucket, "exportsBucket", "APP_DATA_EXPORTS_BUCKET"),
    monitorSecretArn: text(given.monitorSecretArn, "APP_DATA_MONITOR_SECRET_ARN"),
    tokenSecretArn: text(given.tokenSecretArn, "APP_DATA_TOKEN_SECRET_ARN"),
    tokenAudience: text(given.tokenAudience, "APP_DATA_TOKEN_AUDIENCE"),
    endpoint: text(given.endpoint, "AWS_ENDPOINT_URL"),
    poolSize:
      wholeNumber(
        given.poolSize ?? text(undefined, "APP_DATA_POOL_SIZE"),
        "poolSize",
        MOST_CONNECTIONS,
      ) ?? 10,
    deadlineMs:
      wholeNumber(
        given.deadlineMs ?? text(undefined, "APP_DATA_DEADLINE_MS"),
        "deadlineMs",
        LONGEST_DEADLINE_MS,
      ) ?? 30_000,
    openTables: given.openTables ?? [],
  };
  if (settings.tokenSecretArn !== undefined && settings.tokenAudience === undefined) {
    missing("tokenAudience", "APP_DATA_TOKEN_AUDIENCE");
  }
  return settings;
}

/**
 * Refuses a database without TLS anywhere but on this machine.
 * @throws AppDataError CFG103.
 */
export function requireLoopback(host: string): void {
  if (LOOPBACK.test(host)) return;
  throw new AppDataError(
    "CFG103",
    `databaseTls is "off", and the database is at ${shown(host)}. Only a database on the loopback ` +
      'interface may be used without TLS: leave databaseTls at "verify".',
  );
}

/**
 * A setting that not everything needs.
 * @throws AppDataError CFG101 where it is missing.
 */
export function requireSetting(value: string | undefined, name: string, variable: string): string {
  return value ?? missing(name, variable);
}

function missing(name: string, variable: string): never {
  throw new AppDataError(
    "CFG101",
    `The setting ${name} is missing. Give it to connect(), or set ${variable}; for the local stack ` +
      'with: eval "$(npm run --silent env)".',
  );
}

function oneOf<Value extends string>(value: string, name: string, values: readonly Value[]): Value {
  const found = values.find((each) => each === value);
  if (found !== undefined) return found;
  const choices = values.map((each) => `"${each}"`).join(" or ");
  throw new AppDataError("CFG102", `${name} is ${shown(value)}, and has to be ${choices}.`);
}

function wholeNumber(
  value: number | string | undefined,
  name: string,
  most: number,
): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new AppDataError(
    "CFG102",
    `${name} is ${shown(String(value))}, and has to be a whole number from 1 to ${most}.`,
  );
}

function listIn(text: string | undefined): string[] | undefined {
  return text?.split(",").map((each) => each.trim());
}

function providerNames(names: readonly string[] | undefined): readonly string[] | undefined {
  const wrong = names?.find((name) => !PROVIDER.test(name));
  if (wrong === undefined) return names;
  throw new AppDataError(
    "CFG102",
    `providers has ${shown(wrong)}, and the name of each has to be 1 to 64 of the characters a-z, 0-9 and "-".`,
  );
}

function readContext(json: string): Record<string, string> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      const entries = Object.entries(value);
      const texts = entries.filter(
        (entry): entry is [string, string] => typeof entry[1] === "string",
      );
      if (texts.length === entries.length) return Object.fromEntries(texts);
    }
  } catch {
    // Said below.
  }
  throw new AppDataError(
    "CFG102",
    "APP_DATA_API_KEYS_CONTEXT has to be a JSON object of texts, as the stack output " +
      "apiKeysEncryptionContext gives it.",
  );
}
