import { Client, type ClientBase, type QueryResult, escapeLiteral } from "pg";

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

/** Prepared statements live as long as their connection. */
const preparedOn = new WeakMap<ClientBase, Set<string>>();

/**
 * Statements that are sent to the server together, without a wait for the answer to each. They are for one
 * transaction, so none runs after one that failed.
 */
export class Script {
  private entries: Entry[] = [];

  /** @param settings statements that set what is to hold in the transaction, whatever its statements set. */
  constructor(
    public readonly client: ClientBase,
    private readonly settings = "",
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
    const entries = this.entries;
    this.entries = [];
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
  return typeof value === "string" ? escapeLiteral(value) : String(value);
}
