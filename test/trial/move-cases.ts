/** A way into another world by writes of one's own, and a twin that lets nobody in by them. */
export interface MoveCase {
  way: string;
  /** The table that is written, or the function that is called. */
  object: string;
  /** @default trial-moves */
  rule?: "trial-owner";
  leaking: string;
  safe: string;
}

const protect = (...tables: string[]) =>
  tables
    .map(
      (table) => `alter table public.${table} enable row level security, force row level security;`,
    )
    .join("\n");

const ME = "(select auth.uid())";

/** Teams, their members with roles, and documents that all members read and only admins write. */
const teams = `
create table public.teams (id uuid primary key default gen_random_uuid(), name text not null default '');
create table public.members (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  role text not null default 'member' check (role in ('owner', 'admin', 'member')),
  primary key (team_id, user_id)
);
create index on public.members (user_id);
create table public.papers (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  title text not null default ''
);
create index on public.papers (team_id);
${protect("teams", "members", "papers")}
create function public.role_in(team uuid) returns text
language sql stable security definer set search_path = '' as $$
  select m.role from public.members m where m.team_id = team and m.user_id = auth.uid()
$$;
revoke all on function public.role_in(uuid) from public;
grant execute on function public.role_in(uuid) to authenticated;
create policy members_migrator on public.members for all to migrator using (true) with check (true);
create policy teams_read on public.teams for select to authenticated
  using (public.role_in(id) is not null);
create policy members_read on public.members for select to authenticated
  using (public.role_in(team_id) is not null);
create policy papers_read on public.papers for select to authenticated
  using (public.role_in(team_id) is not null);
create policy papers_write on public.papers for update to authenticated
  using (public.role_in(team_id) in ('owner', 'admin'));
grant select on public.teams, public.members, public.papers to authenticated;
grant update (title) on public.papers to authenticated;
`;

/** Invitations, with the role that they are for. */
const invitations = (condition: string) => `${teams}
create table public.invitations (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  invited_id uuid not null references public.users (id) on delete cascade,
  role text not null check (role in ('admin', 'member')),
  unique (team_id, invited_id)
);
create index on public.invitations (invited_id);
${protect("invitations")}
create policy invitations_read on public.invitations for select to authenticated
  using (invited_id = ${ME} or public.role_in(team_id) in ('owner', 'admin'));
create policy invitations_write on public.invitations for insert to authenticated
  with check (public.role_in(team_id) in ('owner', 'admin'));
grant select, insert (team_id, invited_id, role) on public.invitations to authenticated;
create policy members_join on public.members for insert to authenticated
  with check (user_id = ${ME} and exists (select from public.invitations i
    where i.team_id = members.team_id and i.invited_id = ${ME}${condition}));
grant insert (team_id, user_id, role) on public.members to authenticated;
`;

/** Profiles with a flag, by which staff reads all tickets. */
const profiles = `
create table public.profiles (
  id uuid primary key references public.users (id) on delete cascade,
  nickname text not null default '',
  is_staff boolean not null default false
);
create table public.tickets (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.tickets (user_id);
${protect("profiles", "tickets")}
create policy profiles_read on public.profiles for select to authenticated using (id = ${ME});
create policy profiles_change on public.profiles for update to authenticated using (id = ${ME}) with check (id = ${ME});
create policy tickets_read on public.tickets for select to authenticated
  using (user_id = ${ME} or exists (select from public.profiles p where p.id = ${ME} and p.is_staff));
grant select on public.profiles, public.tickets to authenticated;
`;

/** Roles of users, which are one of few. */
const roles = `
create type public.app_role as enum ('user', 'moderator');
create table public.user_roles (
  user_id uuid not null references public.users (id) on delete cascade,
  role public.app_role not null,
  primary key (user_id, role)
);
create table public.comments (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.comments (user_id);
${protect("user_roles", "comments")}
create policy roles_read on public.user_roles for select to authenticated using (user_id = ${ME});
create policy comments_read on public.comments for select to authenticated using (user_id = ${ME});
create policy comments_moderate on public.comments for delete to authenticated
  using (exists (select from public.user_roles r where r.user_id = ${ME} and r.role = 'moderator'));
grant select on public.user_roles to authenticated;
grant select, delete on public.comments to authenticated;
`;

/** Roles that are rows, with what they permit. */
const permissions = `
create table public.kinds (id integer primary key, name text not null unique, may_edit boolean not null);
insert into public.kinds values (1, 'reader', false), (2, 'editor', true);
create table public.user_kinds (
  user_id uuid not null references public.users (id) on delete cascade,
  kind_id integer not null references public.kinds (id),
  primary key (user_id, kind_id)
);
create index on public.user_kinds (kind_id);
create table public.pages (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.pages (user_id);
${protect("kinds", "user_kinds", "pages")}
create policy kinds_read on public.kinds for select to authenticated using (true);
create policy user_kinds_read on public.user_kinds for select to authenticated using (user_id = ${ME});
create policy pages_read on public.pages for select to authenticated using (user_id = ${ME} or exists (
  select from public.user_kinds u join public.kinds k on k.id = u.kind_id
  where u.user_id = ${ME} and k.may_edit));
grant select on public.kinds, public.user_kinds, public.pages to authenticated;
`;

/** Friends read each other's posts; one asks, the other agrees. */
const friends = `
create table public.friendships (
  asker_id uuid not null references public.users (id) on delete cascade,
  asked_id uuid not null references public.users (id) on delete cascade,
  status text not null default 'asked' check (status in ('asked', 'agreed')),
  primary key (asker_id, asked_id),
  check (asker_id <> asked_id)
);
create index on public.friendships (asked_id);
create table public.posts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.posts (user_id);
${protect("friendships", "posts")}
create policy friendships_read on public.friendships for select to authenticated
  using (${ME} in (asker_id, asked_id));
create policy posts_read on public.posts for select to authenticated
  using (user_id = ${ME} or exists (select from public.friendships f where f.status = 'agreed'
    and ((f.asker_id = ${ME} and f.asked_id = posts.user_id)
      or (f.asked_id = ${ME} and f.asker_id = posts.user_id))));
grant select on public.friendships, public.posts to authenticated;
grant insert (asker_id, asked_id, status), update (status) on public.friendships to authenticated;
`;
const ask = (condition: string) => `
create policy friendships_ask on public.friendships for insert to authenticated
  with check (asker_id = ${ME}${condition});
`;
const agree = (who: string) => `
create policy friendships_agree on public.friendships for update to authenticated
  using (${who}) with check (${who});
`;

/** A team that profiles name, of which admins read the invoices. */
const tenants = `
create table public.companies (id uuid primary key default gen_random_uuid(), name text not null default '');
create table public.staff (
  user_id uuid primary key references public.users (id) on delete cascade,
  company_id uuid not null references public.companies (id),
  level integer not null default 1,
  phone text
);
create index on public.staff (company_id);
create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  company_id uuid not null references public.companies (id),
  total integer not null default 0
);
create index on public.invoices (company_id);
${protect("companies", "staff", "invoices")}
create policy staff_read on public.staff for select to authenticated using (user_id = ${ME});
create policy staff_change on public.staff for update to authenticated using (user_id = ${ME}) with check (user_id = ${ME});
create policy invoices_read on public.invoices for select to authenticated using (exists (
  select from public.staff s where s.user_id = ${ME} and s.company_id = invoices.company_id and s.level >= 5));
grant select on public.staff, public.invoices to authenticated;
`;

/** Members without a key over team and user, who count when somebody has approved them. */
const approvals = `
create table public.clubs (id uuid primary key default gen_random_uuid(), name text not null default '');
create table public.club_people (
  id uuid primary key default gen_random_uuid(),
  club_id uuid not null references public.clubs (id),
  person_id uuid not null references public.users (id),
  approved_by uuid references public.users (id)
);
create index on public.club_people (club_id);
create index on public.club_people (person_id);
create index on public.club_people (approved_by);
${protect("clubs", "club_people")}
create policy people_read on public.club_people for select to authenticated using (person_id = ${ME});
create policy people_apply on public.club_people for insert to authenticated
  with check (person_id = ${ME} and approved_by is null);
create policy clubs_read on public.clubs for select to authenticated using (exists (
  select from public.club_people p
  where p.club_id = clubs.id and p.person_id = ${ME} and p.approved_by is not null));
grant select on public.club_people, public.clubs to authenticated;
grant insert (club_id, person_id, approved_by) on public.club_people to authenticated;
`;

/** Members who are invited first, and requests to join, which an owner grants. */
const invitedMembers = `${teams}
alter table public.members add column status text not null default 'invited'
  check (status in ('invited', 'active'));
create or replace function public.role_in(team uuid) returns text
language sql stable security definer set search_path = '' as $$
  select m.role from public.members m
  where m.team_id = team and m.user_id = auth.uid() and m.status = 'active'
$$;
create policy members_own on public.members for select to authenticated using (user_id = ${ME});
create policy members_accept on public.members for update to authenticated
  using (user_id = ${ME} and status = 'invited') with check (user_id = ${ME} and status = 'active');
grant update (status) on public.members to authenticated;
grant insert (team_id, user_id, status) on public.members to authenticated;
`;
const requests = (who: string) => `${teams}
create table public.requests (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  unique (team_id, user_id)
);
create index on public.requests (user_id);
${protect("requests")}
create policy requests_migrator on public.requests for select to migrator using (true);
create policy requests_make on public.requests for insert to authenticated with check (user_id = ${ME});
create policy requests_read on public.requests for select to authenticated
  using (user_id = ${ME} or public.role_in(team_id) = 'owner');
grant select, insert (team_id, user_id) on public.requests to authenticated;
create function public.grant_request(request uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  it record;
begin
  select r.team_id, r.user_id into it from public.requests r where r.id = request;
  if not found or not coalesce(${who}, false) then
    raise exception 'there is no such request';
  end if;
  insert into public.members (team_id, user_id) values (it.team_id, it.user_id);
end
$$;
revoke all on function public.grant_request(uuid) from public;
grant execute on function public.grant_request(uuid) to authenticated;
`;

/** Pages with editors beside their owner. */
const leaves = `
create table public.leaves (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  editors uuid[] not null default '{}',
  body text not null default ''
);
create index on public.leaves (user_id);
${protect("leaves")}
create policy leaves_read on public.leaves for select to authenticated
  using (user_id = ${ME} or ${ME} = any (editors));
create policy leaves_edit on public.leaves for update to authenticated
  using (user_id = ${ME} or ${ME} = any (editors));
grant select, update on public.leaves to authenticated;
`;

/** Books that only a function shows, to the readers of their shelf. */
const shelves = `
create table public.shelves (id uuid primary key default gen_random_uuid(), name text not null default '');
create table public.readers (
  shelf_id uuid not null references public.shelves (id) on delete cascade,
  reader_id uuid not null references public.users (id) on delete cascade,
  primary key (shelf_id, reader_id)
);
create index on public.readers (reader_id);
create table public.books (
  id uuid primary key default gen_random_uuid(),
  shelf_id uuid not null references public.shelves (id) on delete cascade,
  title text not null default ''
);
create index on public.books (shelf_id);
${protect("shelves", "readers", "books")}
create policy readers_migrator on public.readers for select to migrator using (true);
create policy books_migrator on public.books for select to migrator using (true);
create function public.books_on(shelf uuid) returns setof public.books
language sql stable security definer set search_path = '' as $$
  select b.* from public.books b where b.shelf_id = shelf and exists (
    select from public.readers r where r.shelf_id = shelf and r.reader_id = auth.uid())
$$;
revoke all on function public.books_on(uuid) from public;
grant execute on function public.books_on(uuid) to authenticated;
`;

const titles = shelves
  .replaceAll("books_on", "titles_on")
  .replace("setof public.books", "setof text")
  .replace("b.*", "b.title");

/** Invitations by a link that whoever has its token may accept, as long as it lasts. */
const links = (which: string, type = "text") => `${teams}
create table public.links (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  token text not null unique default encode(sha256(gen_random_uuid()::text::bytea), 'hex'),
  role text not null default 'member' check (role in ('admin', 'member')),
  expires_at timestamptz not null,
  taken_at timestamptz
);
create index on public.links (team_id);
${protect("links")}
create policy links_migrator on public.links for all to migrator using (true) with check (true);
create policy links_read on public.links for select to authenticated
  using (public.role_in(team_id) in ('owner', 'admin'));
grant select on public.links to authenticated;
create function public.follow(link ${type}) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  it public.links;
begin
  update public.links l set taken_at = now()
  where ${which} and l.expires_at > now() and l.taken_at is null
  returning * into it;
  if it.id is null then
    raise exception 'there is no such link';
  end if;
  insert into public.members (team_id, user_id, role) values (it.team_id, auth.uid(), it.role)
  on conflict do nothing;
  return it.team_id;
end
$$;
revoke all on function public.follow(${type}) from public;
grant execute on function public.follow(${type}) to authenticated;
`;

/** Teams that a trigger places whoever signs up into. */
const signUp = (columns: string, team: string, role = "'member'") => `${teams}
alter table public.teams add column domain text unique;
${columns}
create policy teams_migrator on public.teams for select to migrator using (true);
create function public.welcome() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.members (team_id, user_id, role)
  select t.id, new.id, ${role} from public.teams t where ${team};
  return new;
end
$$;
create trigger welcome after insert on public.users for each row execute function public.welcome();
`;

/** Each is let in by rows, which its leaking form lets the attacker write. */
export const moveCases: MoveCase[] = [
  {
    way: "an invitation that says who, and leaves the role to the invited",
    object: "public.members",
    leaking: invitations(""),
    safe: invitations(" and i.role = members.role"),
  },
  {
    way: "a flag in one's own profile",
    object: "public.profiles",
    leaking: `${profiles} grant update on public.profiles to authenticated;`,
    safe: `${profiles} grant update (nickname) on public.profiles to authenticated;`,
  },
  {
    way: "a profile that is made with the flag",
    object: "public.profiles",
    leaking: `${profiles}
      create policy profiles_make on public.profiles for insert to authenticated with check (id = ${ME});
      grant insert on public.profiles to authenticated;`,
    safe: `${profiles}
      create policy profiles_make on public.profiles for insert to authenticated
        with check (id = ${ME} and not is_staff);
      grant insert on public.profiles to authenticated;`,
  },
  {
    way: "a role that users give themselves",
    object: "public.user_roles",
    leaking: `${roles}
      create policy roles_add on public.user_roles for insert to authenticated with check (user_id = ${ME});
      grant insert on public.user_roles to authenticated;`,
    safe: `${roles}
      create policy roles_add on public.user_roles for insert to authenticated
        with check (user_id = ${ME} and role = 'user');
      grant insert on public.user_roles to authenticated;`,
  },
  {
    way: "a role that is a row",
    object: "public.user_kinds",
    leaking: `${permissions}
      create policy kinds_add on public.user_kinds for insert to authenticated with check (user_id = ${ME});
      grant insert on public.user_kinds to authenticated;`,
    safe: `${permissions}
      create policy kinds_add on public.user_kinds for insert to authenticated
        with check (user_id = ${ME} and kind_id in (select k.id from public.kinds k where not k.may_edit));
      grant insert on public.user_kinds to authenticated;`,
  },
  {
    way: "a friendship that who asked agrees to",
    object: "public.friendships",
    leaking: `${friends}${ask(" and status = 'asked'")}${agree(`${ME} in (asker_id, asked_id)`)}`,
    safe: `${friends}${ask(" and status = 'asked'")}${agree(`asked_id = ${ME}`)}`,
  },
  {
    way: "a friendship that is entered as agreed",
    object: "public.friendships",
    leaking: `${friends}${ask("")}${agree(`asked_id = ${ME}`)}`,
    safe: `${friends}${ask(" and status <> 'agreed'")}${agree(`asked_id = ${ME}`)}`,
  },
  {
    way: "a company that users choose",
    object: "public.staff",
    leaking: `${tenants} grant update (company_id, level) on public.staff to authenticated;`,
    safe: `${tenants} grant update (phone) on public.staff to authenticated;`,
  },
  {
    way: "a level that users choose in their company",
    object: "public.staff",
    leaking: `${tenants} grant update (level) on public.staff to authenticated;`,
    safe: `${tenants} grant update (phone) on public.staff to authenticated;`,
  },
  {
    way: "an approval of one's own",
    object: "public.club_people",
    leaking: `${approvals}
      create policy people_change on public.club_people for update to authenticated
        using (person_id = ${ME}) with check (person_id = ${ME});
      grant update (approved_by) on public.club_people to authenticated;`,
    safe: `${approvals}
      create policy people_leave on public.club_people for delete to authenticated using (person_id = ${ME});
      grant delete on public.club_people to authenticated;`,
  },
  {
    way: "a function that sets one's own role",
    object: "function public.become(team uuid, wanted text)",
    leaking: `${teams}
      create function public.become(team uuid, wanted text) returns void
      language sql security definer set search_path = '' as $$
        update public.members set role = wanted where team_id = team and user_id = auth.uid()
      $$;
      revoke all on function public.become(uuid, text) from public;
      grant execute on function public.become(uuid, text) to authenticated;`,
    safe: `${teams}
      create function public.step_down(team uuid) returns void
      language sql security definer set search_path = '' as $$
        update public.members set role = 'member' where team_id = team and user_id = auth.uid()
      $$;
      revoke all on function public.step_down(uuid) from public;
      grant execute on function public.step_down(uuid) to authenticated;`,
  },
  {
    way: "a function that lets in whoever knows the team's key",
    object: "function public.enter(team uuid)",
    leaking: `${teams}
      create function public.enter(team uuid) returns void
      language sql security definer set search_path = '' as $$
        insert into public.members (team_id, user_id) values (team, auth.uid())
      $$;
      revoke all on function public.enter(uuid) from public;
      grant execute on function public.enter(uuid) to authenticated;`,
    safe: `${teams}
      alter table public.teams add column secret text unique default gen_random_uuid()::text;
      create policy teams_migrator on public.teams for select to migrator using (true);
      revoke select on public.teams from authenticated;
      grant select (id, name) on public.teams to authenticated;
      create function public.enter(word text) returns void
      language sql security definer set search_path = '' as $$
        insert into public.members (team_id, user_id)
        select t.id, auth.uid() from public.teams t where t.secret = word
      $$;
      revoke all on function public.enter(text) from public;
      grant execute on function public.enter(text) to authenticated;`,
  },
  {
    way: "members who give themselves a higher place",
    object: "public.members",
    leaking: `${teams}
      create policy members_change on public.members for update to authenticated
        using (user_id = ${ME}) with check (user_id = ${ME});
      grant update (role) on public.members to authenticated;`,
    safe: `${teams}
      create policy members_change on public.members for update to authenticated
        using (public.role_in(team_id) in ('owner', 'admin'))
        with check (public.role_in(team_id) in ('owner', 'admin'));
      create policy members_leave on public.members for delete to authenticated using (user_id = ${ME});
      grant update (role), delete on public.members to authenticated;`,
  },
  {
    way: "editors who make a page their own",
    object: "public.leaves",
    rule: "trial-owner",
    leaking: leaves,
    safe: `${leaves}
      revoke update on public.leaves from authenticated;
      grant update (body) on public.leaves to authenticated;`,
  },
  {
    way: "an invitation to oneself, and its acceptance",
    object: "public.members",
    leaking: `${invitedMembers}
      create policy members_invite on public.members for insert to authenticated
        with check (status = 'invited' and (user_id = ${ME} or public.role_in(team_id) = 'owner'));`,
    safe: `${invitedMembers}
      create policy members_invite on public.members for insert to authenticated
        with check (status = 'invited' and public.role_in(team_id) = 'owner');`,
  },
  {
    way: "a request that who made it grants",
    object: "function public.grant_request(request uuid)",
    leaking: requests("it.user_id = auth.uid()"),
    safe: requests("public.role_in(it.team_id) = 'owner'"),
  },
  {
    way: "a list that only a function asks, which shows rows",
    object: "public.readers",
    leaking: `${shelves}
      create policy readers_join on public.readers for insert to authenticated with check (reader_id = ${ME});
      grant insert on public.readers to authenticated;`,
    safe: shelves,
  },
  {
    way: "a list that only a function asks, which shows titles alone",
    object: "public.readers",
    leaking: `${titles}
      create policy readers_join on public.readers for insert to authenticated with check (reader_id = ${ME});
      grant insert on public.readers to authenticated;`,
    safe: titles,
  },
  {
    way: "a link that is followed by its key, given as a text",
    object: "function public.follow(link text)",
    leaking: links("l.id::text = link"),
    safe: links("l.token = link"),
  },
  {
    way: "a link that is followed by its key",
    object: "function public.follow(link uuid)",
    leaking: links("l.id = link", "uuid"),
    safe: links("l.id = link and public.role_in(l.team_id) = 'owner'", "uuid"),
  },
  {
    way: "a team for whoever signs up with an address of its domain",
    object: "public.users",
    leaking: signUp("", "t.domain = split_part(new.email, '@', 2)"),
    safe: signUp(
      "alter table public.users add column confirmed_at timestamptz;",
      "new.confirmed_at is not null and t.domain = split_part(new.email, '@', 2)",
    ),
  },
  {
    way: "a team that whoever signs up names",
    object: "public.users",
    leaking: signUp(
      "alter table public.users add column raw_user_meta_data jsonb;",
      "t.id::text = new.raw_user_meta_data ->> 'team'",
    ),
    safe: signUp(
      "alter table public.users add column raw_app_meta_data jsonb;",
      "t.id::text = new.raw_app_meta_data ->> 'team'",
    ),
  },
];
