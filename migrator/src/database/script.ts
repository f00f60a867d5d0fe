import { Client, type ClientBase, type QueryResult } from "pg";

/** What the server answers to a statement of a script, once the script has run. */
export interface Answer<Row> {
  rows: Row[];
}

/** One statement, and what becomes of its answer and of its error. */
interface Entry {
  text: string;
  take: (result: QueryResult<never>) => void;
  explain: (error: unknown) => unknown;
}

/** Statements that are sent without a wait for the answer to the first. */
const MOST_AT_ONCE = 200;
const REPORT_EACH_MS = 2_000;

/** Prepared statements live as long as their connection. */
const preparedOn = new WeakMap<ClientBase, Set<string>>();

/**
 * Statements that are sent to the server together, without a wait for the answer to each. They are for one
 * transaction, so none runs after one that failed.
 */
export class Script {
  private entries: Entry[] = [];

  /**
   * @param settings statements that set what is to hold in the transaction, whatever its statements set.
   * @param report is given a line every few seconds while many statements are sent.
   */
  constructor(
    public readonly client: ClientBase,
    private readonly settings = "",
    private readonly report: (line: string) => void = () => undefined,
  ) {}

  /** Sets again what is to hold, with the next message. */
  public addSettings(): void {
    if (this.settings !== "") this.add(this.settings);
  }

  /**
   * Adds a statement to those that are sent next; a text of several is answered by the last of them.
   * @param explain turns the server's error into the one that {@link run} throws.
   */
  public add<Row>(text: string, explain: Entry["explain"] = (error) => error): Answer<Row> {
    const answer: Answer<Row> = { rows: [] };
    this.entries.push({ text, take: ({ rows }) => (answer.rows = rows), explain });
    return answer;
  }

  /** Adds a query that is planned once a connection. @param values SQL expressions, see {@link literal}. */
  public addPrepared<Row>(name: string, text: string, values: readonly string[]): Answer<Row> {
    const prepared = preparedOn.get(this.client) ?? new Set();
    preparedOn.set(this.client, prepared);
    if (!prepared.has(name)) {
      const take = () => prepared.add(name);
      this.entries.push({ text: `prepare ${name} as ${text}`, take, explain: (error) => error });
    }
    return this.add(`execute ${name}${values.length > 0 ? `(${values.join(", ")})` : ""}`);
  }

  /**
   * Sends what was added, and empties the script.
   * @returns when all of it is answered.
   * @throws what explains the error of the statement that failed.
   */
  public async run(): Promise<void> {
    const all = this.entries;
    this.entries = [];
    // A file may hold more statements than answers fit into memory.
    let reportedMs = Date.now();
    for (let at = 0; at < all.length; at += MOST_AT_ONCE) {
      await this.runAtOnce(all.slice(at, at + MOST_AT_ONCE));
      const done = at + MOST_AT_ONCE;
      if (done >= all.length || Date.now() - reportedMs < REPORT_EACH_MS) continue;
      reportedMs = Date.now();
      this.report(`${done} of ${all.length} statements are done`);
    }
  }

  private async runAtOnce(entries: readonly Entry[]): Promise<void> {
    const sent = this.send(entries);
    // All are answered before the first failure is told.
    await Promise.allSettled(sent);
    for (const [index, { text, take, explain }] of entries.entries()) {
      try {
        take(await (sent[index] ?? this.query(text)));
      } catch (error) {
        throw explain(error);
      }
    }
  }

  /** Sends all at once; a client that does not pipeline has to wait for each answer. */
  private send(entries: readonly Entry[]): Promise<QueryResult<never>>[] {
    const { client } = this;
    if (!(client instanceof Client && client.pipeline)) return [];
    // In one packet, not one for each.
    client.connection.stream.cork();
    const sent = entries.map(({ text }) => this.query(text));
    client.connection.stream.uncork();
    return sent;
  }

  /** @returns the answer to the last statement of a text. */
  private async query(text: string): Promise<QueryResult<never>> {
    const results = [await this.client.query<never>(text)].flat();
    const last = results.at(-1);
    if (!last) throw new Error("The server answered nothing.");
    return last;
  }
}

/** A value as SQL writes it. */
export function literal(value: string | number | boolean | null | undefined): string {
  if (value === undefined || value === null) return "null";
  if (typeof value !== "string") return String(value);
  // As `escapeLiteral` of pg, which takes a file of some megabytes letter by letter.
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return quoted.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}
