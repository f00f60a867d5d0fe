import { readFileSync } from "node:fs";
import { join } from "node:path";
import { judgeSchema, largeObjectIn, readSqlSchema } from "../../rules/src";

const existing = "000_existing_schema.sql";
const base = { file: existing, sql: readFileSync(join(__dirname, "../../sql", existing), "utf8") };

const recordings = `
  create table public.recordings (
    id uuid primary key, user_id uuid not null references public.users (id), content oid
  );
  create index on public.recordings (user_id);
  alter table public.recordings enable row level security, force row level security;
  create policy own on public.recordings for all to authenticated
    using ((select auth.uid()) = user_id);
  grant select, insert on public.recordings to authenticated;`;
const view = (role: string) => `
  create view public.heard with (security_invoker = true) as
    select id, lo_get(content) from public.recordings;
  grant select on public.heard to ${role};`;
const reader = (rights: string) => `
  create function public.read(oid) returns bytea language sql set search_path = ''
    as 'select lo_get($1)';
  revoke all on function public.read(oid) from public;
  ${rights}`;

async function judge(sql: string) {
  const schema = await readSqlSchema([base, { file: "002.sql", sql: recordings + sql }]);
  const found = judgeSchema(schema, "mandatory");
  return found.filter(({ code }) => code === "POL134").map(({ object }) => object);
}

describe("a large object", () => {
  it.each([
    ["a view", view("authenticated"), "view public.heard"],
    [
      "a policy",
      `create policy heard on public.recordings as restrictive for select to authenticated
         using (length(lo_get(content)) > 0);`,
      "policy heard on public.recordings",
    ],
    [
      "a default that was set later",
      "alter table public.recordings alter content set default pg_catalog.lo_create(0);",
      "the default of public.recordings.content",
    ],
    [
      "a function",
      reader("grant execute on function public.read(oid) to authenticated;"),
      "function public.read()",
    ],
  ])("is refused where end users reach it by %s", async (_, sql, object) => {
    expect(await judge(sql)).toEqual([object.replace("read()", "read(oid)")]);
  });

  it("is refused in what a function runs with its owner's rights", async () => {
    const door = `
      create function public.door(oid) returns bytea language sql security definer
        set search_path = '' as 'select public.read($1)';
      revoke all on function public.door(oid) from public;
      grant execute on function public.door(oid) to authenticated;`;
    expect(await judge(reader(""))).toEqual([]);
    expect(await judge(reader("") + door)).toEqual(["function public.read(oid)"]);
  });

  it.each([
    ["a view of the back office", view("service_role")],
    [
      "a function of the back office",
      reader("grant execute on function public.read(oid) to service_role;"),
    ],
    [
      "a default that was taken away",
      `alter table public.recordings alter content set default lo_create(0);
       alter table public.recordings alter content drop default;`,
    ],
  ])("is let be in %s", async (_, sql) => expect(await judge(sql)).toEqual([]));

  it.each([
    ["select LO_GET (1)", "LO_GET"],
    ["execute 'select pg_catalog.lo_put(1, 0, $1)'", "lo_put"],
    ["select * from pg_largeobject_metadata", "pg_largeobject_metadata"],
    ["select loread(1, 1)", "loread"],
    ["select lo_get /* of old */ (1)", "lo_get"],
    ["select my.lo_get(1), hello_get(1), lo_get", undefined],
    ["-- lo_get(1)\nselect 1", undefined],
  ])("is seen in SQL by its functions: %s", (sql, name) => expect(largeObjectIn(sql)).toBe(name));
});
