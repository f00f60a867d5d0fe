import { readFileSync } from "node:fs";
import { join } from "node:path";
import { judgeSchema, readSqlSchema } from "../../rules/src";

const base = ["000_existing_schema.sql", "001_add_missing_tables.sql"].map((file) => ({
  file,
  sql: readFileSync(join(__dirname, "../../sql", file), "utf8"),
}));

const owned = (name: string, more = "") => `
  create table public.${name} (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.users (id),
    post_id uuid,
    likes bigint not null default 0${more}
  );
  create index on public.${name} (user_id);
  alter table public.${name} enable row level security, force row level security;
  create policy own_read on public.${name} for select to authenticated
    using ((select auth.uid()) = user_id);
  create policy own_insert on public.${name} for insert to authenticated
    with check ((select auth.uid()) = user_id);
  grant select, insert on public.${name} to authenticated;`;

const trigger = (statement: string, on: string, when = "after insert", rights = "definer") => `
  create function public.fired() returns trigger language plpgsql security ${rights}
    set search_path = '' as $$ begin ${statement}; return new; end $$;
  revoke all on function public.fired() from public;
  create trigger fires ${when} on public.${on} for each row execute function public.fired();`;

const view = `
  create view public.shown with (security_invoker = true) as select user_id from public.posts;
  grant select, insert on public.shown to authenticated;`;

const forge = "insert into public.posts (user_id) values (new.user_id)";
const give = "update public.posts set user_id = new.user_id where id = new.post_id";

const merelyNamed =
  "it changes rows of public.posts that may be of others, whom the written row merely names, and does " +
  "more than count in them (`likes = likes + 1`)";

const counting = [
  "p.likes + 1",
  "likes - 1",
  "1 + p.likes",
  "greatest(p.likes - 1, 0)",
  "coalesce(p.likes, 0) + 1",
  "p.likes + case tg_op when 'INSERT' then 1 else -1 end",
  "case when tg_op = 'INSERT' then p.likes + 1 else p.likes - 1 end",
];

/** Rows of nobody by themselves: they belong to a post. */
const steps = `
  create table public.steps (
    id uuid primary key default gen_random_uuid(),
    post_id uuid not null references public.posts (id)
  );
  create index on public.steps (post_id);
  alter table public.steps enable row level security, force row level security;
  create policy own_insert on public.steps for insert to authenticated with check
    (exists (select from public.posts p where p.id = steps.post_id and p.user_id = (select auth.uid())));
  grant insert on public.steps to authenticated;`;

async function judge(sql: string) {
  const findings = judgeSchema(
    await readSqlSchema([...base, { file: "002.sql", sql }]),
    "mandatory",
  );
  return findings.map(({ code, object, message }) => ({ code, object, message }));
}

const refusal = (on: string, reason: string) => [
  {
    code: "POL121",
    object: `trigger fires on public.${on}`,
    message:
      `trigger fires on public.${on} runs public.fired() with its owner's rights when end users write: ` +
      `${reason}; what it writes must be for the signed-in user`,
  },
];

describe("a trigger with its function owner's rights", () => {
  it.each([
    [
      "on a view inserts for whoever is named",
      view + trigger(forge, "shown", "instead of insert"),
      "shown",
      "user_id",
    ],
    ["gives rows of others away", owned("claims") + trigger(give, "claims"), "claims", "user_id"],
    [
      "inserts for a user in a column beside the owner",
      owned("gifts", ", receiver uuid") +
        trigger(forge.replace("new.user_id", "new.receiver"), "gifts"),
      "gifts",
      "receiver",
    ],
    [
      "takes over a row by a conflict",
      owned("claims") +
        trigger(
          "insert into public.posts (id, user_id) values (new.post_id, new.user_id) " +
            "on conflict (id) do update set user_id = excluded.user_id",
          "claims",
        ),
      "claims",
      "user_id",
    ],
  ])("is refused where it %s", async (_, sql, on, column) => {
    const reason = `it writes rows of public.posts for the user in the written row's ${column}`;
    const found = await judge(owned("posts") + sql);
    expect(found).toEqual(refusal(on, reason));
  });

  it.each([
    ["changes all rows", "update public.posts set post_id = null"],
    [
      "changes rows by a value that is no key",
      "update public.posts p set post_id = null where p.post_id is null",
    ],
    [
      "changes rows of the owner or any others",
      "update public.posts p set post_id = null where p.user_id = new.user_id or p.post_id is null",
    ],
    [
      "changes rows in a WITH",
      "with gone as (update public.posts set post_id = null returning 1) " +
        "insert into public.claims (user_id) select new.user_id from gone",
    ],
  ])("is refused where it %s", async (_, statement) => {
    const found = await judge(owned("posts") + owned("claims") + trigger(statement, "claims"));
    expect(found).toEqual(
      refusal(
        "claims",
        "it changes rows of public.posts that the written row does not name, which may be of others",
      ),
    );
  });

  it.each([
    ["sets a constant in it", "likes = 0"],
    ["sets no number in it", "post_id = null"],
    ["puts a choice of the writer into it", "likes = p.likes + length(new.id::text)"],
    ["takes from itself what it is", "likes = p.likes - p.likes"],
    ["takes it down to less than nothing", "likes = least(p.likes + 1, 0)"],
    ["counts and does more", "likes = p.likes + 1, post_id = null"],
    [
      "lets a column choose the step",
      "likes = p.likes + case when new.id is null then 1 else -9 end",
    ],
  ])("is refused where the row is merely named and it %s", async (_, set) => {
    const statement = `update public.posts p set ${set} where p.id = new.post_id`;
    const found = await judge(owned("posts") + owned("claims") + trigger(statement, "claims"));
    expect(found).toEqual(refusal("claims", merelyNamed));
  });

  it.each([
    [
      "changes a row that it found by the written one",
      owned("claims") +
        trigger(
          "update public.posts set post_id = null where id in " +
            "(select c.post_id from public.claims c where c.id = old.id)",
          "claims",
        ),
    ],
    [
      "changes a row in place that has the key of the written one's choice",
      owned("claims") +
        trigger(
          "insert into public.posts (id, user_id) values (new.post_id, new.user_id) " +
            "on conflict (id) do update set post_id = null",
          "claims",
        ),
    ],
    [
      "changes rows of whom policies do not tie to the writer",
      owned("claims", ", receiver uuid references public.users (id)") +
        trigger("update public.posts set post_id = null where user_id = new.receiver", "claims"),
    ],
    [
      "puts another owner in before",
      owned("claims", ", receiver uuid references public.users (id)") +
        trigger(
          "new.user_id := new.receiver; " +
            "update public.posts set post_id = null where user_id = new.user_id",
          "claims",
        ),
    ],
    [
      "changes a parent for whose owner policies do not ask",
      owned("claims").replace("post_id uuid", "post_id uuid references public.posts (id)") +
        trigger("update public.posts set post_id = null where id = new.post_id", "claims"),
    ],
  ])("is refused where it %s", async (_, sql) => {
    expect(await judge(owned("posts") + sql)).toEqual(refusal("claims", merelyNamed));
  });

  it.each([
    [
      "changes the row of the writer that the written one names",
      owned("claims") +
        trigger(
          "update public.posts p set post_id = null where p.id = new.post_id and p.user_id = new.user_id",
          "claims",
        ),
    ],
    [
      "changes the writer's rows by a variable",
      owned("claims") +
        trigger(
          "declare who uuid := coalesce(new.user_id, old.user_id); begin " +
            "update public.posts p set post_id = null where p.user_id = who; end",
          "claims",
        ),
    ],
    [
      "changes the written row",
      owned("claims") +
        trigger("update public.claims set post_id = null where id = new.id", "claims"),
    ],
    [
      "changes the parent for whose owner policies ask",
      steps + trigger("update public.posts set post_id = null where id = new.post_id", "steps"),
    ],
    [
      "changes the writer's row in place",
      owned("claims") +
        trigger(
          "insert into public.posts (id, user_id) values (new.post_id, new.user_id) " +
            "on conflict (id) do update set post_id = null where posts.user_id = new.user_id",
          "claims",
        ),
    ],
    ...counting.map((value): [string, string] => [
      `counts by ${value} in the row that the written one names`,
      owned("claims") +
        trigger(`update public.posts p set likes = ${value} where p.id = new.post_id`, "claims"),
    ]),
    [
      "counts by a variable",
      owned("claims") +
        trigger(
          "declare step bigint := 1; begin if tg_op = 'DELETE' then step := -1; end if; " +
            "update public.posts p set likes = likes + step where p.id = new.post_id; end",
          "claims",
        ),
    ],
    [
      "lets a longer function make the text of the written row tidy",
      `create function public.tidy(raw text) returns text language plpgsql set search_path = '' as $$
        declare
          tidied text := lower(raw);
        begin
          for turn in 1..3 loop tidied := replace(tidied, '  ', ' '); end loop;
          return tidied;
        end $$;
        revoke all on function public.tidy(text) from public;` +
        owned("claims", ", body text") +
        trigger("new.body := public.tidy(new.body)", "claims", "before insert"),
    ],
    [
      "counts in the rows that the rows of a statement name",
      owned("claims") +
        trigger(
          "update public.posts p set likes = p.likes + 1 from added where p.id = added.post_id",
          "claims",
          "after insert",
        ).replace("for each row", "referencing new table as added for each statement"),
    ],
    [
      "puts into a text what it said before",
      owned("claims", ", body text") + trigger("new.body := btrim(new.body) || '.'", "claims"),
    ],
    ["inserts for the owner of the written row", owned("claims") + trigger(forge, "claims")],
    [
      "inserts for the signed-in user",
      view + trigger(forge.replace("new.user_id", "auth.uid()"), "shown", "instead of insert"),
    ],
    [
      "has the rights of who writes",
      view + trigger(forge, "shown", "instead of insert", "invoker"),
    ],
    [
      "can not be fired by end users",
      owned("claims").replace("grant select, insert", "grant select") + trigger(give, "claims"),
    ],
    [
      "is dropped",
      owned("claims") + trigger(give, "claims") + "drop trigger fires on public.claims;",
    ],
  ])("passes where it %s", async (_, sql) => expect(await judge(owned("posts") + sql)).toEqual([]));
});
