import type { ClientBase } from "pg";
import type { Identity } from "../attacks/identities";
import {
  type FailedAttempt,
  type Job,
  type Outcome,
  QUERY_CANCELED,
  runJobs,
} from "../attacks/job";
import { type Passage, hideOthers, passagesOf, triggerPassages } from "../attacks/passages";
import { isPlannedId } from "../rows/candidate-values";
import { TEXT_MARK } from "../rows/engine-sql";
import { quoteText } from "../rows/statements";
import { countRows, describeWorlds } from "../rows/worlds";
import { type SeenBy, isExpected, leakingRow } from "./judge-tables";
import type { Shared } from "./shared";

/** A way around the policies that worked, or that could not be judged. */
export interface OpenPassage {
  passage: Passage;
  identity: Identity;
  what: string;
  judged: boolean;
}

const IDS = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

interface Question {
  identity: Identity;
  passages: readonly Passage[];
}

/** What came of the attempts on views and functions. */
export interface PassageTrial {
  open: OpenPassage[];
  /** By object. */
  tried: Map<string, PassageAttempts>;
  /** Errors of calls that no policy, right or guard ended. */
  failures: FailedAttempt[];
}

/** How often a view or function was tried, and how often that told something. */
interface PassageAttempts {
  attempts: number;
  answered: number;
  /** What PostgreSQL said of calls that failed. */
  reason: string;
}

/**
 * Tries every view and function that identities may use. What comes back must be the same whether the
 * rows of other worlds exist or not, and what a call changes must be one's own.
 */
export async function tryPassages(
  client: ClientBase,
  identities: readonly Identity[],
  seenBy: SeenBy,
  shared: Shared,
): Promise<PassageTrial> {
  const { catalog, contract, fill } = shared;
  const questions = identities.flatMap((identity): Question[] => {
    const passages = passagesOf(catalog, contract, fill, identity);
    return passages.length === 0 ? [] : [{ identity, passages }];
  });
  const tried = new Map<string, PassageAttempts>();
  const failures: FailedAttempt[] = [];
  const count = (identity: Identity, passage: Passage, error?: string, message = "") => {
    const { object, shown } = passage;
    const one = tried.get(object) ?? { attempts: 0, answered: 0, reason: "" };
    tried.set(object, one);
    one.attempts += 1;
    if (error === undefined || isExpected(error)) one.answered += 1;
    else {
      one.reason = message || `SQLSTATE ${error}`;
      failures.push({ identity, shown, object, outcome: { error, message } });
    }
  };
  const open = await ask(client, questions, count);

  const all = catalog.relations.filter(({ kind }) => kind === "r").map(({ id }) => id);
  const calls = questions.flatMap(({ identity, passages }) =>
    passages
      .filter(({ changes }) => changes)
      .map((passage) => ({ identity, passage, job: changeJob(identity, passage, all) })),
  );
  const changes = await runJobs(
    client,
    calls.map(({ job }) => job),
  );
  calls.forEach(({ identity, passage }, index) => {
    const { measured, error, message = "" } = changes[index] ?? {};
    count(identity, passage, error, message);
    const say = (what: string, judged = true) =>
      open.push({ passage, identity, judged, what: judged ? `${what}; 0 are allowed` : what });
    const others = measured?.others ?? 0;
    const known = { pairs: NO_PAIRS, seen: seenBy.get(identity) ?? NO_PAIRS };
    const leak = leakingRow(measured, identity.world, known, shared);
    if (error === QUERY_CANCELED) say(`did not end in time: ${message}`, false);
    else if (others > 0) say(`changed ${countRows(others)} of other users`);
    else if ((measured?.rewritten ?? 0) > 0)
      say(`rewrote ${countRows(measured?.rewritten ?? 0)} that every user shares`);
    // Giving away what is one's own is what a function may be for.
    else if (
      leak &&
      !(passage.kind === "function" && leak.target === "" && (measured?.own ?? 0) > 0)
    )
      say(`wrote 1 row of ${leak.table} for ${describeWorlds(leak.worlds)}`);
  });
  open.push(...(await tryTriggers(client, identities, shared)));
  return { open, tried, failures };
}

/** Marks the texts of other worlds, and looks for them in rows that triggers complete. */
async function tryTriggers(
  client: ClientBase,
  identities: readonly Identity[],
  { catalog, fill }: Shared,
): Promise<OpenPassage[]> {
  const jobs = identities.flatMap((identity) =>
    triggerPassages(catalog, fill, identity).map((passage): Job & { passage: Passage } => {
      const before = [`select app_data_trial.mark(${identity.world?.index ?? "null"})`];
      const clear = `select app_data_trial.clear(${quoteText(passage.object)}, ${identity.world?.index ?? "null"})`;
      const variants = [{ before }, { before: [clear, ...before] }];
      const measure = "select $1";
      return { identity, subject: passage.object, variants, read: passage.read, measure, passage };
    }),
  );
  const outcomes = await runJobs(client, jobs);
  return jobs.flatMap(({ identity, passage }, index) =>
    JSON.stringify(outcomes[index]?.measured ?? null).includes(TEXT_MARK)
      ? [{ passage, identity, judged: true, what: "puts text of rows of other users into it" }]
      : [],
  );
}

const NO_PAIRS: ReadonlySet<string> = new Set();

type Count = (identity: Identity, passage: Passage, error?: string, message?: string) => void;

/** Compares what passages give with all rows and with the identity's alone. */
async function ask(
  client: ClientBase,
  questions: readonly Question[],
  count: Count,
): Promise<OpenPassage[]> {
  const jobs = questions.flatMap(({ identity, passages }): Job[] => {
    const subject = passages.length === 1 ? (passages[0]?.object ?? "") : identity.description;
    const reads = passages.map(({ read }) => read);
    const variants = [{ before: hideOthers(identity.world) }];
    return [
      { identity, subject, variants: [{}], reads },
      { identity, subject, variants, reads },
    ];
  });
  const answers = await runJobs(client, jobs);
  // What differs may differ by itself: it is asked once more with all rows.
  const differs = questions.map((_, index) => {
    const [all, alone] = answers.slice(2 * index, 2 * index + 2);
    return JSON.stringify(all?.reads) !== JSON.stringify(alone?.reads);
  });
  const repeated = await runJobs(
    client,
    jobs.filter((_, index) => index % 2 === 0 && differs[index / 2]),
  );
  const open: OpenPassage[] = [];
  const again: Question[] = [];
  questions.forEach((question, index) => {
    const [all, alone] = answers.slice(2 * index, 2 * index + 2);
    const outcomes = [all, differs[index] ? repeated.shift() : all, alone];
    const { identity, passages } = question;
    // One that does not end must not hide the others.
    if (passages.length > 1 && outcomes.some((outcome) => outcome?.error === QUERY_CANCELED))
      again.push(...passages.map((passage) => ({ identity, passages: [passage] })));
    else {
      passages.forEach((passage, place) => {
        const { error, message } = all?.error === undefined ? (all?.reads?.[place] ?? {}) : all;
        count(identity, passage, error, message);
      });
      open.push(...compare(question, outcomes));
    }
  });
  return again.length > 0 ? [...open, ...(await ask(client, again, count))] : open;
}

function changeJob(identity: Identity, { shown, object }: Passage, tables: readonly number[]): Job {
  const who = String(identity.world?.index ?? "null");
  const measure = `select app_data_trial.changed('{${tables.join(",")}}', ${who})`;
  const variants = [{ statements: [shown] }];
  return { identity, subject: object, variants, measure, always: true };
}

function compare(
  { identity, passages }: Question,
  outcomes: readonly (Outcome | undefined)[],
): OpenPassage[] {
  const [all, again, alone] = outcomes;
  if (all?.error !== undefined || alone?.error !== undefined) {
    // A trick that PostgreSQL refuses is none.
    if (identity.isTrick && all?.error !== undefined) return [];
    const message = all?.message ?? alone?.message ?? "";
    const hidden = all?.error === undefined ? " with the rows of others hidden" : "";
    // What a trick shows through a function with the caller's rights, it shows in the tables.
    const unjudged = passages.filter(
      ({ kind, definer }) =>
        !identity.isTrick || definer || !(kind === "function" || kind === "procedure"),
    );
    return unjudged.map((passage) => ({
      passage,
      identity,
      judged: false,
      what: `could not be asked as ${identity.description}${hidden}: ${message}`,
    }));
  }
  return passages.flatMap((passage, index): OpenPassage[] => {
    const [first, second, own] = [all, again, alone].map((outcome) => outcome?.reads?.[index]);
    const failed = first?.error ?? own?.error;
    if (failed !== undefined) {
      // Claims that cannot be read fail where there is a row to read them for.
      if (first?.error === own?.error || identity.readsOnly) return [];
      // What ends a function with the caller's rights ends the caller's own statement, too.
      if (!passage.definer && passage.kind !== "view") return [];
      return [
        {
          passage,
          identity,
          judged: true,
          what: "fails or not by what rows of other users there are",
        },
      ];
    }
    const isPassing = passingIds(first?.rows, second?.rows);
    const [before, repeated, after] = [first, second, own].map((read) =>
      (read?.rows ?? []).map((row) =>
        JSON.stringify(row).replace(IDS, (id) => (isPassing(id) ? "new" : id)),
      ),
    );
    if (!before || !repeated || !after || same(before, after)) return [];
    if (!same(before, repeated)) {
      const what = "does not give the same twice, so that nothing can be said of it";
      return passage.definer ? [{ passage, identity, judged: false, what }] : [];
    }
    const more = before.filter((row) => !after.includes(row));
    const what =
      more.length > 0
        ? `gave ${countRows(more.length)} that came of rows of other users (${more[0]?.slice(0, 120) ?? ""}); 0 are allowed`
        : `gave ${countRows(before.length)}, and ${after.length} without the rows of other users; both must be the same`;
    return [{ passage, identity, judged: true, what }];
  });
}

/** Tells which ids a call only made up: they are no row's, and another call has others. */
function passingIds(first: readonly unknown[] = [], second: readonly unknown[] = []) {
  const again = new Set(JSON.stringify(second).match(IDS));
  const lasting = new Set((JSON.stringify(first).match(IDS) ?? []).filter((id) => again.has(id)));
  return (id: string) => !lasting.has(id) && !isPlannedId(id);
}

function same(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((row, index) => row === right[index]);
}
