import { readFileSync } from "node:fs";
import { join } from "node:path";
import { judgeSchema, readSqlSchema } from "../../rules/src";

const base = ["000_existing_schema.sql", "001_add_missing_tables.sql"].map((file) => ({
  file,
  sql: readFileSync(join(__dirname, "../../sql", file), "utf8"),
}));

const tasks = (using: string) => `
  create table public.tasks (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.users (id),
    collaborator_ids uuid[] not null default '{}',
    title text
  );
  create index on public.tasks (user_id);
  alter table public.tasks enable row level security, force row level security;
  create policy reads on public.tasks for select to authenticated using (${using});
  create policy updates on public.tasks for update to authenticated using (${using});
  grant select, update (title) on public.tasks to authenticated;`;

const own = "(select auth.uid()) = user_id";
const shared = `${own} or (select auth.uid()) = any (collaborator_ids)`;

const trigger = (body: string, when = "before update") => `
  create function public.fired() returns trigger language plpgsql set search_path = '' as $$
    begin ${body}; return new; end $$;
  revoke all on function public.fired() from public;
  create trigger fires ${when} on public.tasks for each row execute function public.fired();`;

async function judge(sql: string) {
  const schema = await readSqlSchema([...base, { file: "002.sql", sql }]);
  return judgeSchema(schema, "mandatory").map(({ code, object }) => `${code} ${object}`);
}

describe("a trigger before updates of rows that collaborators edit", () => {
  it.each([
    ["makes the editor the owner", "new.user_id := auth.uid()"],
    ["makes somebody of the row the owner", "new.user_id := new.collaborator_ids[1]"],
    ["selects the owner into the row", "select auth.uid() into new.user_id"],
    [
      "makes another row of it",
      "new := jsonb_populate_record(new, jsonb_build_object('user_id', auth.uid()))",
    ],
    ["sets it on updates", "if tg_op <> 'INSERT' then new.user_id := auth.uid(); end if"],
    [
      "sets it by whatever is not an insert of nobody's",
      "if tg_op = 'INSERT' or new.title is null then new.user_id := auth.uid(); end if",
    ],
    [
      "sets it where an insert may have gone before",
      "if tg_op = 'INSERT' then return new; end if; new.user_id := auth.uid()",
    ],
    [
      "asks a variable of its own",
      "declare tg_op text := 'UPDATE'; begin if tg_op <> 'UPDATE' then return new; end if; new.user_id := auth.uid(); end",
    ],
    [
      "says itself what fired it",
      "tg_op := 'INSERT'; if tg_op = 'INSERT' then new.user_id := auth.uid(); end if",
    ],
    [
      "selects what fired it",
      "select 'INSERT' into tg_op; if tg_op = 'INSERT' then new.user_id := auth.uid(); end if",
    ],
    ["can not be read", "execute 'select auth.uid()' into new.user_id"],
  ])("is refused where it %s", async (_, body) => {
    const found = await judge(tasks(shared) + trigger(body, "before insert or update"));
    expect(found).toEqual(["POL128 trigger fires on public.tasks"]);
  });

  it.each([
    ["keeps the owner", tasks(shared) + trigger("new.user_id := old.user_id")],
    [
      "sets the owner on inserts alone",
      tasks(shared) +
        trigger(
          "if tg_op = 'INSERT' then new.user_id := auth.uid(); end if",
          "before insert or update",
        ),
    ],
    [
      "keeps the owner on updates",
      tasks(shared) +
        trigger(
          `if tg_op in ('UPDATE', 'DELETE') then new.user_id := old.user_id;
           else new.user_id := auth.uid(); end if`,
          "before insert or update",
        ),
    ],
    [
      "returns before it sets the owner",
      tasks(shared) +
        trigger(
          "if not (tg_op = 'INSERT') then return new; end if; new.user_id := auth.uid()",
          "before insert or update",
        ),
    ],
    [
      "asks more of an insert",
      tasks(shared) +
        trigger(
          `if new.title is null then new.title := '';
           elsif tg_op = 'INSERT' and new.user_id is null then new.user_id := auth.uid(); end if`,
          "before insert or update",
        ),
    ],
    ["changes another column", tasks(shared) + trigger("new.title := upper(new.title)")],
    ["only runs on inserts", tasks(shared) + trigger("new.user_id := auth.uid()", "before insert")],
    ["only the owner fires", tasks(own) + trigger("new.user_id := auth.uid()")],
  ])("passes where it %s", async (_, sql) => expect(await judge(sql)).toEqual([]));
});

describe("a notification", () => {
  it.each([
    ["a row", "perform pg_notify('tasks', row_to_json(new)::text)"],
    ["a column", "perform pg_notify('tasks', new.title)"],
    [
      "what a query finds",
      "perform pg_notify('tasks', (select t.title from public.tasks t where t.id = new.id))",
    ],
    ["what is put together", "execute 'notify tasks, ' || quote_literal(new.title)"],
  ])("is refused where it says %s", async (_, body) => {
    const found = await judge(tasks(own) + trigger(body, "after update"));
    expect(found).toEqual(["POL129 function public.fired()"]);
  });

  it.each([
    ["nothing", "notify tasks"],
    ["an id and what was done", "perform pg_notify('tasks', tg_op || ':' || new.id)"],
    [
      "how many there are",
      "perform pg_notify('tasks', (select count(*)::text from public.tasks t))",
    ],
  ])("passes where it says %s", async (_, body) => {
    expect(await judge(tasks(own) + trigger(body, "after update"))).toEqual([]);
  });
});
