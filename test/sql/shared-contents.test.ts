import { userA, userB } from "../policy/corpus-case";
import { asUserB, judgingTwice } from "./judged-twice";

const user = "(select auth.uid())";
const either = `${user} in (sender_id, recipient_id)`;

interface Parts {
  /** Who inserts. */
  inserts?: string;
  /** What follows the policy for updates. */
  updates?: string;
  grants?: string;
  more?: string;
}

/** Messages, each of who sent it and of whom it was sent to. */
function messages({ inserts, updates, grants, more = "" }: Parts) {
  return `
    create table public.messages (
      id integer primary key,
      sender_id uuid not null references public.users (id),
      recipient_id uuid not null references public.users (id),
      body text, read_at timestamptz
    );
    create index on public.messages (sender_id);
    create index on public.messages (recipient_id);
    alter table public.messages enable row level security, force row level security;
    create policy messages_read on public.messages for select to authenticated using (${either});
    create policy messages_sent on public.messages for insert to authenticated
      with check (${inserts ?? `${user} = sender_id`});
    create policy messages_updated on public.messages for update to authenticated
      ${updates ?? `using (${either})`};
    ${more}
    grant select on public.messages to authenticated;
    ${grants ?? "grant insert (sender_id, recipient_id, body), update (body, read_at) on public.messages to authenticated;"}`;
}

const advised = [
  ["either may update the row", messages({})],
  ["it is the other who may", messages({ updates: `using (${user} = recipient_id)` })],
  [
    "rights are on the whole table",
    messages({ grants: "grant insert, update on public.messages to authenticated;" }),
  ],
] as const;

const silent: readonly (readonly [string, string])[] = [
  ["who wrote it alone may update the row", messages({ updates: `using (${user} = sender_id)` })],
  [
    "the other may update what nobody inserts",
    messages({
      grants: `grant insert (sender_id, recipient_id, body), update (read_at)
        on public.messages to authenticated;`,
    }),
  ],
  [
    "what is written has to be the writer's again",
    messages({ updates: `using (${either}) with check (${user} = sender_id)` }),
  ],
  [
    "a restrictive policy leaves updates to the writer",
    messages({
      more: `create policy messages_kept on public.messages as restrictive for update
        to authenticated using (${user} = sender_id);`,
    }),
  ],
  ["either may begin the row", messages({ inserts: either })],
];

describe("what one of a row's two users wrote", () => {
  let judging: Awaited<ReturnType<typeof judgingTwice>>;

  beforeAll(async () => {
    judging = await judgingTwice("POL136");
  });

  afterAll(() => judging.drop());

  it.each(advised)("is said to be rewritten by the other where %s", async (_, sql) => {
    let body: string | undefined;
    const { read, live } = await judging.judge(sql, async (client) => {
      await client.query(`insert into public.messages values (1, '${userA}', '${userB}', 'of a')`);
      await asUserB(client, "update public.messages set body = 'of b'");
      const { rows } = await client.query<{ body: string }>("select body from public.messages");
      body = rows[0]?.body;
    });
    expect(body).toBe("of b");
    const said = { object: "public.messages", level: "advisory" };
    expect([read, live]).toEqual([
      [expect.objectContaining(said)],
      [expect.objectContaining(said)],
    ]);
  });

  it.each(silent)("is left alone where %s", async (_, sql) =>
    expect(await judging.judge(sql)).toEqual({ read: [], live: [] }),
  );

  it("is named with who rewrites it and what to write", async () => {
    const { read } = await judging.judge(messages({}));
    expect(read.map(({ message, remediation }) => [message, remediation])).toEqual([
      [
        "policies of public.messages let recipient_id update body, which sender_id alone writes into a " +
          "new row: one of its two users may change what the other said",
        "Take body out of the columns that are granted for update, or let sender_id alone update: " +
          "`using ((select auth.uid()) = sender_id)`.",
      ],
    ]);
  });
});
