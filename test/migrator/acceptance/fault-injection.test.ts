import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Client, Pool } from "pg";
import {
  type ConnectionSettings,
  applyPending,
  attest,
  readTrios,
  rollbackTo,
} from "../../../migrator/src";
import { type TestDatabase, createDatabase } from "../../support/database";
import { type Cut, startCuttingProxy } from "./cutting-proxy";
import {
  type Outcome,
  readOutcome,
  readStatements,
  writeThreeMigrations,
} from "./three-migrations";

const PROGRAM = path.resolve("migrator/bin/migrator.mjs");
const PASSWORD = "FAULT_INJECTION_PASSWORD";
const AT_ONCE = 4;
const MINUTE = 60_000;

let home: TestDatabase;
let administrator: Pool;
let directory: string;

beforeAll(async () => {
  home = await createDatabase();
  const { host, port, name: database } = home;
  const password = home.password("postgres");
  administrator = new Pool({ host, port, database, user: "postgres", password, max: AT_ONCE });
  directory = mkdtempSync(path.join(tmpdir(), "fault-injection-"));
  writeThreeMigrations(directory);
  process.env[PASSWORD] = home.password("migrator");
});
afterAll(async () => {
  await administrator.end();
  await home.drop();
  rmSync(directory, { recursive: true });
});

type Command = "up" | "rollback";

function settingsOf(database: string, port = home.port): ConnectionSettings {
  const credentials = { kind: "environment", variable: PASSWORD } as const;
  const tls = { mode: "disable" } as const;
  return { host: home.host, port, database, user: "migrator", credentials, tls };
}

async function run(command: Command, settings: ConnectionSettings): Promise<void> {
  if (command === "up") await applyPending(settings, readTrios(directory));
  else await rollbackTo(settings, undefined);
}

/**
 * The same by the command line.
 * @returns how to kill the process, and the signal that ended it, or what it said when it ended by itself.
 */
function runProcess(command: Command, database: string, port: number) {
  const url = new URL(home.url("migrator"));
  Object.assign(url, { port: String(port), pathname: database });
  const args = command === "up" ? ["up"] : ["rollback", "--all"];
  let kill: () => void = () => undefined;
  const ended = new Promise<string>((resolve) => {
    const child = execFile(
      process.execPath,
      [PROGRAM, ...args, "--directory", directory],
      { env: { ...process.env, MIGRATOR_URL: url.href } },
      (error, out, err) => resolve(error?.signal ?? `ended by itself: ${out}${err}`),
    );
    kill = () => child.kill("SIGKILL");
  });
  return { kill, ended };
}

/** Runs a command until its connections are cut. @returns the requests that it had sent. */
async function runCut(command: Command, database: string, cut: Cut | undefined) {
  const proxy = await startCuttingProxy(home, cut);
  try {
    // The run does not know that it is over: that its errors reach nobody is the point.
    await run(command, settingsOf(database, proxy.port)).catch((error: unknown) => {
      if (!cut) throw error;
    });
    expect(proxy.wasCut()).toBe(cut !== undefined);
    return proxy.requests;
  } finally {
    await proxy.close();
  }
}

/** Runs a command in a process of its own until that is killed. */
async function runKilled(command: Command, database: string, cut: Cut): Promise<void> {
  let kill: () => void = () => undefined;
  const proxy = await startCuttingProxy(home, cut, () => kill());
  try {
    const child = runProcess(command, database, proxy.port);
    ({ kill } = child);
    expect(await child.ended).toBe("SIGKILL");
  } finally {
    await proxy.close();
  }
}

interface Ending extends Outcome {
  digest: string;
  /** What is not as the log says that the migrations made it. */
  drift: string[];
}

async function endingOf(database: string): Promise<Ending> {
  const { digest, drift } = await attest(settingsOf(database));
  const { host, port } = home;
  const password = home.password("postgres");
  const superuser = new Client({ host, port, database, user: "postgres", password });
  await superuser.connect();
  try {
    return { digest, drift, ...(await readOutcome(superuser)) };
  } finally {
    await superuser.end();
  }
}

describe.each<Command>(["up", "rollback"])("fault injection: %s of three migrations", (command) => {
  let template: string;
  let requests: string[];
  let undisturbed: Ending;

  /** Runs `work` in a database of its own, which starts where the command does. */
  async function inCopy<T>(number: number, work: (database: string) => Promise<T>): Promise<T> {
    const copy = `${template}_${number}`;
    await administrator.query(
      `create database ${copy} owner migrator template ${template} strategy file_copy`,
    );
    // A copy has not the rights of its template, and what is missing would be drift.
    if (command === "rollback") {
      await administrator.query(`revoke all on database ${copy} from public`);
    }
    try {
      return await work(copy);
    } finally {
      await administrator.query(`drop database ${copy} with (force)`);
    }
  }

  /** Stops the command at a request of each number, runs it again at once, and compares the ends. */
  async function stopAndResume(
    numbers: readonly number[],
    stop: (command: Command, database: string, cut: Cut) => Promise<unknown>,
  ): Promise<unknown[]> {
    const queue = [...numbers];
    const different: unknown[] = [];
    const worker = async () => {
      for (let request = queue.shift(); request !== undefined; request = queue.shift()) {
        const at = request;
        const isAt = (_sql: string, number: number) => number === at;
        const cut: Cut = { isAt, moment: "during" };
        const ending = await inCopy(at, async (database) => {
          await stop(command, database, cut);
          await run(command, settingsOf(database));
          return endingOf(database);
        }).catch(String);
        if (!isSame(ending, undisturbed)) different.push({ at: requests[at - 1], ending });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return different;
  }

  const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

  beforeAll(async () => {
    template = `${home.name}_${command}`;
    await administrator.query(`create database ${template} owner migrator`);
    if (command === "rollback") await run("up", settingsOf(template));
    await inCopy(0, async (database) => {
      requests = await runCut(command, database, undefined);
      undisturbed = await endingOf(database);
    });
  });
  afterAll(() => administrator.query(`drop database ${template}`));

  it("does each step once, and enters it into log and journal", () => {
    expect(undisturbed).toEqual({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      drift: [],
      ...UNDISTURBED[command],
    });
  });

  it(
    "safety 3, acceptance 2: ends alike after kill -9 inside each statement of the files",
    async () => {
      const statements = await readStatements(directory, command);
      const numbers = numbersOf(requests, (sql) => statements.some((each) => sql.includes(each)));
      // What the migrator sends at once cannot be killed in between.
      expect(statements.filter((each) => !requests.some((sql) => sql.includes(each)))).toEqual([]);
      expect(numbers.length).toBeGreaterThan(8);
      expect(await stopAndResume(numbers, runKilled)).toEqual([]);
    },
    3 * MINUTE,
  );

  // What else is sent lasts no longer than its connection: the server is as after the commit before it.
  it(
    "ends alike after its connections are cut inside each commit",
    async () => {
      const numbers = commitsOf(requests);
      expect(numbers.length).toBeGreaterThan(15);
      expect(await stopAndResume(numbers, runCut)).toEqual([]);
    },
    3 * MINUTE,
  );
});

/** The requests that are meant, counted from 1. */
function numbersOf(requests: readonly string[], isMeant: (sql: string) => boolean): number[] {
  return requests.flatMap((sql, index) => (isMeant(sql) ? [index + 1] : []));
}

/** The requests that make something last: commits, and what is written in no transaction. */
function commitsOf(requests: readonly string[]): number[] {
  let isOpen = false;
  return numbersOf(requests, (sql) => {
    if (/^begin\b/.test(sql)) isOpen = true;
    // The last statement of its message.
    const [end] = /(?<=^|\n;)(?:commit|rollback)(?=\n;$|$)/.exec(sql) ?? [];
    if (end !== undefined) {
      isOpen = false;
      return end === "commit";
    }
    return !isOpen && sql.startsWith("insert into migrations.");
  });
}

const begun = (event: string, lines: readonly string[]) => lines.map((line) => `${event} ${line}`);
const APPLIED: Outcome = {
  rows: [
    { mood: "glad", visits: 11, rest: { note: null, seen: true }, count: 10 },
    { mood: "ok", visits: 1, rest: { note: null, seen: true }, count: 240 },
  ],
  log: ["000 apply", "001 begin apply", "001 apply", "002 begin apply", "002 apply"],
  journal: [
    // What was there before the first migration.
    "000 apply 0 done",
    ...begun("001 begin apply", ["1 done", "2 started", "2 done", "3 started", "3 done", "4 done"]),
    ...begun("001 begin apply", ["5 started", "5 done", "6 done"]),
    ...begun("002 begin apply", ["1 done", "2 checkpoint 100", "2 checkpoint 200"]),
    ...begun("002 begin apply", ["2 checkpoint 250", "2 done"]),
  ],
  invalid: [],
};
const UNDISTURBED: Record<Command, Outcome> = {
  up: APPLIED,
  rollback: {
    rows: null,
    log: [
      ...APPLIED.log,
      ...["002 begin rollback", "002 rollback", "001 begin rollback", "001 rollback"],
      "000 rollback",
    ],
    journal: [
      ...APPLIED.journal,
      ...begun("002 begin rollback", ["1 checkpoint 100", "1 checkpoint 200", "1 checkpoint 250"]),
      ...begun("002 begin rollback", ["1 done", "2 done"]),
      ...begun("001 begin rollback", ["1 done", "2 started", "2 done", "3 done"]),
      ...begun("001 begin rollback", ["4 started", "4 done", "5 done"]),
    ],
    invalid: [],
  },
};
