import type { ClientBase } from "pg";
import { isPlannedId } from "./candidate-values";
import type { Catalog } from "./catalog";
import type { Fill } from "./fill";
import type { Identity } from "./identities";
import { type Job, type Outcome, QUERY_CANCELED, runJobs } from "./job";
import { type Passage, hideOthers, passagesOf } from "./passages";
import { countRows } from "./people";
import { quoteText } from "./statements";

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

/**
 * Tries every view and function that identities may use. What comes back must be the same whether the
 * rows of others exist or not, and what a call changes must be one's own.
 * @param owned ids of the tables whose rows have owners.
 * @returns what did not hold, and how many attempts there were.
 */
export async function tryPassages(
  client: ClientBase,
  identities: readonly Identity[],
  { catalog, fill, owned }: { catalog: Catalog; fill: Fill; owned: readonly number[] },
): Promise<{ open: OpenPassage[]; attempts: number }> {
  const questions = identities.flatMap((identity): Question[] => {
    const passages = passagesOf(catalog, fill, identity);
    return passages.length === 0 ? [] : [{ identity, passages }];
  });
  const open = await ask(client, questions);

  const calls = questions.flatMap(({ identity, passages }) =>
    passages
      .filter(({ changes }) => changes)
      .map((passage) => ({ identity, passage, job: changeJob(identity, passage, owned) })),
  );
  const changes = await runJobs(
    client,
    calls.map(({ job }) => job),
  );
  calls.forEach(({ identity, passage }, index) => {
    const { measured, error, message = "" } = changes[index] ?? {};
    const others = measured?.others ?? 0;
    const given = measured?.given ?? 0;
    if (error === QUERY_CANCELED) {
      open.push({ passage, identity, judged: false, what: `did not end in time: ${message}` });
    } else if (others > 0) {
      open.push({
        passage,
        identity,
        judged: true,
        what: `changed ${countRows(others)} of other users; 0 are allowed`,
      });
    } else if (given > 0) {
      open.push({
        passage,
        identity,
        judged: true,
        what: `wrote ${countRows(given)} for other users; 0 are allowed`,
      });
    }
  });
  return {
    open,
    attempts: 2 * questions.flatMap(({ passages }) => passages).length + calls.length,
  };
}

/** Compares what passages give with all rows and with the identity's alone. */
async function ask(client: ClientBase, questions: readonly Question[]): Promise<OpenPassage[]> {
  const jobs = questions.flatMap(({ identity, passages }): Job[] => {
    const subject = passages.length === 1 ? (passages[0]?.object ?? "") : identity.description;
    const reads = passages.map(({ read }) => read);
    const variants = [{ before: hideOthers(identity.person) }];
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
    else open.push(...compare(question, outcomes));
  });
  return again.length > 0 ? [...open, ...(await ask(client, again))] : open;
}

function changeJob(identity: Identity, { shown, object }: Passage, owned: readonly number[]): Job {
  const who = identity.person ? quoteText(identity.person.id) : "null";
  const measure = `select app_data_trial.changed('{${owned.join(",")}}', ${who}, true)`;
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
      if (first?.error === own?.error) return [];
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
