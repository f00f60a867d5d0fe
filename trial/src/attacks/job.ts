import type { ClientBase } from "pg";
import { callEngine } from "../rows/engine";
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
  /** What is attacked: when that takes too long once, it is not tried again. */
  subject: string;
  variants: Variant[];
  /** A query of the attacker that gives one JSON value: what `measure` judges. */
  read?: string;
  /** Queries of the attacker that each give a JSON list. */
  reads?: string[];
  /** A query of the superuser; `$1` is what was read. */
  measure?: string;
  /** Who looks at the table when rows were added, by a query that gives a JSON list. */
  viewers?: { identity: Identity; before: string; read: string }[];
  /** Measure although no row was affected. */
  always?: boolean;
  /** Go on to the next variant when a policy stops one, too. */
  rowByRow?: boolean;
}

/** What came of an attempt, which has been undone. */
export interface Outcome {
  affected?: number;
  reads?: { rows?: unknown[]; error?: string; message?: string }[];
  measured?: Measured | null;
  /** The SQLSTATE that ended it. */
  error?: string;
  message?: string;
  constraint?: string;
  /** The table whose constraint it was. */
  table?: string;
}

/** What was tried, and the outcome if it is an error. */
export interface FailedAttempt {
  identity: Identity;
  /** The statement that shows it to readers. */
  shown: string;
  /** The table or function. */
  object: string;
  outcome: Outcome;
}

/** What a row that was added or changed refers to. */
export interface AddedRow {
  relation: number;
  place: string;
  refers: { columns: string; world: number; user: boolean; row: string | null }[];
}

/** What `seen` and `changed` tell, by the attacker's world. */
export interface Measured {
  own?: number;
  foreign?: number;
  /** Rows seen that are nobody's. */
  nobodys?: number;
  /** The worlds of foreign rows. */
  worlds?: number[];
  /** What those rows have in common, and no other foreign row has: "is_public is true". */
  flags?: (string | null)[];
  /** The foreign rows that were seen, "relation place". */
  rows?: string[];
  /** Rows of other worlds that are gone or changed. */
  others?: number;
  /** Rows of nobody's whose words are others. */
  rewritten?: number;
  added?: AddedRow[];
  /** What each viewer sees of the table that was written, [[relation, place], …]. */
  views?: [number, string][][];
}

const JOBS_A_MESSAGE = 400;

/** PostgreSQL says by it that a statement took longer than it may. */
export const QUERY_CANCELED = "57014";

/** Runs attempts in few messages. Of what took longer than the server's limit, nothing more is tried. */
export async function runJobs(client: ClientBase, jobs: readonly Job[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const slow = new Map<string, Outcome>();
  while (outcomes.length < jobs.length) {
    const next = jobs[outcomes.length];
    const known = next && slow.get(next.subject);
    if (known) {
      outcomes.push(known);
      continue;
    }
    const some = jobs.slice(outcomes.length, outcomes.length + JOBS_A_MESSAGE);
    const answers = await callEngine<Outcome[]>(client, "attempts", some.map(messageOf));
    const last = answers.at(-1);
    if (last?.error === QUERY_CANCELED) {
      // The time is that of the message: only the first job of one had all of it.
      const culprit = answers.length === 1 ? some[0] : undefined;
      if (culprit) slow.set(culprit.subject, last);
      else answers.pop();
    }
    outcomes.push(...answers);
  }
  return outcomes;
}

function messageOf({ identity, variants, read, reads, measure, always, rowByRow, viewers }: Job) {
  return {
    read,
    reads,
    measure,
    always,
    rowByRow,
    world: identity.world?.index ?? null,
    ...who(identity),
    viewers: viewers?.map((viewer) => ({
      ...who(viewer.identity),
      before: viewer.before,
      read: viewer.read,
    })),
    variants: variants.map(({ prelude = [], ...variant }) => ({
      ...variant,
      prelude: [...identity.prelude, ...prelude],
    })),
  };
}

function who({ role, login, settings }: Identity) {
  return { role, login, settings };
}
