import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { Client } from "pg";

/** A PostgreSQL server on which databases and roles may be made, and its superuser. */
export interface ThrowawayServer {
  host: string;
  port: number;
  user: string;
  password: string;
  ssl?: Client["ssl"];
}

/** There is no server to apply migrations to. */
export class NoServerError extends Error {
  public override readonly name = "NoServerError";
  public readonly code = "POL004";

  constructor(found: string, options?: ErrorOptions) {
    super(
      `POL004 There is no PostgreSQL to judge the migrations on: ${found} Set APP_DATA_SCRATCH_DATABASE_URL ` +
        "to the URL of a superuser of a server on which databases may be made and dropped, such as a " +
        "service container.",
      options,
    );
  }
}

/** The environment variable that names a server to use in place of one of this process's own. */
export const scratchVariable = "APP_DATA_SCRATCH_DATABASE_URL";

const PROGRAM = path.join(__dirname, "../../../tools/local/throwaway-postgres.mjs");

/**
 * Calls `work` with a server: the one that the environment names, or one that is started for it and gone
 * when this returns, or when the process ends in any way.
 * @throws NoServerError POL004 when there is neither.
 */
export async function withThrowawayServer<Result>(
  work: (server: ThrowawayServer) => Promise<Result>,
): Promise<Result> {
  const url = process.env[scratchVariable];
  if (url) return work(readUrl(url));
  // Its own process, so that the server goes when this one is killed.
  const child = spawn(process.execPath, [PROGRAM], { stdio: ["pipe", "pipe", "pipe"] });
  const closed = new Promise((resolve) => child.once("close", resolve).once("error", resolve));
  try {
    return await work(await readAddress(child));
  } finally {
    child.stdin.end();
    await closed;
  }
}

function readUrl(url: string): ThrowawayServer {
  let client: Client;
  try {
    client = new Client({ connectionString: url });
  } catch (cause) {
    throw new NoServerError(`${scratchVariable} is not a URL.`, { cause });
  }
  const { host, port, user = "postgres", password = "", ssl } = client;
  return { host, port, user, password, ssl };
}

function readAddress(child: ChildProcess): Promise<ThrowawayServer> {
  let output = "";
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.endsWith("\n")) resolve(parseAddress(output));
    });
    child.once("error", (cause) => reject(new NoServerError(`${cause.message}.`, { cause })));
    child.once("close", () => reject(new NoServerError(errors.trim())));
  });
}

function parseAddress(line: string): ThrowawayServer {
  const { host, port, user, password }: Record<string, unknown> = Object(JSON.parse(line));
  return {
    host: String(host),
    port: Number(port),
    user: String(user),
    password: String(password),
  };
}
