-- why: members see their team, each other and its documents

create table public.teams (
  id uuid primary key,
  name text not null,
  created_by uuid not null references public.users (id)
);
create table public.members (
  team_id uuid references public.teams (id),
  user_id uuid references public.users (id),
  role text not null check (role in ('admin', 'member')),
  primary key (team_id, user_id)
);
create table public.docs (
  id bigint generated always as identity primary key,
  team_id uuid not null references public.teams (id),
  created_by uuid not null references public.users (id),
  title text not null
);
alter table public.teams enable row level security;
alter table public.teams force row level security;
alter table public.members enable row level security;
alter table public.members force row level security;
alter table public.docs enable row level security;
alter table public.docs force row level security;
create function public.is_member(t uuid) returns boolean
  language sql stable security definer set search_path = ''
  as $$ select exists (select from public.members m where m.team_id = t
    and m.user_id = auth.uid()) $$;
revoke execute on function public.is_member(uuid) from public;
grant execute on function public.is_member(uuid) to authenticated;
create policy m on public.members for select to migrator using (true);
create policy r on public.members for select to authenticated using (public.is_member(team_id));
create policy r on public.teams for select to authenticated using (public.is_member(id));
create policy r on public.docs for select to authenticated using (public.is_member(team_id));
create policy u on public.docs for update to authenticated
  using (public.is_member(team_id))
  with check (public.is_member(team_id));
create policy i on public.docs for insert to authenticated
  with check (public.is_member(team_id) and created_by = (select auth.uid()));
grant select on public.teams, public.members to authenticated;
grant select, insert (team_id, created_by, title), update (title) on public.docs to authenticated;
