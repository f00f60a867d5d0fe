import { Client, type ClientBase, DatabaseError, type QueryResult, escapeLiteral } from "pg";
import { sqlStateOf } from "./connection";

/** What the server answers to a statement of a script, once the script has run. */
export interface Answer<Row> {
  rows: Row[];
}

/** One statement, and what becomes of its answer and of its error. */
interface Entry {
  text: string;
  tell: (error: DatabaseError) => unknown;
  /** Is called when the statement is done, also where a later one fails. */
  done?: () => void;
  take?: (result: QueryResult<never>) => void;
}

/** Prepared statements live as long as their connection. */
const preparedOn = new WeakMap<ClientBase, Set<string>>();

/** A message that the server has not answered to its end, and how many of its statements are done. */
interface Flight {
  done: number;
}

/** The messages under way, in the order in which they were sent and will be answered. */
const underWay = new WeakMap<Client, Flight[]>();

const IN_FAILED_TRANSACTION = "25P02";

/**
 * Statements that are sent to the server in one message, which saves a round trip each. They run one
 * after the other, and those after one that fails do not run. Messages can follow each other without a
 * wait between; in the transaction that all of them are for, none runs after one that failed.
 */
export class Script {
  private entries: Entry[] = [];
  private answered: Promise<void> = Promise.resolve();
  private failure: unknown;

  constructor(public readonly client: ClientBase) {}

  /**
   * Adds a statement to the next message.
   * @param tell turns the server's error, whose `position` counts from the start of the statement, into
   * the one that {@link run} throws; without it that is the server's.
   */
  public add<Row>(text: string, tell: Entry["tell"] = (error) => error): Answer<Row> {
    const answer: Answer<Row> = { rows: [] };
    this.entries.push({ text, take: ({ rows }) => (answer.rows = rows), tell });
    return answer;
  }

  /** Adds a query that is planned once a connection. @param values SQL expressions, see {@link literal}. */
  public addPrepared<Row>(name: string, text: string, values: readonly string[]): Answer<Row> {
    const prepared = preparedOn.get(this.client) ?? new Set();
    preparedOn.set(this.client, prepared);
    if (!prepared.has(name)) {
      const done = () => prepared.add(name);
      this.entries.push({ text: `prepare ${name} as ${text}`, tell: (error) => error, done });
    }
    return this.add(`execute ${name}${values.length > 0 ? `(${values.join(", ")})` : ""}`);
  }

  /**
   * Sends what was added, and empties the script.
   * @returns when all that was sent is answered.
   * @throws what the statement that failed tells, or the error of a connection that broke.
   */
  public async run(): Promise<void> {
    await this.send();
  }

  /**
   * As {@link run}; who does not wait for the answer is told of a failure with the next one.
   */
  public send(): Promise<void> {
    const entries = this.entries;
    this.entries = [];
    if (entries.length === 0) return this.answered;
    // Answers come in order, so the last one tells of all.
    this.answered = this.deliver(entries).catch((error: unknown) => {
      if (sqlStateOf(error) === IN_FAILED_TRANSACTION && this.failure) throw this.failure;
      this.failure = error;
      throw error;
    });
    this.answered.catch(() => undefined);
    return this.answered;
  }

  private async deliver(entries: readonly Entry[]): Promise<void> {
    // A statement may end in a line comment.
    const message = entries.map(({ text }) => `${text}\n;`).join("");
    const flight = fly(this.client);
    try {
      const results = [await this.client.query<never>(message)].flat();
      flight.done = entries.length;
      for (const [index, result] of results.entries()) entries[index]?.take?.(result);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      throw told(entries, error, flight.done);
    } finally {
      for (const entry of entries.slice(0, flight.done)) entry.done?.();
    }
  }
}

/** The server does not say which statement failed, but tells of each that is done. */
function fly(client: ClientBase): Flight {
  const flight = { done: 0 };
  if (!(client instanceof Client)) return flight;
  const known = underWay.get(client);
  if (known) known.push(flight);
  else {
    const flights: Flight[] = [flight];
    underWay.set(client, flights);
    client.connection.on("commandComplete", () => flights[0] && (flights[0].done += 1));
    client.connection.on("readyForQuery", () => flights.shift());
  }
  return flight;
}

/** A value as SQL writes it. */
export function literal(value: string | number | boolean | null | undefined): string {
  if (value === undefined || value === null) return "null";
  return typeof value === "string" ? escapeLiteral(value) : String(value);
}

function told(entries: readonly Entry[], error: DatabaseError, done: number): unknown {
  if (error.position === undefined) return entries[done]?.tell(error) ?? error;
  // The server counts characters of the message, from 1; a semicolon and a line end follow each.
  let position = Number(error.position);
  for (const { text, tell } of entries) {
    const length = [...text].length + 2;
    if (position <= length) {
      error.position = String(position);
      return tell(error);
    }
    position -= length;
  }
  return error;
}
