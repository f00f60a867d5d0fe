// What a trial costs: seconds and processor time (Node.js, and the server with all of its processes) by
// phase, for a schema of many tables, each with five policies, keys, checks and all four commands granted.
// Usage: npm run build, then node bench/trial.mjs [tables] [rounds] [folder of another build of trial/dist]
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { judgeMade, readSchema } from "../tools/policy/made-schema.mjs";
import { withTrialServer } from "../tools/policy/trial-server.mjs";

const PROJECT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const TICKS_A_SECOND = 100;

const [tables = "100", rounds = "3", ...others] = process.argv.slice(2);
const builds = [path.join(PROJECT, "trial/dist"), ...others.map((place) => path.resolve(place))];
const base = path.join(PROJECT, "sql/000_existing_schema.sql");
const files = [
  { file: "000.sql", sql: readFileSync(base, "utf8") },
  { file: "001.sql", sql: schemaOf(Number(tables)) },
];

for (let round = 1; round <= Number(rounds); round += 1) {
  for (const build of builds) await measure(build);
}

/** Runs one trial as `npm run policy -- --trial` does, server and all. */
async function measure(build) {
  const { tryMigrations } = require(path.join(build, "index.js"));
  const begin = { time: Date.now(), node: nodeSeconds(), children: childrenSeconds() };
  let started = 0;
  let onServer = 0;
  let trial;
  let made;
  const onApplied = async (client) => {
    made = await readSchema(client);
  };
  await withTrialServer(async (server) => {
    started = (Date.now() - begin.time) / 1000;
    trial = await tryMigrations(server, files, { onApplied });
    onServer = serverSeconds(server.pid);
  });
  const refused = judgeMade(made, []).length;
  const seconds = (Date.now() - begin.time) / 1000;
  const node = nodeSeconds() - begin.node;
  console.log(
    `${path.relative(process.cwd(), build).padEnd(20)} ${trial.tables} tables, ${trial.attempts} attempts, ` +
      `${trial.findings.length + refused} findings: ${seconds.toFixed(2)} s (${started.toFixed(2)} s until the server is there); ` +
      `processor: ${(node + onServer).toFixed(2)} s = Node.js ${node.toFixed(2)} + server ${onServer.toFixed(2)} ` +
      `(+ ${(childrenSeconds() - begin.children).toFixed(2)} to make it)`,
  );
}

function nodeSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Of children that have ended and were waited for: initdb and the like. */
function childrenSeconds() {
  const { ended } = processorOf("self");
  return ended;
}

/** Of the server and of all its processes, those that have ended too. */
function serverSeconds(server) {
  const workers = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processorOf(name))
    .filter(({ parent }) => parent === server);
  const { own, ended } = processorOf(server);
  return own + ended + workers.reduce((sum, worker) => sum + worker.own, 0);
}

/** What the kernel says of a process: `{ parent, own, ended }`; zeros where it is gone. */
function processorOf(pid) {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return { parent: 0, own: 0, ended: 0 };
  }
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const seconds = (from) => (fields[from] + fields[from + 1]) / TICKS_A_SECOND;
  return { parent: fields[1], own: seconds(11), ended: seconds(13) };
}

/** Five kinds of tables in turn: documents, their lines, settings, team rows and reference data. */
function schemaOf(count) {
  const parts = Array.from({ length: count - 2 }, (_, index) => tableOf(index));
  return ["create type public.state as enum ('draft', 'open', 'closed');", ...parts].join("\n");
}

function tableOf(index) {
  const name = `public.table_${index}`;
  const own = "(select auth.uid()) = user_id";
  const user = "user_id uuid not null references public.users (id) on delete cascade";
  const times = "created_at timestamptz not null default now(), updated_at timestamptz";
  const [columns, condition] = [
    () => [
      `id uuid primary key default gen_random_uuid(), ${user}, title text not null check (length(title) between 1 and 200),
       state public.state not null default 'draft', size integer not null check (size >= 0), amount numeric(10, 2),
       opened_at timestamptz, closed_at timestamptz, check (closed_at >= opened_at), tags text[], ${times}`,
      own,
    ],
    () => [
      `id bigint generated always as identity primary key, position integer not null check (position between 1 and 500),
       document_id uuid not null references public.table_${index - 1} (id) on delete cascade,
       body text, unique (document_id, position), ${times}`,
      `exists (select from public.table_${index - 1} d where d.id = document_id and d.user_id = (select auth.uid()))`,
    ],
    () => [
      `${user}, key text not null check (key ~ '^[a-z_]{3,40}$'), value jsonb not null default '{}', primary key (user_id, key), ${times}`,
      own,
    ],
    () => [
      `id uuid primary key default gen_random_uuid(), ${user} unique, email text not null unique, is_active boolean not null default true,
       last_seen_at timestamptz, kind varchar(10) not null check (kind in ('basic', 'plus')), ${times}`,
      own,
    ],
    () => [
      `id uuid primary key default gen_random_uuid(), ${user}, day date not null, minutes integer not null default 0, unique (user_id, day), ${times}`,
      own,
    ],
  ][index % 5]();
  return `
    create table ${name} (${columns});
    alter table ${name} enable row level security, force row level security;
    create policy s on ${name} for select to authenticated using (${condition});
    create policy i on ${name} for insert to authenticated with check (${condition});
    create policy u on ${name} for update to authenticated using (${condition}) with check (${condition});
    create policy d on ${name} for delete to authenticated using (${condition});
    create policy b on ${name} for all to service_role using (true) with check (true);
    grant select, insert, update, delete on ${name} to authenticated;
    grant select, delete on ${name} to service_role;`;
}
