-- safe: a PL/pgSQL helper that remembers who is signed in
-- rows: insert into public.teams (id) values (:a), (:b); insert into public.memberships values (:a, :a), (:b, :b)
-- as: authenticated a
-- query: select count(*) from public.teams
-- returns: 1

create table public.teams (id uuid primary key default gen_random_uuid(), name text);
create table public.memberships (team_id uuid not null references public.teams (id), user_id uuid not null references public.users (id), primary key (team_id, user_id));
create index on public.memberships (user_id);
alter table public.teams enable row level security, force row level security;
alter table public.memberships enable row level security, force row level security;
create policy m on public.memberships for select to migrator using (true);
create policy own on public.memberships for select to authenticated using ((select auth.uid()) = user_id);
create function public.is_team_member(team uuid) returns boolean language plpgsql stable security definer set search_path = '' as $$
declare
  me uuid := auth.uid();
  found_one boolean;
begin
  if me is null then
    return false;
  end if;
  select exists (select 1 from public.memberships m where m.team_id = team and m.user_id = me) into found_one;
  return found_one;
end
$$;
revoke all on function public.is_team_member(uuid) from public;
grant execute on function public.is_team_member(uuid) to authenticated;
create policy t on public.teams for select to authenticated using (public.is_team_member(id));
grant select on public.teams, public.memberships to authenticated;
