import {
  type Change,
  type ChangeOptions,
  type PreparedChange,
  type Work,
  commitChange,
  entryOf,
  prepareChange,
  runInSteps,
} from "./change";
import { recordFailure } from "./failure";
import type { LogEntry } from "./log";
import { Script, literal } from "./script";
import type { Session } from "./session";
import { addBegin, addCommit, flush } from "./transaction";
import type { SqlFile } from "./trio";

/** A change, and how it is made. */
interface Planned {
  change: Change;
  work: Work;
  options: ChangeOptions;
}

/** A change whose commit is on its way to the server. */
interface Sent extends Planned {
  prepared: PreparedChange;
  /** What the session says once it is committed. */
  mark: string;
  answered: Promise<void>;
}

/** Session setting that says which change of a run was committed last; each transaction begins with a reset. */
const MARK = "app_data.committed_change";

/**
 * Makes changes one after the other, so that server and client need not wait for each other: the next one
 * is begun before the commit of this one is answered, and committed only once it is. The beginning asks
 * the server first whether the commit before it was made, and where it was not, nothing of it runs.
 */
export class ChangeRun {
  private readonly entries: LogEntry[] = [];
  private sent: Sent | undefined;

  constructor(public readonly session: Session) {}

  /**
   * Makes a change; one that fails is entered into the log.
   * @throws what it fails with, or what the change before it does; nothing of it is committed then.
   */
  public async make(change: Change, work: Work, options: ChangeOptions): Promise<void> {
    const planned = { change, work, options };
    // What asks the server in between, or reads all of the catalog, gains nothing.
    if (!this.session.known || options.inSteps || options.undone) {
      await this.settle();
      return this.makeAlone(planned);
    }
    try {
      await this.begin(planned);
    } catch (error) {
      await this.session.client.query("rollback").catch(() => undefined);
      // It was not at fault where it came to nothing because of the one before it.
      const failed = (await this.settle()) ? { error } : undefined;
      await this.makeAlone(planned, failed);
    }
  }

  /**
   * Runs the steps of a file that is not one transaction; {@link make} follows.
   * @param newest the migration's newest log entry, if any.
   * @param before is asked first; throws to refuse it.
   * @throws as {@link make}; the steps that were done stay.
   */
  public async makeSteps(
    file: SqlFile,
    change: Change,
    newest: LogEntry | undefined,
    before: (session: Session) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    await this.settle();
    await this.recorded(change, async () => {
      await before(this.session);
      await runInSteps(this.session, file, change, newest);
    });
  }

  /** Waits for the commit that is on its way. @returns false when the change had to be made again. */
  public async settle(): Promise<boolean> {
    const { sent, session } = this;
    this.sent = undefined;
    if (!sent) return true;
    try {
      await sent.answered;
    } catch (error) {
      await session.client.query("rollback").catch(() => undefined);
      // It was taken for committed.
      session.known = undefined;
      await this.makeAlone(sent, { error });
      return false;
    }
    this.entries.push(entryOf(sent.prepared));
    return true;
  }

  /** The log entries of the changes. */
  public async finish(): Promise<LogEntry[]> {
    await this.settle();
    return this.entries;
  }

  /** Does everything up to the commit, and sends that. */
  private async begin(planned: Planned): Promise<void> {
    const { session, sent } = this;
    const { change, work, options } = planned;
    const script = new Script(session.client);
    if (sent) {
      script.add(`select 1 / (current_setting('${MARK}', true) = ${literal(sent.mark)})::integer`);
    }
    addBegin(script, session.transaction);
    const prepared = await prepareChange(
      session,
      change,
      (...of) => work(...of, true),
      script,
      options,
    );
    if (!(await this.settle())) throw new Error("A change was begun on one that was not made.");
    const mark = `${change.event} ${change.version}`;
    // It comes to nothing with the transaction.
    addCommit(script, `select set_config('${MARK}', ${literal(mark)}, false)`);
    this.sent = { ...planned, prepared, mark, answered: script.send() };
    prepared.accept();
  }

  private async makeAlone(
    { change, work, options }: Planned,
    failed?: { error: unknown },
  ): Promise<void> {
    const entry = await this.recorded(change, () =>
      commitChange(this.session, change, work, options, failed),
    );
    this.entries.push(entry);
  }

  private async recorded<T>(change: Change, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await recordFailure(this.session, change, error);
      throw error;
    }
  }
}

/**
 * Runs `work`, which makes change after change, and waits for the disk once, when it is done or has failed, in
 * place of once a change. Nobody is told before that a change is made, and PostgreSQL writes commits in
 * their order: what a crash of the server takes away is the newest changes, each with its log entry.
 * @returns the log entries of the changes.
 */
export async function inOneRun(
  session: Session,
  work: (run: ChangeRun) => Promise<void>,
): Promise<LogEntry[]> {
  const transaction = { ...session.transaction, waitsForDisk: false };
  const run = new ChangeRun({ ...session, transaction });
  try {
    // Where one fails before it is begun, the one before it is still to be committed.
    await work(run).finally(() => run.settle());
    await flush(session.client);
    return await run.finish();
  } catch (error) {
    // The first error is the one to tell, also when the connection is gone.
    await flush(session.client).catch(() => undefined);
    throw error;
  }
}
