import { type ClientBase, type Connection, Query } from "pg";

/** Two users who have a row in every table, and one who has signed up and has nothing else. */
export const A = "aaaaaaaa-0000-4000-8000-000000000001";
export const B = "bbbbbbbb-0000-4000-8000-000000000002";
export const C = "cccccccc-0000-4000-8000-000000000003";
const NOBODY = "dddddddd-0000-4000-8000-000000000004";
const rowOf = (user: string) => user.replace("-0000-", "-0001-");

/** Who asks: the login, the role that it takes on, and the claims of its request. */
export interface Identity {
  login: string;
  role?: string;
  claims?: string;
}

const signedIn = (claims?: string) => ({
  login: "app",
  role: "authenticated",
  ...(claims !== undefined && { claims }),
});
const sub = (user: string) => JSON.stringify({ sub: user });

/** The superuser comes last: the control, who can do everything. */
export const IDENTITIES: Record<string, Identity> = {
  "no claims": signedIn(),
  broken: signedIn('{"sub": "x'),
  A: signedIn(sub(A)),
  B: signedIn(sub(B)),
  service: { login: "app", role: "service_role", claims: '{"role": "service_role"}' },
  monitor: { login: "monitor", claims: sub(A) },
  anon: { login: "app", role: "anon", claims: sub(A) },
  migrator: { login: "migrator", claims: sub(A) },
  app: { login: "app", claims: sub(A) },
  master: { login: "master", claims: sub(A) },
  superuser: { login: "postgres" },
};

/**
 * `+` done, `0` no row found, `-` no right, `x` refused by a policy, `!` refused by a constraint, `t`
 * a trigger's function, which nobody can call.
 */
export type Outcome = "+" | "0" | "-" | "x" | "!" | "t";

interface Attempt {
  /** What the superuser prepares, so that nothing but rights and policies can be in the way. */
  before?: string;
  sql: string;
  /** What `copy … from stdin` is given. */
  line?: string;
  /** Done to one row, it was one's own; done to more, another's, too. */
  blind?: boolean;
}

/** A table, and how one writes a row of it that breaks no constraint. */
interface Table {
  /** The column that says whose a row is. */
  owner: string;
  type: "uuid" | "text";
  /** Column lists and rows, without the owner. */
  insert: Record<string, string>;
  /** What identifies a row to `on conflict`. */
  conflict: string;
  /** Changes that somebody may make, by what they change. */
  updates: Record<string, string>;
}

export const TABLES: Record<string, Table> = {
  "public.users": {
    owner: "id",
    type: "uuid",
    insert: { email: "new@x" },
    conflict: "id",
    updates: { email: "email = gen_random_uuid()::text" },
  },
  "public.sessions": {
    owner: "user_id",
    type: "uuid",
    insert: { started_at: "2026-01-06Z" },
    conflict: "id",
    updates: {
      end: "ended_at = '2026-01-07Z', images_count = 3",
      start: "started_at = '2026-01-04Z'",
    },
  },
  "public.user_api_keys": {
    owner: "user_id",
    type: "uuid",
    insert: { encrypted_keys: "secret", encryption_key_id: "k" },
    conflict: "user_id",
    updates: { keys: "encrypted_keys = 'y', is_active = false", time: "created_at = 'epoch'" },
  },
  "public.user_progress": {
    owner: "user_id",
    type: "uuid",
    insert: {},
    conflict: "user_id",
    updates: {
      preferences: `preferences = '{"a":1}'`,
      achievements: `achievements = '{"a":1}'`,
      counter: "total_sessions = 9",
    },
  },
  "public.export_history": {
    owner: "user_id",
    type: "uuid",
    insert: { export_type: "full", format: "csv" },
    conflict: "id",
    updates: {
      filters: `filters = '{"a":1}'`,
      state: "status = 'processing', started_at = now()",
      object: "storage_bucket = 'b', storage_key = 'k'",
    },
  },
  "public.export_archive": {
    owner: "user_id",
    type: "uuid",
    insert: {
      id: "eeeeeeee-0000-4000-8000-000000000005",
      export_type: "full",
      format: "csv",
      status: "failed",
      filters: "{}",
      download_count: "0",
      created_at: "2026-01-05Z",
      updated_at: "2026-01-05Z",
    },
    conflict: "id",
    updates: { time: "archived_at = now()", filters: `filters = '{"a":1}'` },
  },
  "public.export_object_deletions": {
    owner: "storage_key",
    type: "text",
    insert: { storage_bucket: "bucket" },
    conflict: "storage_bucket, storage_key",
    updates: { claim: "claimed_at = now(), attempts = 1" },
  },
};

/** Views, and the column that says whose a row is where there is one. */
export const VIEWS: Record<string, string | null> = {
  "public.progress_trends": "user_id",
  "public.activity_by_day": null,
  "public.activity_by_week": null,
  "public.retention_by_cohort": null,
  "public.vocabulary_growth": null,
  "monitoring.changed_protection": null,
  "monitoring.indexes": null,
  "monitoring.notes": null,
  "monitoring.statements": null,
  "monitoring.tables": null,
  "monitoring.tables_without_row_security": null,
  "monitoring.transaction_ids": null,
  "monitoring.triggers": null,
  "monitoring.waiting_locks": null,
};

/** One row, of nobody: verified-identity-attacks.test.ts goes for it. */
export const ROW_OF_NOBODY = "auth.token_settings";

const CALLS = [
  "auth.tokens_required()",
  "auth.uid()",
  "auth.verified_uid()",
  "monitoring.read_changes()",
  "monitoring.read_statements()",
  "monitoring.read_waits()",
  "monitoring.report()",
  "public.archive_exports(interval '1 day', 1)",
  "public.check_export_transition()",
  "public.claim_export_object_deletions(1)",
  "public.delete_archived_exports(interval '1 day', 1)",
  "public.expire_exports(1)",
  "public.fail_stalled_exports(1)",
  "public.queue_export_object_deletion()",
  "public.queue_unnamed_export_objects('bucket', '{key}')",
  "public.refresh_progress_analytics()",
  "public.smallest_reported_group()",
  "public.update_export_history_updated_at()",
  "public.update_user_api_keys_updated_at()",
  "public.update_user_progress_from_session()",
  "public.update_user_progress_updated_at()",
  "public.users_after(gen_random_uuid(), 1)",
];

/** Ways around the tables, by what they are called in the matrix. */
const AROUND: Record<string, string> = {
  "row_security off": "set local row_security = off; select count(*) from public.user_api_keys",
  "triggers off": "set local session_replication_role = replica",
  "server program": "copy public.users (email) from program 'echo x'",
  "names in public": "select 'public.users'::regclass",
  "names in auth": "select 'auth.uid()'::regprocedure",
  "names in monitoring": "select 'monitoring.notes'::regclass",
  "table in public": "create table public.t ()",
  "table in auth": "create table auth.t ()",
  "table in monitoring": "create table monitoring.t ()",
  "temporary table": "create temporary table t ()",
  "new schema": "create schema s",
  "definer function":
    "create function public.f() returns int language sql security definer return 1",
  "other auth.uid()":
    "create or replace function auth.uid() returns uuid language sql return null::uuid",
  "become anon": "set local role anon",
  "become authenticated": "set local role authenticated",
  "become service_role": "set local role service_role",
  "become migrator": "set local role migrator",
  "become monitor": "set local role monitor",
  "bypass as app": "alter role app bypassrls",
};

/** Rows of users A and B in every table, an open session among them, and user C without any. */
export const ROWS = `
  insert into public.users (id, email) values ('${A}', 'a@x'), ('${B}', 'b@x'), ('${C}', 'c@x');
  insert into public.user_progress (user_id) values ('${A}'), ('${B}');
  insert into public.sessions (id, user_id, started_at)
    values ('${rowOf(A)}', '${A}', '2026-01-05Z'), ('${rowOf(B)}', '${B}', '2026-01-05Z');
  insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id)
    values ('${A}', 'secret of A', 'k'), ('${B}', 'secret of B', 'k');
  insert into public.export_history (user_id, export_type, format)
    values ('${A}', 'full', 'csv'), ('${B}', 'full', 'csv');
  insert into public.export_archive (id, user_id, export_type, format, status, filters,
      download_count, created_at, updated_at)
    select u.id, u.id, 'full', 'csv', 'failed', '{}', 0, now(), now()
    from public.users u where u.id <> '${C}';
  insert into public.export_object_deletions (storage_bucket, storage_key)
    values ('bucket', '${A}'), ('bucket', '${B}')`;

type Way = (name: string, table: Table, whose: string, me: string) => Attempt;

const removed = (name: string, { owner }: Table, whose: string) =>
  `delete from ${name} where ${owner} = '${whose}'`;
const insert = (name: string, { owner, insert: row }: Table, whose: string) =>
  `insert into ${name} (${[owner, ...Object.keys(row)].join(", ")}) ` +
  `values (${[whose, ...Object.values(row)].map((value) => `'${value}'`).join(", ")})`;
const read = (name: string, { owner }: Table, whose: string) =>
  `select from ${name} where ${owner} = '${whose}'`;
const firstUpdate = ({ updates }: Table) => Object.values(updates)[0] ?? "";
/** What refers to a user is in the way of changing their id. */
const withoutReferences = (name: string) =>
  name === "public.users"
    ? Object.keys(TABLES)
        .filter((other) => other !== name && other !== "public.export_object_deletions")
        .map((other) => `delete from ${other}; `)
        .join("")
    : "";

/** Ways in that are tried twice: on one's own row, and on another's. */
const TWICE: Record<string, Way> = {
  select: (name, table, whose) => ({ sql: read(name, table, whose) }),
  "select cursor": (name, table, whose) => ({
    sql: `declare c cursor for ${read(name, table, whose)}; fetch all from c`,
  }),
  // Planned and run by the superuser first: what a pooled connection was prepared for is no way in.
  "select prepared": (name, table, whose) => ({
    before:
      "deallocate all; " +
      `prepare p (${table.type}) as select from ${name} where ${table.owner} = $1; ` +
      `execute p ('${whose}')`,
    sql: `execute p ('${whose}')`,
  }),
  "select for update": (name, table, whose) => ({ sql: `${read(name, table, whose)} for update` }),
  "copy to": (name, table, whose) => ({
    sql: `copy (${read(name, table, whose).replace("select", `select ${table.owner}`)}) to stdout`,
  }),
  insert: (name, table, whose) => ({
    before: removed(name, table, whose),
    sql: insert(name, table, whose),
  }),
  "insert returning": (name, table, whose) => ({
    before: removed(name, table, whose),
    sql: `${insert(name, table, whose)} returning ${table.owner}`,
  }),
  "copy from": (name, table, whose) => ({
    before: removed(name, table, whose),
    sql: `copy ${name} (${[table.owner, ...Object.keys(table.insert)].join(", ")}) from stdin`,
    line: [whose, ...Object.values(table.insert)].join("\t"),
  }),
  // Where users choose the key of a row of theirs, they choose that of another's row.
  upsert: (name, table, whose, me) => ({
    sql:
      (table.conflict === "id" && name === "public.sessions"
        ? insert(name, { ...table, insert: { ...table.insert, id: rowOf(whose) } }, me)
        : insert(name, table, whose)) +
      ` on conflict (${table.conflict}) do update set ${firstUpdate(table)}`,
  }),
  "update returning": (name, table, whose) => ({
    sql:
      `update ${name} set ${firstUpdate(table)} where ${table.owner} = '${whose}' ` +
      `returning ${table.owner}`,
  }),
  merge: (name, table, whose) => ({
    sql:
      `merge into ${name} t using (values ('${whose}'::${table.type})) v (id) ` +
      `on t.${table.owner} = v.id when matched then update set ${firstUpdate(table)}`,
  }),
  delete: (name, table, whose) => ({ sql: removed(name, table, whose) }),
};

/** Ways in that name no row, and so need no right to read one: one attempt on all there are. */
const BLIND: Record<string, Way> = {
  "update all": (name, table) => ({ sql: `update ${name} set ${firstUpdate(table)}`, blind: true }),
  "delete all": (name) => ({ sql: `delete from ${name}`, blind: true }),
};

/** Ways in that are tried once. */
const ONCE: Record<string, Way> = {
  "give away": (name, table, whose) => ({
    before: withoutReferences(name) + removed(name, table, C),
    sql: `update ${name} set ${table.owner} = '${C}' where ${table.owner} = '${whose}'`,
  }),
  "give all away": (name, table, whose) => ({
    before: withoutReferences(name) + `delete from ${name} where ${table.owner} <> '${whose}'`,
    sql: `update ${name} set ${table.owner} = '${C}'`,
  }),
  steal: (name, table, whose, me) => ({
    before: withoutReferences(name) + removed(name, table, me),
    sql:
      `update ${name} set ${table.owner} = '${me}' ` +
      `where ${table.owner} = '${whose === A ? B : A}'`,
  }),
  "probe by key": (name, table, whose) =>
    table.type === "text"
      ? { sql: insert(name, table, whose) }
      : name === "public.users"
        ? {
            before: removed(name, table, whose),
            sql: insert(name, { ...table, insert: { email: "c@x" } }, whose),
          }
        : { sql: insert(name, table, NOBODY) },
  "own view": (name, table, whose) => ({
    sql: `create view public.v as select * from ${name}; ${read("public.v", table, whose)}`,
  }),
  "lock table": (name) => ({ sql: `lock table ${name} in access exclusive mode` }),
  truncate: (name) => ({ sql: `truncate ${name} cascade` }),
  reindex: (name) => ({ sql: `reindex table ${name}` }),
  trigger: (name) => ({
    sql:
      `create trigger extra before update on ${name} ` +
      "for each row execute function suppress_redundant_updates_trigger()",
  }),
  // Who cannot make a table cannot try it: the server is asked.
  reference: (name) => ({
    sql: `select where has_any_column_privilege('${name}', 'references')`,
  }),
  "switch off": (name) => ({ sql: `alter table ${name} disable row level security` }),
};

/** Attempts by what they are called in the matrix. */
export type Attempts = [label: string, attempts: Attempt[]][];

/** Each way to read a view, where rows have an owner one's own and another's. */
export function attemptsOnView(name: string, identity: Identity): Attempts {
  const owner = VIEWS[name];
  const whose = identity.claims === sub(B) ? [B, A] : [A, B];
  const reads = owner
    ? whose.map((user) => `select ${owner} from ${name} where ${owner} = '${user}'`)
    : [`select count(*) from ${name}`];
  const ways: ((sql: string) => Attempt)[] = [
    (sql) => ({ sql }),
    (sql) => ({ sql: `declare c cursor for ${sql}; fetch all in c` }),
    (sql) => ({ before: `deallocate all; prepare p as ${sql}; execute p`, sql: "execute p" }),
    (sql) => ({ sql: `copy (${sql}) to stdout` }),
  ];
  return ways.map((way) => [name, reads.map(way)]);
}

/** One call of each function, whatever it gives. */
export const FUNCTION_ATTEMPTS: Attempts = CALLS.map((call) => [
  call,
  [{ sql: `select ${call}; select 1` }],
]);

export const ATTEMPTS_AROUND: Attempts = Object.entries(AROUND).map(([what, sql]) => [
  what,
  [{ sql }],
]);

/** What is tried on a table; of the two attempts of a pair, the first is on one's own row. */
export function attemptsOnTable(name: string, identity: Identity): Attempts {
  const table = TABLES[name];
  if (!table) throw new Error(`The matrix has no table ${name}.`);
  const [me, other] = identity.claims === sub(B) ? [B, A] : [A, B];
  const updates = Object.entries(table.updates).map(([what, set]): [string, Way] => [
    `update ${what}`,
    (_, { owner }, whose) => ({ sql: `update ${name} set ${set} where ${owner} = '${whose}'` }),
  ]);
  const twice = [...Object.entries(TWICE), ...updates].map(
    ([way, attempt]): [string, Attempt[]] => [
      way,
      [attempt(name, table, me, me), attempt(name, table, other, me)],
    ],
  );
  const once = Object.entries({ ...BLIND, ...ONCE }).map(([way, attempt]): [string, Attempt[]] => [
    way,
    [attempt(name, table, me, me)],
  ]);
  return [...twice, ...once];
}

/** Statements that take an identity on, for the rest of the transaction. */
export function become({ login, role, claims }: Identity): string {
  return (
    `set local session authorization ${login}; ` +
    (role === undefined ? "" : `set local role ${role}; `) +
    `select set_config('request.jwt.claims', '${claims ?? ""}', true)`
  );
}

/**
 * What becomes of an attempt. The superuser's transaction has the savepoint `start`, to which it
 * goes back first, so that no attempt sees what another did.
 */
export async function outcomeOf(
  superuser: ClientBase,
  identity: Identity,
  { before, sql, line, blind }: Attempt,
): Promise<string> {
  await superuser.query(
    `rollback to savepoint start; ${before === undefined ? "" : `${before}; `}${become(identity)}`,
  );
  try {
    const result =
      line === undefined ? await superuser.query(sql) : await copyIn(superuser, sql, line);
    const { rowCount } = Array.isArray(result) ? result.at(-1) : result;
    if (blind) return rowCount === 0 ? "00" : rowCount === 1 ? "+0" : "++";
    return rowCount === 0 ? "0" : "+";
  } catch (error) {
    return outcomeOfError(error as { code: string; message: string }, sql).repeat(blind ? 2 : 1);
  }
}

function outcomeOfError(
  { code, message }: { code: string; message: string },
  sql: string,
): Outcome {
  // COPY FROM says that it is not supported where a policy would bind it.
  if (/row-level security/.test(message)) return "x";
  if (code === "42501") return "-";
  if (code.startsWith("23")) return "!";
  if (message === "trigger functions can only be called as triggers") return "t";
  throw new Error(`${sql}\n${code} ${message}`);
}

/** What an attempt gives, and why it gives nothing: which right is missing of several. */
export async function reasonOf(
  superuser: ClientBase,
  identity: Identity,
  { sql }: Attempt,
): Promise<string> {
  await superuser.query(`rollback to savepoint start; ${become(identity)}`);
  try {
    await superuser.query(sql);
    return "done";
  } catch (error) {
    return (error as Error).message;
  }
}

/** `copy … from stdin` of one line. */
function copyIn(
  client: ClientBase,
  sql: string,
  line: string,
): Promise<{ rowCount: number | null }> {
  return new Promise((resolve, reject) => {
    const query = new Query(sql).on("end", resolve).on("error", reject);
    Object.assign(query, {
      handleCopyInResponse(connection: Connection & Record<string, (chunk?: Buffer) => void>) {
        connection["sendCopyFromChunk"]?.(Buffer.from(`${line}\n`));
        connection["endCopyFrom"]?.();
      },
    });
    client.query(query);
  });
}

/** What attempts give: a character each, two where another's row was tried, too. */
export async function outcomesOf(
  superuser: ClientBase,
  identity: Identity,
  attempts: Attempts,
): Promise<[label: string, outcomes: string][]> {
  const found: [string, string][] = [];
  for (const [label, tried] of attempts) {
    let outcomes = "";
    for (const attempt of tried) outcomes += await outcomeOf(superuser, identity, attempt);
    found.push([label, outcomes]);
  }
  return found;
}

/** A table of text: a line for each attempt, a column for each identity. */
export function grid(columns: Record<string, [label: string, outcomes: string][]>): string {
  const names = Object.keys(columns);
  const labels = Object.values(columns)[0]?.map(([label]) => label) ?? [];
  const width = Math.max(...labels.map((label) => label.length)) + 2;
  const line = (label: string, cells: string[]) =>
    [label.padEnd(width), ...cells.map((cell, at) => cell.padEnd((names[at]?.length ?? 0) + 2))]
      .join("")
      .trimEnd();
  return [
    line("", names),
    ...labels.map((label, at) =>
      line(
        label,
        names.map((name) => columns[name]?.[at]?.[1] ?? ""),
      ),
    ),
  ].join("\n");
}

const COLUMN_STATEMENTS: Record<string, (table: string, column: string) => string> = {
  select: (table, column) => `select ${column} from ${table}`,
  insert: (table, column) => `insert into ${table} (${column}) values (default)`,
  update: (table, column) => `update ${table} set ${column} = default`,
};

/** The columns that an identity can read and write, a line for each verb that it has any for. */
export async function columnsOf(
  superuser: ClientBase,
  table: string,
  identity: Identity,
): Promise<string[]> {
  await superuser.query("rollback to savepoint start");
  const { rows } = await superuser.query<{ column: string }>(
    `select attname as column from pg_attribute
      where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped order by attnum`,
  );
  const lines: string[] = [];
  for (const [verb, statement] of Object.entries(COLUMN_STATEMENTS)) {
    const allowed: string[] = [];
    for (const { column } of rows) {
      const sql = `explain ${statement(table, column)}`;
      if ((await outcomeOf(superuser, identity, { sql })) === "+") allowed.push(column);
    }
    if (allowed.length === 0) continue;
    lines.push(`${verb} ${allowed.length === rows.length ? "all" : allowed.join(", ")}`);
  }
  return lines;
}
