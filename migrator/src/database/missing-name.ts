import { type ClientBase, DatabaseError } from "pg";
import { MigratorError } from "../errors";

const NOT_FOUND = /^(?:relation|type|function|procedure) "?([^".(]+)"?(?:\(.*\))? does not exist$/s;

const NAMED = `
  select format('%I.%I', n.nspname, o.name) as qualified from (
    select relnamespace, relname from pg_catalog.pg_class where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union select typnamespace, typname from pg_catalog.pg_type
    union select pronamespace, proname from pg_catalog.pg_proc) o (namespace, name)
  join pg_catalog.pg_namespace n on n.oid = o.namespace
  where o.name = $1 and n.nspname !~ '^pg_' order by 1`;

/**
 * Says in which schema a name is that a statement gave without one and PostgreSQL did not find.
 * @param client not in a transaction.
 * @returns the error itself where it says anything else, or there is no such name.
 */
export async function withSchema(client: ClientBase, error: unknown): Promise<unknown> {
  if (!(error instanceof MigratorError) || !(error.cause instanceof DatabaseError)) return error;
  const { cause, code } = error;
  const [, name] = NOT_FOUND.exec(cause.message) ?? [];
  if (name === undefined) return error;
  const { rows } = await client.query<{ qualified: string }>(NAMED, [name]);
  if (rows.length === 0) return error;
  const found = rows.map(({ qualified }) => qualified).join(" or ");
  const withoutCode = (text: string) => text.slice(`${code} `.length);
  const message = withoutCode(error.message).replace(
    cause.message,
    (said) => `${said}; every name needs its schema: write ${found}`,
  );
  return new MigratorError(code, message, { cause, recorded: withoutCode(error.recorded) });
}
