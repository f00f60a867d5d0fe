import { Signer } from "@aws-sdk/rds-signer";
import { AppDataError } from "../errors.js";
import type { Settings } from "../settings.js";
import { readSecret } from "./aws-secrets.js";

/** What a login of the stack connects with; the secret that `createLogin` of the stack writes. */
export interface Login {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** The present password, or a token that is good for the next fifteen minutes. */
  readonly password: () => Promise<string>;
  /** Has the next connection read the password again: it was refused. */
  readonly forget: () => void;
}

/**
 * Reads a login from its secret.
 * @throws AppDataError CFG104 where the secret cannot be read, CFG105 where it holds something else.
 */
export async function readLogin(settings: Settings, secretArn: string): Promise<Login> {
  const first = parse(await readSecret(settings, secretArn), secretArn);
  let password: string | undefined = first.password;
  const { host, port, dbname: database, username: user } = first;
  const endpoint = { host, port, database, user };
  if (settings.databaseLogin === "iam") {
    const signer = new Signer({
      hostname: host,
      port,
      username: user,
      region: settings.region,
    });
    return { ...endpoint, password: () => signer.getAuthToken(), forget: () => undefined };
  }
  return {
    ...endpoint,
    async password() {
      password ??= parse(await readSecret(settings, secretArn), secretArn).password;
      return password;
    },
    forget() {
      password = undefined;
    },
  };
}

interface StoredLogin {
  host: string;
  port: number;
  dbname: string;
  username: string;
  password: string;
}

/** What the secret holds, without a word of it in an error. */
function parse(text: string, secretArn: string): StoredLogin {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (isStoredLogin(value)) return value;
  throw new AppDataError(
    "CFG105",
    `The secret ${secretArn} holds no login: it has to be JSON with the texts host, dbname, ` +
      "username and password and the number port.",
  );
}

function isStoredLogin(value: unknown): value is StoredLogin {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map(Object.entries(value));
  return (
    ["host", "dbname", "username", "password"].every(
      (name) => typeof fields.get(name) === "string",
    ) && typeof fields.get("port") === "number"
  );
}
