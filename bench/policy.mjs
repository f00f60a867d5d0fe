// What judging migrations costs: seconds of the whole command and of the policy pack's part of a preview,
// the first time and when nothing changed, for this project and for 100 tables in 100 migrations.
// Processor seconds, which other work on the machine does not stretch: this project, 0.8 of the command, 0.4 of
// PostgreSQL and 1.0 to make, start and stop the server; nothing changed, 0.25. 100 tables, 2.7 and 3.1,
// and at least 2.7 more for moves.
// Usage: npm run build, then node bench/policy.mjs [rounds]
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const MAIN = path.join(PROJECT, "tools/main.mjs");
const TABLES = 100;

const [rounds = "3"] = process.argv.slice(2);
const directory = mkdtempSync(path.join(tmpdir(), "app-data-bench-"));
const large = path.join(directory, "large");
mkdirSync(large);
for (const { name, sql } of migrationsOf(TABLES)) writeFileSync(path.join(large, name), sql);
try {
  for (let round = 1; round <= Number(rounds); round += 1) {
    const env = { ...process.env, APP_DATA_CACHE: path.join(directory, `cache-${round}`) };
    tell("npm run policy, the first time", 3, () => runPolicy([], env));
    tell("npm run policy, nothing changed", 0.5, () => runPolicy([], env));
    tell("npm run policy --fresh", 3, () => runPolicy(["--fresh"], env));
    tell(`${TABLES} tables in ${TABLES} migrations`, 6, () => runPolicy(["--sql", large], env));
    tell("the same, nothing changed", 0.5, () => runPolicy(["--sql", large], env));
    const other = { ...env, APP_DATA_CACHE: path.join(directory, `pack-${round}`) };
    tell("the pack's part of a preview, SQL changed", 3, () => runPack(other));
    tell("the pack's part of a preview, nothing changed", 0.5, () => runPack(other));
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** @param limit seconds that it may take. @param work returns what it came to, and seconds of its own or none. */
function tell(what, limit, work) {
  const begin = performance.now();
  const { outcome, seconds = (performance.now() - begin) / 1000 } = work();
  const verdict = seconds <= limit ? "" : `  over the limit of ${limit} s`;
  console.log(`${what.padEnd(48)} ${seconds.toFixed(2).padStart(6)} s  ${outcome}${verdict}`);
}

function runPolicy(args, env) {
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, "policy", ...args], {
    encoding: "utf8",
    env,
  });
  return { outcome: stdout.trimEnd().split("\n").at(-1) || stderr };
}

/** Runs the pack's policies on migrations, in a process in which the pack is loaded already. */
function runPack(env) {
  const script = `
    const { policiesOf } = require("./policy/dist/policies.js");
    const { packContext } = require("./policy/dist/pack-context.js");
    const policies = policiesOf(packContext(process.env)).filter(({ name }) => name.startsWith("migration-"));
    const resources = JSON.parse(process.argv[1]);
    const begin = performance.now();
    let said = 0;
    (async () => {
      for (const policy of policies) await policy.validateStack({ resources }, () => (said += 1));
      console.log(JSON.stringify({ seconds: (performance.now() - begin) / 1000, outcome: said + " findings" }));
    })();`;
  const sql = path.join(PROJECT, "sql");
  const names = readdirSync(sql).filter((name) =>
    /^\d+_(?!.*_(?:rollback|verify)\.sql$).*\.sql$/.test(name),
  );
  const resources = names.map((name) => ({
    type: "pulumi-nodejs:dynamic/database:Migration",
    urn: name,
    name,
    opts: {},
    props: { forwardFile: `sql/${name}`, forwardSql: readFileSync(path.join(sql, name), "utf8") },
  }));
  const args = ["-e", script, JSON.stringify(resources)];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: PROJECT,
    encoding: "utf8",
    env,
  });
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** What this project's 000 makes, and one migration a table. */
function migrationsOf(count) {
  const base = readFileSync(path.join(PROJECT, "sql/000_existing_schema.sql"), "utf8");
  const first = `${base}\ncreate type public.state as enum ('draft', 'open', 'closed');`;
  const tables = Array.from({ length: count - 2 }, (_, index) => tableOf(index));
  return [first, ...tables].map((sql, index) => ({
    name: `${String(index).padStart(3, "0")}.sql`,
    sql,
  }));
}

/** Five kinds of tables in turn: documents, their lines, settings, team rows and reference data. */
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
