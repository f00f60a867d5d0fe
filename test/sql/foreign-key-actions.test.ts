import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { readCatalog, schemaOf } from "../../migrator/src/catalog";
import { type Finding, judgeSchema, readSqlSchema } from "../../rules/src";
import { userA, userB } from "../policy/corpus-case";
import { type TestDatabase, createDatabase } from "../support/database";

const file = "000_existing_schema.sql";
const base = { file, sql: readFileSync(join(__dirname, "../../sql", file), "utf8") };

const own = "(select auth.uid()) = user_id";
const ofDeck = `exists (
  select from public.decks d where d.id = deck_id and d.user_id = (select auth.uid()))`;
const decks = `
  create table public.decks (
    id integer primary key, user_id uuid not null references public.users (id) on delete cascade,
    unique (id, user_id)
  );
  create index on public.decks (user_id);
  alter table public.decks enable row level security, force row level security;
  create policy decks_own on public.decks for all to authenticated using (${own});`;

interface Parts {
  action?: string;
  check?: string;
  /** Policies besides that of the row's owner. */
  policies?: string;
  /** Rights besides those to read and write one's own. */
  grants?: string;
  /** Columns and keys in place of a plain foreign key. */
  key?: string;
  /** Who may delete and change decks. */
  parents?: string;
}

/** Notes, each its writer's, on decks, each its maker's. */
function notes({ action, check, policies = "", grants = "", key, parents }: Parts) {
  const named = `deck_id integer references public.decks (id) ${action ?? "on delete cascade"}`;
  return `
    ${decks}
    grant select, insert, delete, update (id) on public.decks to ${parents ?? "authenticated"};
    create table public.notes (
      id integer primary key, user_id uuid not null references public.users (id),
      ${key ?? named}
    );
    create index on public.notes (user_id);
    alter table public.notes enable row level security, force row level security;
    create policy notes_own on public.notes for all to authenticated
      using (${own}) with check (${check ?? own});
    ${policies}
    grant select, insert, delete on public.notes to authenticated;
    ${grants}`;
}

const pieces = `
  ${decks}
  grant select, insert, delete on public.decks to authenticated;
  create table public.cards (
    id integer primary key, deck_id integer not null references public.decks (id) on delete cascade
  );
  alter table public.cards enable row level security, force row level security;
  create policy cards_own on public.cards for select to authenticated using (${ofDeck});
  create policy cards_made on public.cards for insert to authenticated with check (true);
  grant select, insert on public.cards to authenticated;`;

const advised = [
  ["deletes", "delete from public.decks", "0 0", notes({})],
  ["empties", "delete from public.decks", "1 0", notes({ action: "on delete set null" })],
  ["changes", "update public.decks set id = 9", "1 9", notes({ action: "on update cascade" })],
  [
    "deletes, though the owner of what they name may read them,",
    "delete from public.decks",
    "0 0",
    notes({
      policies: `create policy notes_read on public.notes for select to authenticated using (${ofDeck});`,
    }),
  ],
] as const;

const silent: readonly (readonly [string, string])[] = [
  ["that is refused", notes({ action: "on delete restrict" })],
  ["of rows that only the back office deletes", notes({ parents: "service_role" })],
  [
    "that holds the owner, too",
    notes({
      key: `deck_id integer not null, foreign key (deck_id, user_id)
        references public.decks (id, user_id) on delete cascade`,
    }),
  ],
  ["to what is the writer's own", notes({ check: `${own} and ${ofDeck}` })],
  [
    "to what is the writer's own by a restrictive policy",
    notes({
      policies: `create policy notes_mine on public.notes as restrictive for insert to authenticated
        with check (${ofDeck});`,
    }),
  ],
  [
    "by which the owner of the other may delete them anyway",
    notes({
      policies: `create policy notes_cleared on public.notes for delete to authenticated using (${ofDeck});`,
    }),
  ],
  ["of rows that are the parent's", pieces.replace("with check (true)", `with check (${ofDeck})`)],
  ["of rows that are the parent's, whoever writes them", pieces],
];

describe("what a foreign key does with rows of others", () => {
  let database: TestDatabase;
  let client: ClientBase;

  beforeAll(async () => {
    database = await createDatabase();
    const migrator = await database.connect("migrator");
    await migrator.query(base.sql);
    client = await database.connect("postgres");
    const insert = "insert into public.users (id, email) values ($1, 'a'), ($2, 'b')";
    await client.query(insert, [userA, userB]);
  });

  afterAll(() => database.drop());

  /** Runs a migration and undoes it. @returns what the rules say of its SQL and of its catalog. */
  async function judge(sql: string, act?: () => Promise<unknown>) {
    await client.query("begin");
    try {
      await client.query("set local role migrator");
      await client.query(sql);
      await client.query("reset role; set local search_path = public");
      const live = said(judgeSchema(schemaOf(await readCatalog(client))));
      await act?.();
      const read = said(judgeSchema(await readSqlSchema([base, { file: "002.sql", sql }])));
      return { read, live };
    } finally {
      await client.query("rollback");
    }
  }

  it.each(advised)("is said where it %s", async (_, statement, left, sql) => {
    let returned: unknown;
    const found = await judge(sql, async () => {
      await client.query(`insert into public.decks values (1, '${userB}')`);
      await client.query(`insert into public.notes values (1, '${userA}', 1)`);
      await client.query("set local role authenticated");
      const claims = JSON.stringify({ sub: userB, role: "authenticated" });
      await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
      await client.query(statement);
      await client.query("reset role");
      const { rows } = await client.query<{ left: string }>(
        "select format('%s %s', count(*), coalesce(sum(deck_id), 0)) as left from public.notes",
      );
      returned = rows[0]?.left;
    });
    const object = "advisory foreign key (deck_id) of public.notes";
    expect({ returned, ...found }).toEqual({ returned: left, read: [object], live: [object] });
  });

  it.each(silent)("is not said of one %s", async (_, sql) =>
    expect(await judge(sql)).toEqual({ read: [], live: [] }),
  );

  it("is said with what does it and what to write", async () => {
    const action = "on delete set null on update cascade";
    const sql = notes({ action });
    const found = judgeSchema(await readSqlSchema([base, { file: "002.sql", sql }])).filter(
      ({ code }) => code === "POL135",
    );
    expect(found.map(({ message, remediation }) => [message, remediation])).toEqual([
      [
        `foreign key (deck_id) of public.notes is \`${action}\`: who deletes a row of public.decks so ` +
          "updates, or changes id of public.decks so updates what other users wrote into " +
          "public.notes, which no policy of it lets them do",
        "Write `on delete restrict`, or let rows name none but those of their owner: with the owner as " +
          "part of the foreign key, or by a `with check`.",
      ],
    ]);
  });
});

function said(findings: Finding[]): string[] {
  return findings
    .filter(({ code }) => code === "POL135")
    .map(({ level, object }) => `${level} ${object}`);
}
