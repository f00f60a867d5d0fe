import type { ClientBase } from "pg";
import { userA, userB } from "../policy/corpus-case";
import { asUserB, judgingTwice } from "./judged-twice";

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
  let judging: Awaited<ReturnType<typeof judgingTwice>>;

  beforeAll(async () => {
    judging = await judgingTwice("POL135");
  });

  afterAll(() => judging.drop());

  it.each(advised)("is said where it %s", async (_, statement, left, sql) => {
    let returned: string | undefined;
    const { read, live } = await judging.judge(sql, async (client: ClientBase) => {
      await client.query(`insert into public.decks values (1, '${userB}')`);
      await client.query(`insert into public.notes values (1, '${userA}', 1)`);
      await asUserB(client, statement);
      const { rows } = await client.query<{ left: string }>(
        "select format('%s %s', count(*), coalesce(sum(deck_id), 0)) as left from public.notes",
      );
      returned = rows[0]?.left;
    });
    expect(returned).toBe(left);
    const said = { object: "foreign key (deck_id) of public.notes", level: "advisory" };
    expect([read, live]).toEqual([
      [expect.objectContaining(said)],
      [expect.objectContaining(said)],
    ]);
  });

  it.each(silent)("is not said of one %s", async (_, sql) =>
    expect(await judging.judge(sql)).toEqual({ read: [], live: [] }),
  );

  it("is said with what does it and what to write", async () => {
    const action = "on delete set null on update cascade";
    const { read } = await judging.judge(notes({ action }));
    expect(read.map(({ message, remediation }) => [message, remediation])).toEqual([
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
