import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database";
import {
  ATTEMPTS_AROUND,
  FUNCTION_ATTEMPTS,
  IDENTITIES,
  ROWS,
  TABLES,
  VIEWS,
  attemptsOnTable,
  attemptsOnView,
  columnsOf,
  outcomesOf,
  reasonOf,
} from "./access-attempts";
import { BEHAVIOURS, REFUSED, keepWaiting, refusedBy, resultOf } from "./behaviours";
import { type Mutant, mutantsOf, verifiedBy } from "./mutants";
import { LATER_MIGRATIONS, MIGRATIONS } from "../support/project-migrations";
import { applyThrough, runStatements } from "./sql-files";

const KINDS: [kind: Mutant["kind"], atLeast: number][] = [
  ["policy", 336],
  ["row level security", 14],
  ["right revoked", 111],
  ["right granted", 322],
  ["constraint", 88],
  ["index", 5],
  ["trigger", 20],
  ["function", 150],
];

const OPEN_SCHEMAS = "grant usage on schema public, auth, monitoring to public";

/**
 * What would refuse an attempt before the mutated protection is asked. It is opened, for the mutant
 * and for what it is compared with: each protection holds by itself, behind all others.
 */
function openedFor({ kind, object }: Mutant): string {
  if (kind === "policy") {
    return (
      `${OPEN_SCHEMAS}; grant all on all tables in schema public to public; ` +
      "grant execute on function auth.uid() to public"
    );
  }
  if (kind === "row level security" && object === "auth.token_settings") {
    return `${OPEN_SCHEMAS}; grant select on auth.token_settings to public`;
  }
  return kind === "right granted" && object.includes(".") ? OPEN_SCHEMAS : "";
}

/** Mutants that nobody can tell from the schema as it is here, by why. Verify notices them all. */
const EQUIVALENT: [why: string, sql: RegExp][] = [
  [
    "who has no identity finds no row to update",
    /for update to authenticated using .* with check \(.* or \(select auth\.uid\(\)\) is null\)$/,
  ],
  [
    "it restricts updates that no other policy lets anon, or who has no identity, make",
    /export_history_update_pending .* (to authenticated, anon using|is null\)$)/,
  ],
  [
    "users may do all to their own keys, by four policies",
    /on public\.user_api_keys as permissive for all to authenticated using \((.*)\) with check \(\1\)$/,
  ],
  [
    "what refers to users keeps it from being emptied, and who may delete may lock it already",
    /^grant truncate on public\.users to authenticated$/,
  ],
  [
    "the policy of its owner passes all rows, so its owner reads them either way",
    /^alter table auth\.token_settings no force row level security$/,
  ],
  [
    "without a token or without pads there is no HMAC, and the condition after it refuses the same",
    /FUNCTION auth\.verified_uid[^]*(if length\(token\) > 4096 or token <> header|settings s;\s+if false then)/,
  ],
  [
    "a claim that is absent is null, and neither of another type nor ahead",
    /FUNCTION auth\.verified_uid[^]*(if|\) or) \(\s*jsonb_typeof\(claims -> '(nbf|iat)'\)/,
  ],
  [
    "where the extension is and the server has its library, there is the view, and the setting",
    /FUNCTION monitoring\.read_statements[^]*if ((to_regclass\(place\) is null|place is null) or current_setting\(|place is null or to_regclass\(place\) is null then)/,
  ],
  [
    "it takes another transaction that refreshes, and two seconds: analytics.test.ts",
    /FUNCTION public\.refresh_progress_analytics[^]*if false then/,
  ],
  [
    "a text is shown where migrator has a right that the databases of a server share: monitoring.test.ts",
    /FUNCTION monitoring\.read_statements[^]*merge\)\\s'\s*then left/,
  ],
];

type Observation = [what: string, observe: (client: Client) => Promise<string>];

/** What is to be observed of a mutant's object, the likeliest to differ first. */
function* observationsOf({ object, kind, sql, who, name }: Mutant): Generator<Observation> {
  for (const [constraint, what, sql] of REFUSED) {
    if (constraint === name) yield [what, (client) => refusedBy(client, sql)];
  }
  const isAboutAccess = kind === "policy" || kind.startsWith("right") || kind.startsWith("row");
  const isOf = (one: string) => sql.includes(IDENTITIES[one]?.role ?? `to ${one}`);
  const everybody = ["A", "migrator", "service", "anon", "no claims"];
  const identities =
    who === undefined
      ? [...everybody.filter(isOf), ...everybody.filter((one) => !isOf(one))]
      : [who];
  if (isAboutAccess) for (const one of identities) yield* accessTo(object, one);
  if (isAboutAccess && object in TABLES && kind.startsWith("right")) {
    for (const one of identities) yield columnsFor(object, one);
  }
  if (object === "auth.uid()") yield* accessTo("public.users", "A");
  if (kind === "right granted") return;
  const [, called = object] = /\.(\w+)/.exec(object) ?? [];
  const isNamed = (steps: unknown) => JSON.stringify(steps).includes(called);
  for (const first of [true, false]) {
    for (const one of BEHAVIOURS) {
      if (isNamed(one.steps) === first) yield [one.what, (client) => resultOf(client, one)];
    }
  }
}

function* accessTo(object: string, who: string): Generator<Observation> {
  const identity = IDENTITIES[who];
  if (!identity) throw new Error(`Nobody is called ${who}.`);
  if (object in TABLES) {
    for (const attempt of attemptsOnTable(object, identity)) {
      yield [
        `${object}, ${attempt[0]}, ${who}`,
        async (client) => String(await outcomesOf(client, identity, [attempt])),
      ];
    }
  } else {
    const called = `${object.replace(/\(.*/, "")}(`;
    const attempts =
      object in VIEWS
        ? attemptsOnView(object, identity)
        : object.includes(".")
          ? FUNCTION_ATTEMPTS.filter(([call]) => call.startsWith(called))
          : ATTEMPTS_AROUND;
    for (const [label, [attempt]] of attempts) {
      if (attempt) yield [`${label}, ${who}`, (client) => reasonOf(client, identity, attempt)];
    }
  }
}

function columnsFor(table: string, who: string): Observation {
  const identity = IDENTITIES[who] ?? { login: who };
  return [
    `columns of ${table}, ${who}`,
    async (client) => (await columnsOf(client, table, identity)).join("; "),
  ];
}

describe("000 to 007 with one protection less", () => {
  const databases: TestDatabase[] = [];
  let mutated: Client;
  /** The same, in another database, as it is. */
  let control: Client;
  let mutants: Mutant[];
  const asItIs = new Map<string, { opened: string; observation: Observation; found: string }>();
  let controlIsOpened: string | undefined;

  beforeAll(async () => {
    const create = async () => {
      const database = await createDatabase();
      databases.push(database);
      await applyThrough(await database.connect("migrator"), "007_vault_and_erasure");
      const superuser = await database.connect("postgres");
      await superuser.query(`set jit = off; ${ROWS}`);
      await keepWaiting(database);
      return superuser;
    };
    mutated = await create();
    control = await create();
    mutants = await mutantsOf(mutated);
  });
  afterAll(() => Promise.all(databases.map((database) => database.drop())));

  async function open(client: Client, { sql, opened }: { sql: string; opened: string }) {
    await client.query("rollback; begin");
    if (sql) await client.query(sql);
    await client.query(`savepoint verify; ${opened}; savepoint start`);
  }

  /** Without the name of the database, which would tell any two of them apart. */
  async function observe(client: Client, [, work]: Observation): Promise<string> {
    const found = await work(client).catch((error: unknown) => (error as Error).message);
    return found.replaceAll(client.database ?? "", "");
  }

  async function expected(opened: string, observation: Observation): Promise<string> {
    const key = `${opened} ${observation[0]}`;
    const known = asItIs.get(key);
    if (known) return known.found;
    if (controlIsOpened !== opened) await open(control, { sql: "", opened });
    controlIsOpened = opened;
    const found = await observe(control, observation);
    asItIs.set(key, { opened, observation, found });
    return found;
  }

  async function isNoticedByVerify({ noticedAs = "", ...mutant }: Mutant): Promise<boolean> {
    for (const migration of verifiedBy({ ...mutant })) {
      await mutated.query("rollback to savepoint verify; set local role migrator");
      try {
        await runStatements(mutated, migration, "verify");
      } catch (error) {
        const [, ...problems] = (error as Error).message.split("\n- ");
        return problems.length === 0 || problems.some((line) => line.startsWith(noticedAs));
      }
    }
    return false;
  }

  async function isNoticedByBehaviour(mutant: Mutant): Promise<boolean> {
    const opened = openedFor(mutant);
    await mutated.query(`rollback to savepoint verify; ${opened}; savepoint start`);
    for (const observation of observationsOf(mutant)) {
      const before = await expected(opened, observation);
      if ((await observe(mutated, observation)) !== before) return true;
    }
    return false;
  }

  it.each(KINDS)(
    "acceptance 12: is noticed by verify and by behaviour: %s",
    async (kind, atLeast) => {
      const unverified: string[] = [];
      const unnoticed: string[] = [];
      const tried = mutants.filter((mutant) => mutant.kind === kind);
      for (const mutant of tried) {
        await open(mutated, { sql: mutant.sql, opened: "" });
        if (!(await isNoticedByVerify(mutant))) unverified.push(mutant.sql);
        if (EQUIVALENT.some(([, sql]) => sql.test(mutant.sql))) continue;
        if (!(await isNoticedByBehaviour(mutant))) unnoticed.push(mutant.sql);
      }
      await mutated.query("rollback");
      expect({ unverified, unnoticed }).toEqual({ unverified: [], unnoticed: [] });
      expect(tried.length).toBeGreaterThanOrEqual(atLeast);
    },
    600_000,
  );

  it("acceptance 12: goes unnoticed as it is, by all that the mutants were compared with", async () => {
    await open(mutated, { sql: "set local role migrator", opened: "" });
    for (const migration of [...MIGRATIONS, ...LATER_MIGRATIONS]) {
      await runStatements(mutated, migration, "verify");
    }
    const different: string[] = [];
    let isOpened: string | undefined;
    for (const [key, { opened, observation, found }] of asItIs) {
      if (isOpened !== opened) await open(mutated, { sql: "", opened });
      isOpened = opened;
      const again = await observe(mutated, observation);
      if (again !== found) different.push(`${key}: ${found}, ${again}`);
    }
    await mutated.query("rollback");
    expect(different).toEqual([]);
    expect(asItIs.size).toBeGreaterThan(1_500);
  }, 600_000);
});
