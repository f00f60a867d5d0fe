-- Teams, and who is in them as what.
create type public.team_role as enum ('owner', 'editor', 'viewer');

create table public.teams (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  slug text not null unique default encode(extensions.gen_random_bytes(6), 'hex'),
  created_by uuid not null default auth.uid() references auth.users (id) on delete cascade,
  created_at timestamptz not null default now()
);

create table public.team_members (
  team_id uuid not null references public.teams (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role public.team_role not null default 'viewer',
  joined_at timestamptz not null default now(),
  primary key (team_id, user_id)
);

create index team_members_user_id_idx on public.team_members (user_id);

alter table public.teams enable row level security;
alter table public.team_members enable row level security;

-- With the rights of their owner, so that policies on team_members can ask them.
create function public.is_team_member(_team_id uuid)
returns boolean
language sql
stable
security definer set search_path = ''
as $$
  select exists (
    select 1 from public.team_members
    where team_id = _team_id and user_id = (select auth.uid())
  );
$$;

create function public.has_team_role(_team_id uuid, _roles public.team_role[])
returns boolean
language sql
stable
security definer set search_path = ''
as $$
  select exists (
    select 1 from public.team_members
    where team_id = _team_id
      and user_id = (select auth.uid())
      and role = any (_roles)
  );
$$;

create policy "Members can view their teams" on public.teams
  for select to authenticated
  using (public.is_team_member(id) or created_by = (select auth.uid()));

create policy "Signed-in users can create teams" on public.teams
  for insert to authenticated
  with check (created_by = (select auth.uid()));

create policy "Owners can update their teams" on public.teams
  for update to authenticated
  using (public.has_team_role(id, '{owner}'));

create policy "Owners can delete their teams" on public.teams
  for delete to authenticated
  using (public.has_team_role(id, '{owner}'));

create policy "Members can view their team's members" on public.team_members
  for select to authenticated
  using (public.is_team_member(team_id));

create policy "Owners can add members" on public.team_members
  for insert to authenticated
  with check (public.has_team_role(team_id, '{owner}'));

create policy "Owners can change roles" on public.team_members
  for update to authenticated
  using (public.has_team_role(team_id, '{owner}'))
  with check (public.has_team_role(team_id, '{owner}'));

create policy "Owners can remove members, and members can leave" on public.team_members
  for delete to authenticated
  using (public.has_team_role(team_id, '{owner}') or user_id = (select auth.uid()));

-- Who creates a team owns it.
create function public.handle_new_team()
returns trigger
language plpgsql
security definer set search_path = ''
as $$
begin
  insert into public.team_members (team_id, user_id, role)
  values (new.id, new.created_by, 'owner');
  return new;
end;
$$;

create trigger on_team_created
  after insert on public.teams
  for each row execute function public.handle_new_team();

-- Who made a row stays who made it.
create function public.keep_created_by()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.created_by = old.created_by;
  return new;
end;
$$;

create trigger teams_keep_created_by
  before update on public.teams
  for each row execute function public.keep_created_by();

-- People see the profiles of those they work with.
create function public.my_teammates()
returns setof uuid
language sql
stable
security definer set search_path = ''
as $$
  select theirs.user_id
  from public.team_members mine
  join public.team_members theirs on theirs.team_id = mine.team_id
  where mine.user_id = (select auth.uid());
$$;

create policy "Users can view profiles of teammates" on public.profiles
  for select to authenticated
  using (id in (select public.my_teammates()));
