import type { ClientBase } from "pg";
import { TRIAL_SCHEMA } from "./engine-sql";

/** Calls a function of the engine with JSON arguments; all that it does is one message. */
export async function callEngine<Result>(
  client: ClientBase,
  name: "fill" | "satisfying" | "refresh" | "attempts" | "moves",
  ...args: (object | string)[]
): Promise<Result> {
  const values = args.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  const list = values.map((_, index) => `$${index + 1}`).join(", ");
  const text = `select ${TRIAL_SCHEMA}.${name}(${list}) as result`;
  const { rows } = await client.query<{ result: Result }>(text, values);
  const row = rows[0];
  if (!row) throw new Error(`${TRIAL_SCHEMA}.${name} returned no row.`);
  return row.result;
}
