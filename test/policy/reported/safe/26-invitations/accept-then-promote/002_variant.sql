-- The rank is set by the function; may the member change it afterwards?
create type public.rank as enum ('guest', 'chief');
create table public.tribes (id uuid primary key default gen_random_uuid());
create table public.tribe_people (
  tribe_id uuid not null references public.tribes (id) on delete cascade,
  account_id uuid not null references public.users (id) on delete cascade,
  rank public.rank not null default 'guest',
  alias text,
  primary key (tribe_id, account_id)
);
create index on public.tribe_people (account_id);
create table public.tribe_invites (
  id uuid primary key default gen_random_uuid(),
  tribe_id uuid not null references public.tribes (id) on delete cascade,
  account_id uuid not null references public.users (id) on delete cascade
);
create index on public.tribe_invites (tribe_id);
create index on public.tribe_invites (account_id);
create table public.secrets (
  id uuid primary key default gen_random_uuid(),
  tribe_id uuid not null references public.tribes (id) on delete cascade,
  body text not null
);
create index on public.secrets (tribe_id);
alter table public.tribes enable row level security, force row level security;
alter table public.tribe_people enable row level security, force row level security;
alter table public.tribe_invites enable row level security, force row level security;
alter table public.secrets enable row level security, force row level security;
create policy tribe_people_migrator on public.tribe_people for all to migrator using (true) with check (true);
create policy tribe_invites_migrator on public.tribe_invites for all to migrator using (true) with check (true);
create policy people_self on public.tribe_people for select to authenticated using (account_id = (select auth.uid()));
create policy people_edit on public.tribe_people for update to authenticated
  using (account_id = (select auth.uid())) with check (account_id = (select auth.uid()));
create policy invites_self on public.tribe_invites for select to authenticated using (account_id = (select auth.uid()));
create policy tribes_people on public.tribes for select to authenticated
  using (exists (select from public.tribe_people p where p.tribe_id = tribes.id and p.account_id = (select auth.uid())));
create policy secrets_chief on public.secrets for select to authenticated
  using (exists (
    select from public.tribe_people p
    where p.tribe_id = secrets.tribe_id and p.account_id = (select auth.uid()) and p.rank = 'chief'
  ));
grant select on public.tribes, public.tribe_invites, public.secrets to authenticated;
grant select, update (alias) on public.tribe_people to authenticated;
create function public.join_tribe(invite uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  tribe uuid;
begin
  select i.tribe_id into tribe from public.tribe_invites i where i.id = invite and i.account_id = auth.uid();
  if tribe is null then
    raise exception 'no invitation' using errcode = 'P0002';
  end if;
  insert into public.tribe_people (tribe_id, account_id) values (tribe, auth.uid()) on conflict do nothing;
  delete from public.tribe_invites where id = invite;
end
$$;
revoke all on function public.join_tribe(uuid) from public;
grant execute on function public.join_tribe(uuid) to authenticated;
