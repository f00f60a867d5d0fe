import type { ClientBase } from "pg";
import { callEngine } from "./engine";
import type { Identity } from "./identities";

/** One way to try something; of several, the first that no constraint stops counts. */
export interface Variant {
  /** By the superuser, before, with triggers and foreign keys off. */
  before?: string[];
  /** By the attacker, before its statement. */
  prelude?: string[];
  statements?: string[];
}

/** One attempt of one identity. */
export interface Job {
  identity: Identity;
  variants: Variant[];
  /** A query of the attacker that gives one JSON value: what `measure` judges. */
  read?: string;
  /** Queries of the attacker that each give a JSON list. */
  reads?: string[];
  /** A query of the superuser; `$1` is what was read. */
  measure?: string;
  /** Measure although no row was affected. */
  always?: boolean;
}

/** What came of an attempt, which has been undone. */
export interface Outcome {
  affected?: number;
  reads?: { rows?: unknown[]; error?: string }[];
  measured?: Measured | null;
  /** The SQLSTATE that ended it. */
  error?: string;
  message?: string;
  constraint?: string;
  /** The table whose constraint it was. */
  table?: string;
}

/** The counts of `seen` or `changed`. */
export interface Measured {
  own?: number;
  foreign?: number;
  owners?: string[][];
  others?: number;
  given?: number;
}

const JOBS_A_MESSAGE = 400;

/** Runs attempts in few messages; one that takes longer than the server's limit costs no other. */
export async function runJobs(client: ClientBase, jobs: readonly Job[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let at = 0; at < jobs.length; at += JOBS_A_MESSAGE) {
    outcomes.push(...(await runSome(client, jobs.slice(at, at + JOBS_A_MESSAGE))));
  }
  return outcomes;
}

async function runSome(client: ClientBase, jobs: readonly Job[]): Promise<Outcome[]> {
  const messages = jobs.map(({ identity, variants, read, reads, measure, always }) => ({
    read,
    reads,
    measure,
    always,
    role: identity.role,
    settings: identity.settings,
    variants: variants.map(({ prelude = [], ...variant }) => ({
      ...variant,
      prelude: [...identity.prelude, ...prelude],
    })),
  }));
  try {
    return await callEngine<Outcome[]>(client, "attempts", messages);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (jobs.length === 1) return [{ error: "57014", message }];
    const outcomes: Outcome[] = [];
    for (const job of jobs) outcomes.push(...(await runSome(client, [job])));
    return outcomes;
  }
}
