import {
  JudgedSchema,
  type Outcome,
  classify,
  defaultContract,
  parseContract,
} from "../../../rules/src";
import { JudgedDatabase } from "../judged-database";

const ground = `
create table public.countries (code text primary key);
create table public.teams (
  id uuid primary key default gen_random_uuid(), name text, owner_id uuid references public.users (id)
);
alter table public.countries enable row level security, force row level security;
create policy countries_all on public.countries for select to authenticated using (true);
grant select on public.countries to authenticated;
create table public.members (
  team_id uuid not null references public.teams (id), user_id uuid not null references public.users (id),
  role text not null default 'member', is_active boolean not null default true,
  primary key (team_id, user_id)
);
create table public.folders (
  id uuid primary key, user_id uuid not null references public.users (id)
);
create table public.docs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  reviewer_id uuid references public.users (id),
  readers uuid[] not null default '{}',
  team_id uuid references public.teams (id),
  folder_id uuid not null references public.folders (id),
  country text references public.countries (code),
  title text, data jsonb, is_public boolean not null default false,
  deleted_at timestamptz, org_id uuid, token uuid, number integer
);
create table public.older_docs () inherits (public.docs);
alter table public.older_docs alter user_id drop not null;
alter table public.folders enable row level security, force row level security;
create policy folders_own on public.folders for select to authenticated using (user_id = (select auth.uid()));
grant select on public.folders to authenticated;
alter table public.teams enable row level security, force row level security;
create policy teams_all on public.teams for select to authenticated using (true);
grant select on public.teams to authenticated;
create view public.views as select 1 as one;
create function public.is_member(team uuid) returns boolean language sql stable security definer
  set search_path = '' as 'select exists (select from public.members where team_id = team and user_id = auth.uid())';
create function public.is_admin(team uuid) returns boolean language plpgsql stable security definer
  set search_path = '' as $$ begin return exists (
    select from public.members m where m.team_id = team and m.user_id = auth.uid() and m.role = 'admin'
  ); end $$;
create function public.my_teams() returns setof uuid language sql stable security definer
  set search_path = '' as 'select m.team_id from public.members m where m.user_id = auth.uid()';
create function public.my_role(team uuid) returns text language sql stable security definer
  set search_path = '' as 'select m.role from public.members m where m.team_id = team and m.user_id = auth.uid()';
create function public.anyone(team uuid) returns boolean language sql stable
  set search_path = '' as 'select team is not null';
create function public.is_listed(team uuid) returns boolean language sql stable
  set search_path = '' as 'select exists (select from public.members m where m.team_id = team)';
create function public.loose(team uuid) returns boolean language sql stable
  as 'select exists (select from public.members m where m.team_id = team and m.user_id = auth.uid())';
create function public.absent(team uuid) returns boolean language sql stable security definer set search_path = ''
  as 'select count(*) = 0 from public.members m where m.team_id = team and m.user_id = auth.uid()';
create function public.given(team uuid, answer boolean) returns boolean language plpgsql stable security definer
  set search_path = '' as $$ begin
    perform from public.members m where m.team_id = team and m.user_id = auth.uid();
    return answer;
  end $$;
create function public.in_folder(folder uuid) returns boolean language sql stable security definer
  set search_path = '' as 'select exists (select from public.folders f where f.id = folder)';
create table public.numbered (
  org_id uuid, number integer, user_id uuid references public.users (id), primary key (org_id, number)
);
alter table public.docs add foreign key (org_id, number) references public.numbered (org_id, number);
create table public.profiles (
  user_id uuid primary key references public.users (id), country text references public.countries (code),
  friend_id uuid references public.users (id)
);
create function public.same(a uuid, b uuid) returns boolean language sql immutable set search_path = ''
  as 'select true';
create operator public.= (leftarg = uuid, rightarg = uuid, function = public.same);
`;

const own = [
  "user_id = auth.uid()",
  "(select auth.uid()) = user_id",
  "user_id::text = auth.uid()::text",
  "user_id::text = (select current_setting('request.jwt.claims', true)::jsonb ->> 'sub')",
  "user_id = (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub')::uuid",
  "reviewer_id = auth.uid()",
  "user_id = auth.uid() and deleted_at is null and random() < 1",
  "user_id = auth.uid() or reviewer_id = auth.uid()",
  "user_id = auth.uid() or false",
  "user_id = auth.uid() or 'f'::boolean or 1 = 2",
  "(user_id = auth.uid()) is true",
  "not (not (user_id = auth.uid()))",
  "not (user_id <> auth.uid())",
  "not (user_id <> auth.uid() or is_public)",
  "false",
  "null",
  "not null::boolean",
  "auth.uid() = any (readers)",
  "user_id = any (array[auth.uid()])",
  "user_id in (auth.uid(), auth.uid())",
  // Through a key.
  "exists (select 1 from members m where m.team_id = docs.team_id and m.user_id = auth.uid())",
  "exists (select 1 from members m where m.team_id = docs.team_id and m.user_id = auth.uid() and m.is_active)",
  "exists (select from members m join teams t on t.id = m.team_id where t.id = docs.team_id and m.user_id = auth.uid())",
  "team_id in (select team_id from members where user_id = auth.uid() and role in ('owner', 'admin'))",
  "team_id = any (array(select m.team_id from members m where m.user_id = auth.uid()))",
  "exists (select from teams t where t.id = docs.team_id and t.owner_id = auth.uid())",
  "(select t.owner_id from teams t where t.id = team_id) = auth.uid()",
  "auth.uid() in (select m.user_id from members m where m.team_id = docs.team_id)",
  "exists (select from teams t where t.id = docs.team_id and exists (select from members m where m.team_id = t.id and m.user_id = auth.uid()))",
  // Through what the policies of a parent show.
  "exists (select from folders f where f.id = folder_id)",
  "folder_id in (select f.id from folders f)",
  // Through a helper of one query.
  "is_member(team_id)",
  "(select is_member(team_id))",
  "is_admin(team_id) or user_id = auth.uid()",
  "team_id in (select my_teams())",
  "team_id = any (array(select my_teams()))",
  "my_role(team_id) in ('owner', 'admin')",
  "(select my_role(team_id)) is not null",
  "(select m.role from members m where m.team_id = docs.team_id and m.user_id = auth.uid()) = 'admin'",
];

const open: readonly (readonly [condition: string, reason: string])[] = [
  ["true", "always true"],
  ["user_id = auth.uid() or 1::boolean", "only constants"],
  ["user_id = auth.uid() or 'y'::boolean", "always true"],
  ["user_id = auth.uid() or 'tru'::boolean", "always true"],
  ["user_id = auth.uid() or ' ON '::boolean", "always true"],
  ["user_id = auth.uid() or 1.0 = 1", "only constants"],
  ["user_id = auth.uid() or 'a' = 'a'", "only constants"],
  ["user_id = auth.uid() or 1 <> 2", "only constants"],
  [
    "user_id = auth.uid() or 'AAAAAAAA-aaaa-4aaa-8aaa-aaaaaaaaaaaa'::uuid = 'aaaaaaaa-AAAA-4aaa-8aaa-aaaaaaaaaaaa'::uuid",
    "only constants",
  ],
  [`user_id = auth.uid() or '{"a":1}'::jsonb = '{ "a": 1 }'::jsonb`, "only constants"],
  ["user_id = auth.uid() or 1.4::integer = 1", "only constants"],
  ["user_id = auth.uid() or 16777217::real = 16777216::real", "only constants"],
  ["user_id = auth.uid() or 9007199254740993 <> 9007199254740992", "only constants"],
  ["not false", "always true"],
  ["user_id = user_id", "compares a column with itself"],
  ["user_id is not null", "all rows with a user_id"],
  ["deleted_at is null", "all rows without a deleted_at"],
  ["auth.uid() is not null", "every signed-in user"],
  ["not (auth.uid() is null)", "every signed-in user"],
  ["auth.uid() = auth.uid()", "every signed-in user"],
  ["auth.jwt() ->> 'role' = 'authenticated'", "everybody who is authenticated"],
  ["current_user = 'authenticated'", "the database role"],
  ["title = current_user", "the database role"],
  ["title = current_setting('application_name')", "the setting application_name"],
  [
    "user_id::text = current_setting('request.headers', true)::json ->> 'x-user'",
    "the setting request.headers",
  ],
  ["user_id = current_setting('app.user_id', true)::uuid", "the setting app.user_id"],
  ["user_id = current_setting(title)::uuid", "the setting of a computed name"],
  [
    "user_id::text = auth.jwt() -> 'user_metadata' ->> 'id'",
    "the claim user_metadata, which users choose themselves",
  ],
  ["(auth.jwt() -> 'user_metadata' ->> 'admin')::boolean", "the claim user_metadata"],
  ["user_id::text = auth.jwt() #>> '{user_metadata,id}'", "the claim user_metadata"],
  ["auth.jwt() ->> 'email' like '%@example.org'", "the claim email"],
  ["is_public", "only the row itself"],
  ["user_id = auth.uid() or is_public", "only the row itself"],
  ["title <> ''", "only the row itself"],
  ["coalesce(length(title), 0) >= 0", "only the row itself"],
  ["id = auth.uid()", "asks for id, and not for user_id"],
  ["anyone(team_id)", "all rows with a team_id"],
  ["deleted_at is null and is_public", "all rows without a deleted_at"],
];

const unknown = [
  // True over no rows, or without a row.
  "exists (select 1 from members m where m.team_id = docs.team_id and m.user_id = auth.uid() having true)",
  "exists (select 1 from members m where m.team_id = docs.team_id and m.user_id = auth.uid() having count(*) < 5)",
  "exists (select 1 from members m where m.team_id = docs.team_id and m.user_id = auth.uid() group by ())",
  "exists (select 1 from members m where m.team_id = docs.team_id and m.user_id = auth.uid() group by rollup (m.team_id))",
  "exists (select any_value(1) from members m where m.team_id = docs.team_id and m.user_id = auth.uid())",
  "exists (select bit_and(1) from members m where m.team_id = docs.team_id and m.user_id = auth.uid())",
  "exists (select count(*) from members m where m.team_id = docs.team_id and m.user_id = auth.uid())",
  'exists (with recursive "x""y" as (select 1) select from "x""y")',
  "exists (select from members m where m.team_id = docs.team_id and m.user_id = auth.uid() union all select)",
  "exists (select from members m left join teams t on m.user_id = auth.uid() where m.team_id = docs.team_id)",
  "exists (select from members m, lateral (select 1) x where m.team_id = docs.team_id and m.user_id = auth.uid())",
  "exists (select from members m where m.team_id = docs.team_id and m.user_id = auth.uid() limit 1)",
  "not exists (select from members m where m.team_id = docs.team_id and m.user_id = auth.uid())",
  "team_id not in (select m.team_id from members m where m.user_id = auth.uid())",
  // The name means the judged row where the view has no such column.
  "exists (select 1 from views where org_id = auth.uid())",
  // The link is missing, or is none.
  "exists (select from members m where m.user_id = auth.uid())",
  "exists (select from members m where m.user_id = docs.team_id and m.user_id = auth.uid())",
  "exists (select from members m where m.team_id = docs.org_id and m.user_id = auth.uid())",
  "exists (select from members m where m.role = docs.title and m.user_id = auth.uid())",
  "exists (select from members m where (m.team_id = docs.team_id or m.is_active) and m.user_id = auth.uid())",
  "exists (select from teams t where t.id = team_id)",
  "user_id in (select u.id from teams u)",
  "(select m.team_id from members m where m.user_id = auth.uid()) = org_id",
  // Other operators, and what is null on both sides.
  "user_id operator(public.=) auth.uid()",
  "user_id <> auth.uid()",
  "not (user_id = auth.uid())",
  "user_id is not distinct from auth.uid()",
  "(user_id = auth.uid()) is not false",
  "(user_id = auth.uid()) = is_public",
  "case when user_id = auth.uid() then false else true end",
  "coalesce(user_id = auth.uid(), true)",
  "reviewer_id is null",
  "team_id = auth.uid()",
  "user_id = auth.uid() or now() > '2020-01-01'",
  "user_id = any (array[auth.uid(), team_id])",
  "org_id = (auth.jwt() -> 'app_metadata' ->> 'org_id')::uuid",
  "auth.jwt() -> 'app_metadata' ->> 'role' = 'admin'",
  "current_user = 'service_role'",
  "left(user_id::text, 1) = left(auth.uid()::text, 1)",
  "user_id::varchar(4) = auth.uid()::varchar(4)",
  // Helpers whose answer is not tied to the user, or whose names are not clear.
  "is_listed(team_id)",
  "is_member(org_id)",
  "loose(team_id)",
  "my_role(team_id) is null",
  "my_role(team_id) <> 'banned'",
  "coalesce(my_role(team_id), 'admin') = 'admin'",
  "my_role(org_id) = 'admin'",
  "(select max(m.role) from members m where m.team_id = docs.team_id and m.user_id = auth.uid()) = 'admin'",
  "user_id = any (select my_teams())",
  "team_id <> any (select my_teams())",
  "absent(team_id)",
  "given(team_id, true)",
  // A definer function reads past what the policies of a table show.
  "in_folder(folder_id)",
  // True where the list is empty.
  "not (auth.uid() <> any (readers))",
  "user_id in (select u.id from users u)",
  // A part of a key, a value that many share, and the user whom a row of one's own names.
  "exists (select from numbered n where n.number = docs.number and n.user_id = auth.uid())",
  "exists (select from profiles p where p.country = docs.country and p.user_id = auth.uid())",
  "exists (select from profiles p where p.friend_id = docs.user_id and p.user_id = auth.uid())",
  // Inheritance children may hold null.
  "user_id is null",
];

describe("a condition", () => {
  let outcomes: (condition: string) => Outcome;
  let database: JudgedDatabase;

  beforeAll(async () => {
    database = await JudgedDatabase.create();
    const all = [...own, ...open.map(([condition]) => condition), ...unknown];
    const policies = all.map(
      (condition, at) =>
        `create policy p${at} on public.docs for select to authenticated using (${condition});`,
    );
    const jwt =
      "create function auth.jwt() returns jsonb language sql stable set search_path = '' " +
      "as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;";
    const schema = await database.schemaAfter(
      [jwt, ground, "set local search_path = public;", ...policies].join("\n"),
    );
    const judged = new JudgedSchema(schema, defaultContract);
    outcomes = (condition) => {
      const table = judged.table({ schema: "public", name: "docs" });
      const policy = table?.policies?.find(({ name }) => name === `p${all.indexOf(condition)}`);
      if (!table || !policy?.using) throw new Error(`There is no policy of ${condition}.`);
      // Whether some policy asks for the user is a matter of its own.
      const alone = { ...table, policies: [policy] };
      return classify(policy.using, { table: alone, judged });
    };
  });

  afterAll(() => database.drop());

  it.each(own)("is own: %s", (condition) => {
    expect(outcomes(condition)).toEqual({ outcome: "own" });
  });

  it.each(open)("is open: %s", (condition, reason) => {
    expect(outcomes(condition)).toEqual({
      outcome: "open",
      reason: expect.stringContaining(reason) as unknown,
    });
  });

  it.each(unknown)("is unknown: %s", (condition) => {
    expect(outcomes(condition)).toMatchObject({ outcome: "unknown" });
  });

  it("takes the identity and the settings of the contract", async () => {
    const contract = parseContract({
      identity: ["current_setting('app.user_id')::uuid"],
      trustedSettings: ["app.user_id", "app.tenant_id"],
    });
    const schema = await database.schemaAfter(`
      create table public.a (user_id uuid references public.users (id), tenant_id uuid);
      create policy p on public.a using (user_id = current_setting('app.user_id', true)::uuid);
      create policy q on public.a using (tenant_id = current_setting('app.tenant_id')::uuid);
      create policy r on public.a using (user_id = auth.uid());
    `);
    const table = schema.tables.find(({ name }) => name === "a");
    if (!table) throw new Error("There is no table a.");
    const judge = (name: string, by = contract) =>
      classify(table.policies?.find((policy) => policy.name === name)?.using ?? "", {
        table,
        judged: new JudgedSchema(schema, by),
      }).outcome;
    expect([judge("p"), judge("q"), judge("r")]).toEqual(["own", "unknown", "unknown"]);
    expect([judge("p", defaultContract), judge("q", defaultContract)]).toEqual(["open", "open"]);
  });
});
