import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Client } from "pg";
import { PARTS, processesOf } from "./local-home";
import { runCommand } from "./running-command";

const OWNER = "33333333-3333-4333-8333-333333333333";
/** What {@link emails} gives after {@link write}. */
export const KEPT = [{ email: "owner@example.org" }];

const homes: string[] = [];

/** A folder for the files of a stack, which {@link removeHomes} takes down. */
export function newHome(): string {
  const home = mkdtempSync(path.join(tmpdir(), "app-data-losses-"));
  homes.push(home);
  return home;
}

/** Takes the stacks down; no process of theirs may be left. */
export async function removeHomes(): Promise<void> {
  for (const home of homes) {
    await runCommand("npm run down -- --purge", home);
    for (const part of PARTS) expect(processesOf(home, part)).toEqual([]);
    remove(home);
  }
}

/** Removes a folder, also while a server writes to it. */
export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
}

/** Removes files and folders of a stack that have to be there. */
export function lose(home: string, ...names: string[]): void {
  for (const name of names) rmSync(path.join(home, name), { recursive: true, maxRetries: 20 });
}

/** Brings the stack up and gives what was printed. */
export async function up(home: string): Promise<string> {
  const run = await runCommand("npm run up", home);
  expect(run.output).toContain('The stack "local" is up');
  expect(await run.code).toBe(0);
  return run.output;
}

/** Adds a user, as that user. */
export const write = (home: string) =>
  asOwner(home, `insert into public.users (id, email) values ('${OWNER}', 'owner@example.org')`);

/** The users that the user of {@link write} sees. */
export const emails = (home: string) => asOwner(home, "select email from public.users");

/** A variable that `npm run env` prints. */
export async function variable(home: string, name: string): Promise<string> {
  const { output } = await runCommand("npm run --silent env", home);
  const value = new RegExp(`^export ${name}='(.*)'$`, "m").exec(output)?.[1];
  if (!value) throw new Error(`npm run env printed no ${name}:\n${output}`);
  return value;
}

/** One transaction of the application for a signed-in user, with the login that `npm run env` prints. */
async function asOwner(home: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: await variable(home, "APP_URL") });
  await client.connect();
  try {
    await client.query("begin");
    await client.query("set local role authenticated");
    const claims = JSON.stringify({ sub: OWNER });
    await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
    const { rows } = await client.query(sql);
    await client.query("commit");
    return rows;
  } finally {
    await client.end();
  }
}
